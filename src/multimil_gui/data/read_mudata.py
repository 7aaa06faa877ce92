"""Read a MuData group: align the modalities, and merge their tables without repeating columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.arrays import as_text, has, is_group, member, read_array, shape_of, type_kind
from multimil_gui.data.contents import Contents, Modality, Tell
from multimil_gui.data.elements import attribute, encoding, names_in, read_frame
from multimil_gui.data.matrices import take
from multimil_gui.data.read_anndata import Parts, check_cells, name_of, read_colors, read_note, read_obsm, read_parts
from multimil_gui.data.words import counted, listing, shown

MAX_MODALITIES = 50
_ANEW = "Write the file anew with mudata."


def read_mudata(root: Any, tell: Tell) -> Contents:
    """Read a file that is a MuData object: cells are the union, each modality keeps the cells it has."""
    import pandas as pd

    if np.any(np.asarray(attribute(root, "axis", 0)) != 0):
        raise Refusal("The modalities of this file share features, not cells.", "axis is not 0.", _ANEW)
    warnings: list[str] = []
    if not has(root, "obs"):
        raise Refusal('The file has no "obs" table.', "obs.", _ANEW)
    names, columns = read_frame(member(root, "obs", "obs"), "obs", warnings)
    check_cells(names, "obs")
    mod = member(root, "mod", "mod")
    keys = _modality_keys(mod)
    contents = Contents(names=names, obs=pd.DataFrame(index=pd.RangeIndex(len(names))), warnings=warnings)
    tables: dict[str, tuple[np.ndarray, np.ndarray, dict[str, Any]]] = {}
    for key in keys:
        parts = read_parts(member(mod, key, f"mod/{key}"), f"mod/{key}/", warnings, tell)
        rows, positions = _align(root, key, names, parts.names)
        tables[key] = (rows, positions, parts.columns)
        _add_modality(contents, key, parts, rows, positions)
        _lift_obsm(contents, key, parts, rows, positions)
        contents.colors = {**parts.colors, **contents.colors}
        contents.note = contents.note or parts.note
    contents.obsm.update(read_obsm(root, len(names), "", warnings, frozenset(keys)))
    contents.obs = _merge_tables(columns, tables, len(names))
    uns = member(root, "uns", "uns") if has(root, "uns") else None
    if is_group(uns):
        contents.colors.update(read_colors(uns, columns, warnings))
        contents.note = read_note(uns) or contents.note
    contents.colors = _fitting_colors(contents)
    return contents


def _modality_keys(mod: Any) -> list[str]:
    keys = names_in(mod, "mod")
    order = np.asarray(attribute(mod, "mod-order", [])).ravel()
    if order.size and order.dtype.kind in "OTUS":
        listed = [str(key) for key in as_text(order)]
        keys = listed if sorted(listed) == keys else keys
    if not keys:
        raise Refusal("The file has no modalities.", "mod is empty.", _ANEW)
    if len(keys) > MAX_MODALITIES:
        raise Refusal(f"The file has more than {MAX_MODALITIES} modalities.", f"mod holds {len(keys):,}.", _ANEW)
    for key in keys:
        node = member(mod, key, f"mod/{key}")
        if not is_group(node) or encoding(node) not in {"anndata", ""}:
            raise Refusal(f'The modality "{shown(key)}" is not an AnnData object.', f"mod/{shown(key)}.", _ANEW)
    return keys


def _align(root: Any, key: str, names: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the global rows of a modality's cells, ascending, and the position of each in the modality."""
    mapped = _given_map(root, key, names)
    if mapped is not None and np.array_equal(np.sort(mapped[mapped > 0]), np.arange(1, len(own) + 1)):
        rows = np.flatnonzero(mapped)
        if np.array_equal(names[rows], own[mapped[rows] - 1]):
            return rows, mapped[rows] - 1
    where = {name: row for row, name in enumerate(names.tolist())}
    n_repeated = max(len(names) - len(where), len(own) - len(set(own.tolist())))
    if n_repeated:
        raise Refusal(
            "The cells of the modalities cannot be matched: cell names are repeated.",
            f"mod/{shown(key)}: {counted(n_repeated, 'repeated name')}.",
            "Make the names unique (obs_names_make_unique) and write the file anew.",
        )
    lost = [name for name in own.tolist() if name not in where]
    if lost:
        raise Refusal(
            "A modality has cells that the table of all cells lacks.",
            f"mod/{shown(key)}: {counted(len(lost), 'cell')}, for example {listing(lost)}.",
            _ANEW,
        )
    rows = np.array([where[name] for name in own.tolist()], dtype=np.int64)
    order = np.argsort(rows, kind="stable")
    return rows[order], order


