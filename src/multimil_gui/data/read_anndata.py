"""Read one AnnData group: names, table, matrices, coordinates, colours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.arrays import DAMAGED, as_text, has, is_group, member, read_array, shape_of, type_kind
from multimil_gui.data.contents import Contents, Matrix, Modality, Tell
from multimil_gui.data.elements import (
    encoding,
    from_codes,
    level_names,
    make_unique,
    names_in,
    read_frame,
)
from multimil_gui.data.matrices import Place, read_matrix, repeated_warning, take
from multimil_gui.data.modality_names import canonical_modality, modality_of_type
from multimil_gui.data.words import counted, listing, shown, verb

MAX_OBSM_DIMS = 5000
_HEX = re.compile(r"^#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?$")
_MAX_NOTE = 2000


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
        if not has(root, key):
            raise Refusal(f'The file has no "{key}" table.', f"{prefix}{key}.", "Write it anew with anndata or scanpy.")
    tell(f"Reading {prefix}obs")
    obs, var = (member(root, key, f"{prefix}{key}") for key in ("obs", "var"))
    uns = member(root, "uns", f"{prefix}uns") if has(root, "uns") else None
    names, columns = read_frame(obs, f"{prefix}obs", warnings)
    check_cells(names, f"{prefix}obs")
    if not is_group(obs) and is_group(uns):
        _name_old_levels(uns, columns)
    var_names, var_columns = read_frame(var, f"{prefix}var", [])
    features = _feature_names(var_names, f"{prefix}var", warnings)
    parts = Parts(names=names, columns=columns, features=features)
    types = next((var_columns[key] for key in ("feature_types", "feature_type") if key in var_columns), None)
    parts.feature_types = None if types is None else np.asarray(types, dtype=object)
    parts.obsm = read_obsm(root, len(names), prefix, warnings, skip_obsm)
    _read_matrices(root, parts, prefix, warnings, tell)
    if is_group(uns):
        parts.colors = read_colors(uns, columns, warnings)
        parts.note = read_note(uns)
    return parts


def check_cells(names: np.ndarray, place: str) -> None:
    """Refuse a table of fewer than two cells."""
    if len(names) == 0:
        raise Refusal("The file has no cells.", f"{place} has 0 rows.", "Open a file with cells.")
    if len(names) == 1:
        raise Refusal("The file has only one cell.", f"{place} has 1 row.", "Open a file with more cells.")


def _name_old_levels(uns: Any, columns: dict[str, Any]) -> None:
    """Files older than anndata 0.7 keep the levels of a category column in ``uns``."""
    for name, codes in columns.items():
        key = f"{name}_categories"
        if has(uns, key) and isinstance(codes, np.ndarray) and codes.dtype.kind in "iu":
            levels, _ = level_names(read_array(member(uns, key, f"uns/{key}"), f"uns/{key}").ravel())
            columns[name] = from_codes(codes.astype(np.int64), levels, False, f"obs/{name}")


def _feature_names(names: np.ndarray, place: str, warnings: list[str]) -> tuple[str, ...]:
    unique, changed = make_unique(names.tolist())
    if changed:
        warnings.append(
            f"{counted(changed, 'feature name')} of {place} {verb(changed, 'is', 'are')} used more than once; "
            "a number was added."
        )
    return tuple(unique)


def _read_matrices(root: Any, parts: Parts, prefix: str, warnings: list[str], tell: Tell) -> None:
    cells, features = parts.names, np.asarray(parts.features, dtype=object)
    refusals: list[Refusal] = []

    def read(key: str, node: Any, names: np.ndarray) -> None:
        try:
            place = f"{prefix}{'raw/X' if key == 'raw' else key}"
            parts.matrices[key] = read_matrix(node, Place(place, cells, names), tell)
            warnings.extend(repeated_warning(parts.matrices[key], place))
        except Refusal as refusal:
            refusals.append(refusal)

    main = member(root, "X", f"{prefix}X") if has(root, "X") else None
    if main is not None and len(features) and encoding(main) != "null":
        read("X", main, features)
    if len(features) and has(root, "layers"):
        layers = member(root, "layers", f"{prefix}layers")
        for key in names_in(layers, f"{prefix}layers"):
            read(f"layers/{key}", member(layers, key, f"{prefix}layers/{key}"), features)
    if has(root, "raw/X") and has(root, "raw/var"):
        raw_names, _ = read_frame(member(root, "raw/var", f"{prefix}raw/var"), f"{prefix}raw/var", [])
        parts.raw_features = _feature_names(raw_names, f"{prefix}raw/var", warnings)
        read("raw", member(root, "raw/X", f"{prefix}raw/X"), np.asarray(parts.raw_features, dtype=object))
    if refusals and not parts.matrices and not parts.obsm:
        raise refusals[0]
    if refusals and any(not _about_values(refusal) for refusal in refusals):
        raise next(refusal for refusal in refusals if not _about_values(refusal))
    warnings += [f"A matrix is left out. {refusal.what} {refusal.where}" for refusal in refusals]
    if "X" not in parts.matrices and parts.matrices:
        _promote(parts, prefix, warnings)


def _about_values(refusal: Refusal) -> bool:
    """Whether a matrix was refused for the values in it; a damaged structure makes the whole file suspect."""
    return refusal.fix != DAMAGED


def _promote(parts: Parts, prefix: str, warnings: list[str]) -> None:
    """Without ``X``, the counts layer, the first layer or ``raw`` takes its place."""
    layers = [key for key in parts.matrices if key != "raw"]
    chosen = next((key for key in layers if parts.matrices[key].info.counts), layers[0] if layers else "raw")
    parts.matrices = {"X": parts.matrices.pop(chosen), **parts.matrices}
    if chosen == "raw":
        parts.features, parts.raw_features, parts.feature_types = parts.raw_features, (), None
    warnings.append(f"The file has no matrix {prefix}X that can be used; {prefix}{shown(chosen)} takes its place.")


def read_obsm(root: Any, n_cells: int, prefix: str, warnings: list[str], skip: frozenset[str]) -> dict[str, np.ndarray]:
    """Return the usable coordinates of ``obsm``, float32; the others are named in ``warnings``."""
    found: dict[str, np.ndarray] = {}
    if not has(root, "obsm"):
        return found
    group = member(root, "obsm", f"{prefix}obsm")
    for key in names_in(group, f"{prefix}obsm"):
        if key in skip:
            continue
        place = f"{prefix}obsm/{key}"
        try:
            found[key] = _coordinates(member(group, key, place), n_cells, place)
        except _Unusable as reason:
            warnings.append(f"{shown(place)} is left out: {reason}.")
    return found


class _Unusable(Exception):
    """An array of ``obsm`` cannot serve as coordinates; says why."""


def _coordinates(node: Any, n_cells: int, place: str) -> np.ndarray:
    if encoding(node) == "dataframe":
        names, columns = read_frame(node, place, [])
        numbers = [v for v in columns.values() if isinstance(v, np.ndarray) and v.dtype.kind in "iuf"]
        if not numbers:
            raise _Unusable("the table has no number columns")
        if len(names) != n_cells:
            raise _Unusable(f"it has {len(names):,} rows for {n_cells:,} cells")
        array = np.column_stack(numbers)
    elif is_group(node):
        raise _Unusable(f'its encoding "{shown(encoding(node) or "unknown", 40)}" is not read')
    else:
        shape = shape_of(node, place)
        if len(shape) != 2 or not 1 <= shape[1] <= MAX_OBSM_DIMS:
            raise _Unusable(f"its shape {shape} is not a table of coordinates")
        if shape[0] != n_cells:
            raise _Unusable(f"it has {shape[0]:,} rows for {n_cells:,} cells")
        if type_kind(node, place) not in {"i", "u", "f", "b"}:
            raise _Unusable("its values are not numbers")
        array = read_array(node, place)
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    broken = ~np.isfinite(array).all(axis=1)
    if broken.any():
        raise _Unusable(
            f"{counted(int(broken.sum()), 'cell')} {verb(int(broken.sum()), 'has', 'have')} values that are not "
            f"finite, the first in row {broken.argmax():,}"
        )
    return array


def read_colors(uns: Any, columns: dict[str, Any], warnings: list[str]) -> dict[str, list[str]]:
    """Return the valid colour lists of category columns."""
    colors: dict[str, list[str]] = {}
    for column, values in columns.items():
        key = f"{column}_colors"
        levels = getattr(values, "categories", None)
        if levels is None or "/" in key or not has(uns, key):
            continue
        found = _short_texts(member(uns, key, f"uns/{key}"), f"uns/{key}", len(levels))
        if len(found) == len(levels) and all(_HEX.match(color) for color in found):
            colors[column] = [color[:7].lower() for color in found]
        else:
            warnings.append(f'The colours of "{shown(column)}" are not valid and were replaced.')
    return colors


def _short_texts(node: Any, place: str, n_levels: int) -> list[str]:
    """Return the first texts of a list, none when it is no list of text."""
    try:
        if len(shape_of(node, place)) != 1 or type_kind(node, place) != "O":
            return []
        return as_text(read_array(node, place, 0, n_levels)).tolist()
    except (TypeError, Refusal):
        return []


def read_note(uns: Any) -> str:
    """Return what the file says about its origin (``uns["source"]``), empty when nothing."""
    if not has(uns, "source"):
        return ""
    node = member(uns, "source", "uns/source")
    if not is_group(node):
        return _scalar_text(node)
    texts = [_scalar_text(node[key]) for key in ("citation", "note", "license") if has(node, key)]
    return " ".join(text.rstrip(".") + "." for text in texts if text)[:_MAX_NOTE]


def _scalar_text(node: Any) -> str:
    try:
        if shape_of(node, "uns/source") not in {(), (1,)} or type_kind(node, "uns/source") != "O":
            return ""
        return str(as_text(np.atleast_1d(read_array(node, "uns/source")))[0])[:_MAX_NOTE]
    except (TypeError, Refusal):
        return ""


def split_by_type(parts: Parts, warnings: list[str]) -> dict[str, Modality]:
    """Return the modalities of one AnnData object: one, or one per known feature type."""
    if not parts.matrices:
        return {}
    rows = np.arange(len(parts.names), dtype=np.int64)
    type_of = np.empty(0, dtype=object) if parts.feature_types is None else parts.feature_types.astype(str)
    types = sorted(set(type_of.tolist()))
    known = {kind: modality_of_type(kind) for kind in types}
    names = {name for name in known.values() if name is not None}
    if not names or len(types) == 1:
        name = names.pop() if names else name_of("", parts)
        return {name: Modality(rows, parts.features, parts.matrices, parts.raw_features)}
    unknown = [shown(kind, 40) for kind, of_type in known.items() if of_type is None]
    if unknown:
        warnings.append(f"Features of the type {listing([repr(kind) for kind in unknown])} are left out.")
    found: dict[str, Modality] = {}
    for name in sorted(names):
        columns = np.flatnonzero(np.isin(type_of, [kind for kind in types if known[kind] == name]))
        matrices = {key: take(matrix, columns=columns) for key, matrix in parts.matrices.items() if key != "raw"}
        found[name] = Modality(rows, tuple(parts.features[i] for i in columns), matrices)
    return found


def name_of(key: str, parts: Parts) -> str:
    """Return the canonical name of a modality from its key and features."""
    info = parts.matrices["X"].info
    return canonical_modality(key, parts.features, not info.sparse and not info.counts and info.smallest < 0)
