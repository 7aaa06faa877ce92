"""Results in the ecosystem's own form: an .h5ad that opens in scanpy, an .h5mu that opens in muon."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.elements import make_unique
from multimil_gui.data.store import Store
from multimil_gui.project.commit import atomic_path

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def write_result_h5ad(
    path: Path,
    cohort: Cohort,
    obs: pd.DataFrame,
    obsm: Mapping[str, np.ndarray],
    uns: Mapping[str, Any],
    cells: np.ndarray | None = None,
) -> str:
    """Write the data with results added as .h5ad; the same input gives the same bytes.

    Several modalities are written side by side as one matrix, their features marked in ``var["modality"]``; where
    a modality was not measured the values are zero and ``obs["has_<modality>"]`` is False.

    Parameters
    ----------
    path
        File to write; replaced atomically.
    cohort
        The cohort.
    obs
        (n_cells, k) columns to add to the file's own, in file order.
    obsm
        ``{key: (n_cells, d)}`` arrays to add.
    uns
        Plain values to add: the provenance under ``"multimil"``.
    cells
        (n_cells,) bool, the cells to write; None writes all.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    Refusal
        When the file cannot be written.
    """
    rows = np.arange(cohort.n_cells) if cells is None else np.flatnonzero(cells)
    data = _annotated(cohort.store, obs, obsm, uns, rows)

    def write(temporary: Path) -> None:
        data.write_h5ad(temporary, compression="gzip", compression_opts=4)

    atomic_path(path, write)
    names = list(cohort.store.index.modalities)
    if len(names) < 2:
        return f"{len(rows):,} cells with {data.n_vars:,} features."
    return f"{len(rows):,} cells with {' and '.join(names)} side by side (var column modality)."


def write_result_h5mu(
    path: Path,
    cohort: Cohort,
    obs: pd.DataFrame,
    obsm: Mapping[str, np.ndarray],
    uns: Mapping[str, Any],
    cells: np.ndarray | None = None,
) -> str:
    """Write the data with results added as .h5mu; the same input gives the same bytes.

    Every modality holds the cells in which it was measured, and no zeros stand for what was not. Columns, coordinates
    and provenance are those of the whole; its cells come in the order of muon: those of the first modality first.

    Parameters
    ----------
    path, cohort, obs, obsm, uns, cells
        As those of :func:`write_result_h5ad`.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    Refusal
        When the file cannot be written, or no chosen cell was measured in any modality.
    """
    import anndata
    import mudata
    import pandas as pd

    store = cohort.store
    rows = np.arange(cohort.n_cells) if cells is None else np.flatnonzero(cells)
    table = _table(store, obs, rows)
    parts: dict[str, AnnData] = {}
    for name in store.index.modalities:
        present = store.modality_rows(name)
        kept = np.flatnonzero(np.isin(rows, present))
        if len(kept):
            matrix = _rows_of(store, name, np.searchsorted(present, rows[kept]))
            var = pd.DataFrame(index=pd.Index(store.features(name), dtype=object))
            parts[name] = anndata.AnnData(matrix, obs=pd.DataFrame(index=table.index[kept]), var=var)
    if not parts:
        where = f"{len(rows):,} cells of {store.index.source_name}."
        raise Refusal("None of these cells was measured in any modality.", where, "Choose other cells, or the table.")
    with mudata.set_options(pull_on_update=False):
        data = mudata.MuData(parts)
        order = table.index.get_indexer(data.obs_names)
        data.obs = table.iloc[order]
        for key, values in _coordinates(store, obsm).items():
            data.obsm[key] = values[rows][order]
        _add_uns(data.uns, store, uns)

        def write(temporary: Path) -> None:
            data.write_h5mu(temporary, compression="gzip", compression_opts=4)

        atomic_path(path, write)
    words = " and ".join(f"{name} of {part.n_obs:,}" for name, part in parts.items())
    return f"{data.n_obs:,} cells: {words}"


def _annotated(
    store: Store, obs: pd.DataFrame, obsm: Mapping[str, np.ndarray], uns: Mapping[str, Any], rows: np.ndarray
) -> AnnData:
    import anndata

    matrix, var = _side_by_side(store, rows)
    data = anndata.AnnData(X=matrix, obs=_table(store, obs, rows), var=var)
    for key, values in _coordinates(store, obsm).items():
        data.obsm[key] = np.ascontiguousarray(values[rows])
    _add_uns(data.uns, store, uns)
    return data


def _table(store: Store, obs: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Return the file's own columns and those to add, under unique names of the cells."""
    import pandas as pd

    table = store.obs().iloc[rows].copy()
    if len(store.index.modalities) > 1:
        for name in store.index.modalities:
            table[f"has_{name}"] = np.isin(rows, store.modality_rows(name))
    for column in obs.columns:
        table[str(column)] = _storable(obs[column].iloc[rows])
    names, _ = make_unique(store.cell_names()[rows].tolist())
    table.index = pd.Index(names, dtype=object)
    return table