def _given_map(root: Any, key: str, names: np.ndarray) -> np.ndarray | None:
    """Return MuData's own map of the cells (1-based rows of the modality, 0 for none), None when it cannot be used."""
    if not has(root, f"obsmap/{key}"):
        return None
    place = f"obsmap/{key}"
    node = member(root, place, place)
    if type_kind(node, place) not in {"i", "u"} or int(np.prod(shape_of(node, place))) != len(names):
        return None
    mapped = read_array(node, place).astype(np.int64).ravel()
    return mapped if mapped.min(initial=0) >= 0 else None


def _add_modality(contents: Contents, key: str, parts: Parts, rows: np.ndarray, positions: np.ndarray) -> None:
    if not parts.matrices:
        contents.warnings.append(f'The modality "{shown(key)}" has no matrix and is left out.')
        return
    canonical = name = name_of(key, parts)
    while name in contents.modalities:
        name = f"{canonical}_{len(contents.modalities) + 1}"
    in_order = np.array_equal(positions, np.arange(len(positions)))
    matrices = parts.matrices if in_order else {k: take(m, rows=positions) for k, m in parts.matrices.items()}
    contents.modalities[name] = Modality(rows, parts.features, matrices, parts.raw_features)


def _lift_obsm(contents: Contents, key: str, parts: Parts, rows: np.ndarray, positions: np.ndarray) -> None:
    """Coordinates of a modality that covers all cells serve all cells."""
    for name, values in parts.obsm.items():
        if len(rows) < contents.n_cells:
            contents.warnings.append(
                f"{shown(f'mod/{key}/obsm/{name}')} is left out: it covers {len(rows):,} of {contents.n_cells:,} cells."
            )
        else:
            contents.obsm[name if name not in contents.obsm else f"{name}_{key}"] = values[positions]


def _merge_tables(
    columns: dict[str, Any], tables: dict[str, tuple[np.ndarray, np.ndarray, dict[str, Any]]], n_cells: int
) -> Any:
    """Return one table: a column that all modalities agree on appears once, under its plain name."""
    import pandas as pd

    merged = {name: pd.Series(values) for name, values in columns.items() if ":" not in name}
    candidates: dict[str, list[tuple[str, Any]]] = {}
    for key, (rows, positions, own) in tables.items():
        for name, values in own.items():
            candidates.setdefault(name, []).append((key, _spread(values, rows, positions, n_cells)))
        for name, values in columns.items():
            if name.startswith(f"{key}:"):
                candidates.setdefault(name.removeprefix(f"{key}:"), []).append((key, pd.Series(values)))
    for name, values in columns.items():
        if ":" in name and name.split(":", 1)[0] not in tables:
            merged[name] = pd.Series(values)
    for name, found in candidates.items():
        if name in merged:
            continue
        joined = _join([series for _, series in found])
        if joined is not None:
            merged[name] = joined
        else:
            merged.update({f"{key}:{name}": series for key, series in found})
    return pd.DataFrame(merged, index=pd.RangeIndex(n_cells))


def _spread(values: Any, rows: np.ndarray, positions: np.ndarray, n_cells: int) -> Any:
    import pandas as pd

    series = pd.Series(values).iloc[positions].set_axis(rows)
    if len(rows) == n_cells:
        return series
    if series.dtype.kind in "biu":
        series = series.astype(object if series.dtype.kind == "b" else np.float64)
    spread = series.reindex(np.arange(n_cells))
    if series.dtype == object:
        return pd.Series(pd.Categorical(spread.map(lambda value: value if pd.isna(value) else str(value))))
    return spread


def _join(found: list[Any]) -> Any:
    """Return the first series with its gaps filled from the others; None when two disagree."""
    import pandas as pd

    first = found[0]
    for other in found[1:]:
        both = (first.notna() & other.notna()).to_numpy()
        if not (first.astype(object)[both] == other.astype(object)[both]).all():
            return None
        if first.isna().any():
            filled = first.astype(object).where(first.notna(), other.astype(object))
            is_category = isinstance(first.dtype, pd.CategoricalDtype)
            first = pd.Series(pd.Categorical(filled)) if is_category else filled.infer_objects()
    return first


def _fitting_colors(contents: Contents) -> dict[str, list[str]]:
    fitting = {}
    for column, colors in contents.colors.items():
        levels = getattr(getattr(contents.obs.get(column), "cat", None), "categories", ())
        if len(levels) == len(colors):
            fitting[column] = colors
    return fitting
