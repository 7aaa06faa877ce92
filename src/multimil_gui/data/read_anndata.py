"""Read one AnnData group: names, table, matrices, coordinates, colours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.contents import Contents, Matrix, Modality, Tell
from multimil_gui.data.elements import as_text, encoding, is_group, make_unique, read_frame
from multimil_gui.data.matrices import Place, read_matrix, take
from multimil_gui.data.modality_names import canonical_modality, modality_of_type

MAX_OBSM_DIMS = 5000
_HEX = re.compile(r"^#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?$")


@dataclass
class Parts:
    """One AnnData object as read; see :class:`Contents` for the fields."""

    names: np.ndarray
    columns: dict[str, Any]
    features: tuple[str, ...] = ()
    feature_types: np.ndarray | None = None
    matrices: dict[str, Matrix] = field(default_factory=dict)
    raw_features: tuple[str, ...] = ()
    obsm: dict[str, np.ndarray] = field(default_factory=dict)
    colors: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""


def read_anndata(root: Any, tell: Tell) -> Contents:
    """Read a file that is one AnnData object; several feature types become several modalities."""
    import pandas as pd

    warnings: list[str] = []
    parts = read_parts(root, "", warnings, tell)
    frame = pd.DataFrame(parts.columns, index=pd.RangeIndex(len(parts.names)))
    contents = Contents(names=parts.names, obs=frame, warnings=warnings)
    contents.obsm, contents.colors, contents.note = parts.obsm, parts.colors, parts.note
    contents.modalities = split_by_type(parts, warnings)
    return contents


def read_parts(
    root: Any, prefix: str, warnings: list[str], tell: Tell, skip_obsm: frozenset[str] = frozenset()
) -> Parts:
    """Read and check an AnnData group.

    Parameters
    ----------
    root
        The group.
    prefix
        Its path inside the file, for messages, e.g. ``"mod/rna/"``.
    warnings
        What was left out is named here.
    tell
        Told the stage.
    skip_obsm
        Keys of obsm that are not coordinates (MuData's presence masks).
    """
    for key in ("obs", "var"):
        if key not in root:
            raise Refusal(f'The file has no "{key}" table.', f"{prefix}{key}.", "Write it anew with anndata or scanpy.")
    tell(f"Reading {prefix}obs")
    names, columns = read_frame(root["obs"], f"{prefix}obs", warnings)
    if len(names) == 0:
        raise Refusal("The file has no cells.", f"{prefix}obs has 0 rows.", "Open a file with cells.")
    var_names, var_columns = read_frame(root["var"], f"{prefix}var", [])
    features = _feature_names(var_names, f"{prefix}var", warnings)
    parts = Parts(names=names, columns=columns, features=features)
    types = next((var_columns[key] for key in ("feature_types", "feature_type") if key in var_columns), None)
    parts.feature_types = None if types is None else np.asarray(types, dtype=object)
    _read_matrices(root, parts, prefix, warnings, tell)
    parts.obsm = read_obsm(root, len(names), prefix, warnings, skip_obsm)
    if "uns" in root and is_group(root["uns"]):
        parts.colors = read_colors(root["uns"], columns, warnings)
        parts.note = read_note(root["uns"])
    return parts


def _feature_names(names: np.ndarray, place: str, warnings: list[str]) -> tuple[str, ...]:
    unique, changed = make_unique(names.tolist())
    if changed:
        warnings.append(f"{changed:,} feature names of {place} are used more than once; a number was added to them.")
    return tuple(unique)


def _read_matrices(root: Any, parts: Parts, prefix: str, warnings: list[str], tell: Tell) -> None:
    cells, features = parts.names, np.asarray(parts.features, dtype=object)
    if "X" in root and encoding(root["X"]) != "null" and len(features):
        parts.matrices["X"] = read_matrix(root["X"], Place(f"{prefix}X", cells, features), tell)
    for key in sorted(root["layers"].keys()) if "layers" in root else ():
        place = Place(f"{prefix}layers/{key}", cells, features)
        try:
            parts.matrices[f"layers/{key}"] = read_matrix(root["layers"][key], place, tell)
        except Refusal as refusal:
            warnings.append(f"The layer {place.name} is left out. {refusal.what} {refusal.where}")
    if "raw" in root and is_group(root["raw"]) and "X" in root["raw"] and "var" in root["raw"]:
        raw_names, _ = read_frame(root["raw"]["var"], f"{prefix}raw/var", [])
        parts.raw_features = _feature_names(raw_names, f"{prefix}raw/var", warnings)
        place = Place(f"{prefix}raw/X", cells, np.asarray(parts.raw_features, dtype=object))
        parts.matrices["raw"] = read_matrix(root["raw"]["X"], place, tell)
    if "X" not in parts.matrices and parts.matrices:
        _promote(parts, prefix, warnings)


def _promote(parts: Parts, prefix: str, warnings: list[str]) -> None:
    """Without ``X``, the counts layer, the first layer or ``raw`` takes its place."""
    layers = [key for key in parts.matrices if key != "raw"]
    chosen = next((key for key in layers if parts.matrices[key].info.counts), layers[0] if layers else "raw")
    parts.matrices = {"X": parts.matrices.pop(chosen), **parts.matrices}
    if chosen == "raw":
        parts.features, parts.raw_features, parts.feature_types = parts.raw_features, (), None
    warnings.append(f"The file has no matrix {prefix}X; {prefix}{chosen} is used instead.")


def read_obsm(root: Any, n_cells: int, prefix: str, warnings: list[str], skip: frozenset[str]) -> dict[str, np.ndarray]:
    """Return the usable coordinates of ``obsm``, float32; the others are named in ``warnings``."""
    found: dict[str, np.ndarray] = {}
    for key in sorted(root["obsm"].keys()) if "obsm" in root else ():
        if key in skip:
            continue
        values, reason = _coordinates(root["obsm"][key], n_cells, f"{prefix}obsm/{key}")
        if values is None:
            warnings.append(f"{prefix}obsm/{key} is left out: {reason}.")
        else:
            found[key] = values
    return found


def _coordinates(node: Any, n_cells: int, place: str) -> tuple[np.ndarray | None, str]:
    if encoding(node) == "dataframe":
        _, columns = read_frame(node, place, [])
        numbers = [
            values for values in columns.values() if isinstance(values, np.ndarray) and values.dtype.kind in "iuf"
        ]
        if not numbers:
            return None, "the table has no number columns"
        array = np.column_stack(numbers)
    elif is_group(node):
        return None, f'its encoding "{encoding(node) or "unknown"}" is not read'
    else:
        if len(node.shape) != 2 or not 1 <= node.shape[1] <= MAX_OBSM_DIMS:
            return None, f"its shape {tuple(node.shape)} is not a table of coordinates"
        array = np.asarray(node[:])
    if array.dtype.kind not in "iufb":
        return None, f"values of type {array.dtype} are not coordinates"
    if len(array) != n_cells:
        raise Refusal(
            "Coordinates do not fit the cells.",
            f"{place} has {len(array):,} rows for {n_cells:,} cells.",
            "The file is damaged; download or write it again.",
        )
    array = array.astype(np.float32)
    broken = ~np.isfinite(array).all(axis=1)
    if broken.any():
        return None, f"{broken.sum():,} cells have values that are not numbers, the first in row {broken.argmax()}"
    return array, ""


def read_colors(uns: Any, columns: dict[str, Any], warnings: list[str]) -> dict[str, list[str]]:
    """Return the valid colour lists of category columns."""
    colors: dict[str, list[str]] = {}
    for column, values in columns.items():
        key = f"{column}_colors"
        levels = getattr(values, "categories", None)
        if key not in uns or levels is None or is_group(uns[key]) or len(uns[key].shape) != 1:
            continue
        found = as_text(np.asarray(uns[key][: len(levels)])).tolist()
        if len(found) == len(levels) and all(_HEX.match(color) for color in found):
            colors[column] = [color[:7].lower() for color in found]
        else:
            warnings.append(f'The colours of "{column}" are not valid and were replaced.')
    return colors


def read_note(uns: Any) -> str:
    """Return what the file says about its origin (``uns["source"]``), empty when nothing."""
    if "source" not in uns:
        return ""
    node = uns["source"]
    if not is_group(node):
        return _scalar_text(node)
    texts = [_scalar_text(node[key]) for key in ("citation", "note", "license") if key in node]
    return " ".join(text.rstrip(".") + "." for text in texts if text)


def _scalar_text(node: Any) -> str:
    if is_group(node) or node.shape not in {(), (1,)}:
        return ""
    return str(as_text(np.atleast_1d(np.asarray(node[()])))[0])[:2000]


def split_by_type(parts: Parts, warnings: list[str]) -> dict[str, Modality]:
    """Return the modalities of one AnnData object: one, or one per known feature type."""
    if not parts.matrices:
        return {}
    rows = np.arange(len(parts.names), dtype=np.int64)
    types = [] if parts.feature_types is None else sorted({str(kind) for kind in parts.feature_types})
    known = {kind: modality_of_type(kind) for kind in types}
    names = {name for name in known.values() if name is not None}
    if len(names) < 2:
        only = names.pop() if len(types) == 1 and names else None
        name = only or name_of("", parts)
        return {name: Modality(rows, parts.features, parts.matrices, parts.raw_features)}
    found: dict[str, Modality] = {}
    for kind, of_type in known.items():
        if of_type is None:
            warnings.append(f'Features of the type "{kind}" are left out.')
            continue
        columns = np.flatnonzero(parts.feature_types == kind)
        matrices = {key: take(matrix, columns=columns) for key, matrix in parts.matrices.items() if key != "raw"}
        found[of_type] = Modality(rows, tuple(parts.features[i] for i in columns), matrices)
    return found


def name_of(key: str, parts: Parts) -> str:
    """Return the canonical name of a modality from its key and features."""
    info = parts.matrices["X"].info
    return canonical_modality(key, parts.features, not info.sparse and not info.counts and info.smallest < 0)