def _coordinates(store: Store, obsm: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the file's coordinates and those to add, of all cells."""
    found = {key: store.obsm(key) for key in sorted(store.index.obsm)}
    return found | {key: np.asarray(values, dtype=np.float32) for key, values in obsm.items()}


def _add_uns(target: Any, store: Store, uns: Mapping[str, Any]) -> None:
    if store.index.note:
        target["source"] = store.index.note
    target.update(_plain(uns))


def _rows_of(store: Store, name: str, positions: np.ndarray) -> Any:
    """Return some rows (ascending) of a modality's matrix; of a part of them never much more is in memory."""
    if len(positions) == store.index.modalities[name].n_cells:
        return store.matrix(name)
    from scipy.sparse import csr_matrix, vstack

    parts = []
    for start, block in store.blocks(name):
        low, high = np.searchsorted(positions, (start, start + block.shape[0]))
        if high > low:
            parts.append(block[positions[low:high] - start])
    if not parts:
        n_features = store.index.modalities[name].matrices["X"].n_features
        return csr_matrix(np.empty((0, n_features), dtype=np.float32))
    found = vstack(parts, format="csr") if len(parts) > 1 else parts[0]
    return found if store.index.modalities[name].sparse else found.toarray()


def _side_by_side(store: Store, rows: np.ndarray) -> tuple[Any, pd.DataFrame]:
    """Return the matrices of all modalities in file rows, beside each other; zero where not measured."""
    import pandas as pd
    from scipy.sparse import csr_matrix, hstack

    names = list(store.index.modalities)
    if len(names) == 1 and store.index.modalities[names[0]].n_cells == store.n_cells:
        matrix = _rows_of(store, names[0], rows)
        var = pd.DataFrame(index=pd.Index(store.features(names[0]), dtype=object))
        return matrix, var
    # Without any modality the file still has its cells, in an empty matrix.
    blocks: list[Any] = [csr_matrix(np.empty((len(rows), 0), dtype=np.float32))]
    features: list[str] = []
    modality: list[str] = []
    for name in names:
        present = store.modality_rows(name)
        kept = np.flatnonzero(np.isin(rows, present))
        own = csr_matrix(_rows_of(store, name, np.searchsorted(present, rows[kept])))
        spread = csr_matrix((np.ones(len(kept), dtype=own.dtype), (kept, np.arange(len(kept)))), (len(rows), len(kept)))
        blocks.append(spread @ own)
        features += store.features(name)
        modality += [name] * own.shape[1]
    unique, _ = make_unique(features)
    var = pd.DataFrame({"modality": pd.Categorical(modality)}, index=pd.Index(unique, dtype=object))
    return hstack(blocks, format="csr", dtype=_common_type(blocks)), var


def _common_type(blocks: list[Any]) -> np.dtype:
    types = [block.dtype for block in blocks if block.shape[1]]
    return np.result_type(*types) if types else np.dtype(np.float32)


def _storable(series: pd.Series) -> Any:
    """Return values that anndata writes the same way on every platform: text as categories, gaps kept."""
    import pandas as pd

    if series.dtype == object:
        present = series[series.notna()].astype(str)
        return pd.Categorical(series.astype(object).where(series.isna(), series.astype(str)), sorted(set(present)))
    return series.array


def _plain(value: Any) -> Any:
    """Return nested plain values as anndata can store them: no None, no tuples of mixed types."""
    if isinstance(value, Mapping):
        return {str(key).replace("/", "_"): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        if all(isinstance(item, (int, float, bool)) for item in value) and value:
            return np.asarray(value)
        return np.asarray([str(item) for item in value], dtype=object)
    if isinstance(value, (bool, int, float, str, np.ndarray, np.generic)):
        return value
    return str(value)
