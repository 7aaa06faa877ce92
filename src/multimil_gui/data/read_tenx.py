"""Read 10x Genomics .h5 files: genes, antibodies and peaks become modalities."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.contents import Contents, Tell
from multimil_gui.data.elements import is_group, make_unique, read_text
from multimil_gui.data.matrices import Place, read_compressed
from multimil_gui.data.read_anndata import Parts, split_by_type


def tenx_group(root: Any) -> Any | None:
    """Return the group with the matrix (``matrix`` since Cell Ranger 3, the genome before), None when not 10x."""
    for key in ("matrix", *root.keys()):
        if key in root and is_group(root[key]) and all(part in root[key] for part in ("barcodes", "indptr", "shape")):
            return root[key]
    return None


def read_tenx(group: Any, tell: Tell) -> Contents:
    """Read the matrix group of a 10x file; the GEM well (``-1``, ``-2``) becomes the obs column ``library``."""
    import pandas as pd

    place = str(getattr(group, "name", "matrix")).strip("/")
    names = read_text(group["barcodes"], f"{place}/barcodes")
    if len(names) == 0:
        raise Refusal("The file has no cells.", f"{place}/barcodes is empty.", "Open a file with cells.")
    features, types = _features(group, place)
    unique, changed = make_unique(features.tolist())
    warnings = []
    if changed:
        warnings.append(f"{changed:,} feature names are used more than once; a number was added to them.")
    shape = tuple(int(size) for size in np.asarray(group["shape"][:]).ravel())
    if shape != (len(features), len(names)):
        raise Refusal(
            "The matrix does not fit its tables.",
            f"{place}: shape {shape}, {len(features):,} features and {len(names):,} barcodes.",
            "The file is damaged; download it again.",
        )
    tell(f"Reading {place}")
    matrix = read_compressed(group, Place(place, names, np.asarray(unique, dtype=object)), by_cell=True)
    parts = Parts(names=names, columns={}, features=tuple(unique), feature_types=types, matrices={"X": matrix})
    wells = [found.group(1) if (found := re.search(r"-(\d+)$", name)) else "1" for name in names.tolist()]
    frame = pd.DataFrame({"library": pd.Categorical(wells)}, index=pd.RangeIndex(len(names)))
    contents = Contents(names=names, obs=frame, warnings=warnings)
    contents.modalities = split_by_type(parts, warnings)
    return contents


def _features(group: Any, place: str) -> tuple[np.ndarray, np.ndarray | None]:
    if "features" in group:
        table = group["features"]
        names = read_text(table["name"], f"{place}/features/name")
        types = read_text(table["feature_type"], f"{place}/features/feature_type") if "feature_type" in table else None
        return names, types
    key = "gene_names" if "gene_names" in group else "genes"
    return read_text(group[key], f"{place}/{key}"), None
