"""Read 10x Genomics .h5 files: genes, antibodies and peaks become modalities."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.arrays import DAMAGED, has, is_group, member, read_array, shape_of, type_kind
from multimil_gui.data.contents import Contents, Matrix, Tell
from multimil_gui.data.elements import make_unique, names_in, read_names
from multimil_gui.data.matrices import Place, read_compressed, repeated_warning
from multimil_gui.data.read_anndata import Parts, check_cells, split_by_type
from multimil_gui.data.words import counted, shown, verb

#: Groups in which a matrix of the older form is looked for.
_SEARCHED = 100


def tenx_group(root: Any) -> Any | None:
    """Return the group with the matrix (``matrix`` since Cell Ranger 3, the genome before), None when not 10x."""
    for key in ("matrix", *names_in(root, "the file")[:_SEARCHED]):
        node = member(root, key, key) if has(root, key) else None
        if is_group(node) and all(has(node, part) for part in ("barcodes", "indptr", "shape")):
            return node
    return None


def read_tenx(group: Any, tell: Tell) -> Contents:
    """Read the matrix group of a 10x file; the GEM well (``-1``, ``-2``) becomes the obs column ``library``."""
    place = str(getattr(group, "name", "matrix")).strip("/")
    missing = [part for part in ("data", "indices", "indptr", "shape") if not has(group, part)]
    if missing:
        raise Refusal("A part of the 10x matrix is missing.", f"{shown(place)}/{missing[0]}.", DAMAGED)
    names = read_names(member(group, "barcodes", f"{place}/barcodes"), f"{place}/barcodes")
    check_cells(names, f"{place}/barcodes")
    features, types = _features(group, place)
    sizes = member(group, "shape", f"{place}/shape")
    if shape_of(sizes, f"{place}/shape") != (2,) or type_kind(sizes, f"{place}/shape") not in {"i", "u"}:
        raise Refusal("The 10x matrix does not say its shape.", f"{shown(place)}/shape.", DAMAGED)
    shape = tuple(int(size) for size in read_array(sizes, f"{place}/shape"))
    if shape != (len(features), len(names)):
        raise Refusal(
            "The matrix does not fit its tables.",
            f"{shown(place)}: shape {shape}, {len(features):,} features and {len(names):,} barcodes.",
            DAMAGED,
        )
    tell(f"Reading {shown(place)}")
    unique, warnings = unique_features(features)
    matrix = read_compressed(group, Place(place, names, np.asarray(unique, dtype=object)), by_cell=True)
    return tenx_contents(names, unique, types, matrix, warnings)


def unique_features(names: np.ndarray) -> tuple[list[str], list[str]]:
    """Return unique feature names, and the warning that some were changed."""
    unique, changed = make_unique(names.tolist())
    if not changed:
        return unique, []
    are = verb(changed, "is", "are")
    return unique, [f"{counted(changed, 'feature name')} {are} used more than once; a number was added."]


def tenx_contents(
    names: np.ndarray, features: list[str], types: np.ndarray | None, matrix: Matrix, warnings: list[str]
) -> Contents:
    """Return 10x data as contents: one modality per feature type, and the GEM wells as ``library``."""
    import pandas as pd

    warnings = [*warnings, *repeated_warning(matrix, "the matrix")]
    parts = Parts(names=names, columns={}, features=tuple(features), feature_types=types, matrices={"X": matrix})
    wells = [found.group(1) if (found := re.search(r"-(\d{1,6})$", name)) else "1" for name in names.tolist()]
    frame = pd.DataFrame({"library": pd.Categorical(wells)}, index=pd.RangeIndex(len(names)))
    contents = Contents(names=names, obs=frame, warnings=warnings)
    contents.modalities = split_by_type(parts, warnings)
    return contents


def _features(group: Any, place: str) -> tuple[np.ndarray, np.ndarray | None]:
    key = next((key for key in ("features", "gene_names", "genes") if has(group, key)), "")
    if has(group, "features/name"):
        names, types = (
            read_names(member(group, part, f"{place}/{part}"), f"{place}/{part}") if has(group, part) else None
            for part in ("features/name", "features/feature_type")
        )
        assert names is not None
        if types is not None and len(types) != len(names):
            raise Refusal(
                "The lists of features differ in length.",
                f"{shown(place)}/features: {counted(len(names), 'name')} and {counted(len(types), 'type')}.",
                DAMAGED,
            )
        return names, types
    if key in {"", "features"}:
        raise Refusal("The 10x matrix has no list of features.", f"{shown(place)}.", DAMAGED)
    return read_names(member(group, key, f"{place}/{key}"), f"{place}/{key}"), None
