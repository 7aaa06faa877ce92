"""The Store: the canonical, hashed copy of the user's data that everything else reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Labelling
from multimil_gui.data.gene_major import GeneMajor
from multimil_gui.data.index import STORE_VERSION, ColumnInfo, ColumnKind, MatrixInfo, ModalityInfo, StoreIndex
from multimil_gui.data.levels import column_labelling
from multimil_gui.data.storage_names import layer_paths, storage_names

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_matrix

__all__ = ["ColumnInfo", "ColumnKind", "MatrixInfo", "ModalityInfo", "Store", "StoreIndex"]

INDEX_FILE = "index.json"
DATA_FOLDER = "data.zarr"
GENE_MAJOR_FOLDER = "gene_major.zarr"
#: Values read at once where a matrix is walked through: 8 chunks of a sparse one.
BLOCK_VALUES = 1 << 21


class Store:
    """A canonical data folder: ``data.zarr`` (AnnData or MuData), ``gene_major.zarr`` and ``index.json``.

    Opening reads the index only. Rows are the source's cells in the source's order; a modality stores only the cells
    in which it was measured.

    Parameters
    ----------
    path
        The store folder.
    index
        Its index.
    """

    def __init__(self, path: Path, index: StoreIndex) -> None:
        self.path = path
        self.index = index

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Store:
        """Open a store folder; reads its index only.

        Raises
        ------
        Refusal
            When the folder is no store, is of another version, or its index is damaged.
        """
        folder = Path(path)
        try:
            text = (folder / INDEX_FILE).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(
                "This folder is not a readable data store.", f"{folder.name}: {error}", "Open the source file again."
            ) from error
        try:
            index = StoreIndex.model_validate_json(text)
        except ValueError as error:
            raise Refusal(
                "The index of this data store is damaged or of another version.",
                f"{folder.name}/{INDEX_FILE}.",
                "Open the source file again to import it anew.",
            ) from error
        if index.version != STORE_VERSION and not _reads_alike(index):
            raise Refusal(
                f"This data store has version {index.version}; this program reads version {STORE_VERSION}.",
                f"{folder.name}.",
                "Open the source file again to import it anew.",
            )
        return cls(folder, index)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.index.n_cells

    # -- cells ---------------------------------------------------------------------------------------------------------

    def obs(self) -> pd.DataFrame:
        """Return the table of the cells, in file order; cached, do not change it."""
        return self._obs

    @cached_property
    def _obs(self) -> pd.DataFrame:
        import pandas as pd

        group = self._data["obs"]
        columns = {name: self._read_column(group[folder]) for name, folder in self._column_folders.items()}
        return pd.DataFrame(columns, index=pd.Index(self._names, dtype=object), columns=pd.Index(list(columns)))

    @cached_property
    def _column_folders(self) -> dict[str, str]:
        return storage_names(column.name for column in self.index.obs)

    def labelling(self, column: str) -> Labelling:
        """Return an obs column of any kind as codes and level names.

        Empty text counts as missing; numbers become text in numeric order.

        Raises
        ------
        Refusal
            When there is no such column.
        """
        if self.index.column(column) is None:
            raise Refusal(f'There is no column "{column}" in obs.', "", "Choose one of the columns of the file.")
        if column not in self._labellings:
            self._labellings[column] = column_labelling(column, self._obs[column])
        return self._labellings[column]

    @cached_property
    def _labellings(self) -> dict[str, Labelling]:
        return {}

    def cell_names(self) -> np.ndarray:
        """Return (n_cells,) object array of str, in file order; need not be unique."""
        return self._names

    @cached_property
    def _names(self) -> np.ndarray:
        group = self._data["obs"]
        return _text(group[str(group.attrs["_index"])])

    def colors(self, column: str) -> dict[str, str]:
        """Return the file's own colour (``#rrggbb``) of each level of a column, {} when it has none."""
        key = f"{self._column_folders.get(column, column)}_colors"
        group = self._data["uns"]
        if key not in group:
            return {}
        levels = [str(level) for level in self._obs[column].cat.categories]
        return dict(zip(levels, _text(group[key]).tolist(), strict=True))

    # -- maps and latents ----------------------------------------------------------------------------------------------

    def obsm(self, key: str) -> np.ndarray:
        """Return (n_cells, n_dims) float32 coordinates."""
        if key not in self.index.obsm:
            raise Refusal(
                f'There is no "{key}" in obsm.', f"The file has {', '.join(self.index.obsm) or 'none'}.", "Choose one."
            )
        return np.asarray(self._data[f"obsm/{storage_names(self.index.obsm)[key]}"][:], dtype=np.float32)

    def maps(self) -> tuple[str, ...]:
        """Return the obsm keys that can be drawn in two dimensions, best first (UMAP, t-SNE, others)."""
        keys = [key for key, n_dims in self.index.obsm.items() if n_dims >= 2]
        return tuple(sorted(keys, key=lambda key: (_map_rank(key, self.index.obsm[key]), key)))

    def latents(self) -> tuple[str, ...]:
        """Return what can serve as latent space, best first; ``"X"`` when the matrix itself is an embedding."""
        keys = [key for key, n_dims in self.index.obsm.items() if not _is_map(key, n_dims)]
        found = sorted(keys, key=lambda key: (_latent_rank(key), key))
        if len(self.index.modalities) == 1:
            (info,) = self.index.modalities.values()
            if info.embedding and info.n_cells == self.n_cells:
                found.append("X")
        return tuple(found)

    def latent(self, key: str) -> np.ndarray:
        """Return (n_cells, n_dims) float32 values of a latent space named by :meth:`latents`."""
        if key == "X" and "X" in self.latents():
            (name,) = self.index.modalities
            return np.asarray(self.matrix(name), dtype=np.float32)
        return self.obsm(key)

    # -- modalities ----------------------------------------------------------------------------------------------------

    def modality_rows(self, name: str) -> np.ndarray:
        """Return (n_present,) int64 rows of the store in which the modality was measured, ascending."""
        self._info(name)
        if not self._multimodal:
            return np.arange(self.n_cells, dtype=np.int64)
        return np.flatnonzero(np.asarray(self._data[f"obsmap/{name}"][:])).astype(np.int64)

    def features(self, name: str, layer: str = "X") -> tuple[str, ...]:
        """Return the feature names of a modality's matrix, in column order; unique."""
        self._matrix_info(name, layer)
        place = "raw/var" if layer == "raw" else "var"
        key = (name, place)
        if key not in self._features:
            group = self._data[self._prefix(name) + place]
            self._features[key] = tuple(_text(group[str(group.attrs["_index"])]).tolist())
        return self._features[key]

    @cached_property
    def _features(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {}

    def matrix(self, name: str, layer: str = "X") -> csr_matrix | np.ndarray:
        """Return the (n_present, n_features) matrix of a modality: CSR when stored sparse, else an array.

        Parameters
        ----------
        name
            The modality.
        layer
            ``"X"``, ``"raw"`` or ``"layers/NAME"``, see ``index.modalities[name].layers``.
        """
        info = self._matrix_info(name, layer)
        node = self._data[self._prefix(name) + layer_paths(self.index.modalities[name].matrices)[layer]]
        if not info.sparse:
            return np.asarray(node[:])
        from scipy.sparse import csr_matrix

        parts = (node["data"][:], node["indices"][:], node["indptr"][:])
        return csr_matrix(parts, shape=(self.index.modalities[name].n_cells, info.n_features))

    def blocks(self, name: str, layer: str = "X", n_values: int = BLOCK_VALUES) -> Iterator[tuple[int, csr_matrix]]:
        """Yield the first row and the CSR of some rows of a matrix, top to bottom; never much of it is in memory.

        Dense matrices come as CSR too.

        Parameters
        ----------
        name, layer
            As those of :meth:`matrix`.
        n_values
            About how many values are read at once; at least one row is.
        """
        from scipy.sparse import csr_matrix

        info = self._matrix_info(name, layer)
        node = self._data[self._prefix(name) + layer_paths(self.index.modalities[name].matrices)[layer]]
        n_cells = self.index.modalities[name].n_cells
        if not info.sparse:
            step = max(n_values // max(info.n_features, 1), 1)
            for start in range(0, n_cells, step):
                yield start, csr_matrix(np.asarray(node[start : start + step]))
            return
        pointers = np.asarray(node["indptr"][:])
        edges = np.searchsorted(pointers, np.arange(0, int(pointers[-1]) + n_values, n_values))
        for start, end in pairwise(np.unique([*np.minimum(edges, n_cells), 0, n_cells]).tolist()):
            low, high = int(pointers[start]), int(pointers[end])
            parts = (node["data"][low:high], node["indices"][low:high], pointers[start : end + 1] - low)
            yield start, csr_matrix(parts, shape=(end - start, info.n_features))

    def feature_values(self, name: str, feature: str) -> np.ndarray:
        """Return (n_cells,) float32 values of one feature of ``X``, NaN where the modality was not measured.

        Reads the gene-major copy, so that the time does not grow with the number of features.
        """
        self._info(name)
        return self.gene_major.feature_values(name, feature)

    def totals(self, name: str) -> np.ndarray:
        """Return (n_cells,) float32 counts per cell of a modality, NaN where it was not measured; do not change them.

        Stores of earlier releases do not have them: they are added up once and kept in memory.

        Raises
        ------
        Refusal
            When the modality does not hold counts.
        """
        if not self._info(name).counts:
            raise Refusal(f"The values of {name} are not counts.", "", "Use the values as they are.")
        return self.gene_major.totals(name)

    def feature_means(self, name: str) -> np.ndarray:
        """Return (n_features,) float64 means of ``X`` over the measured cells; do not change them.

        Of log1p of counts per 10,000 where the modality holds counts, else of the values as they are. Stores of earlier
        releases do not have them: they are computed once, which reads the whole matrix, and kept in memory.
        """
        self._info(name)
        return self.gene_major.means(name)

    @cached_property
    def gene_major(self) -> GeneMajor:
        """The gene-major copy."""
        return GeneMajor(self, self.path / GENE_MAJOR_FOLDER)

    # -- health --------------------------------------------------------------------------------------------------------

    def verify(self) -> tuple[str, ...]:
        """Return the arrays that no longer match their hash; reads everything."""
        from multimil_gui.data.verify import damaged_arrays

        return damaged_arrays(self.path, self.index.hashes)

    # -- inside --------------------------------------------------------------------------------------------------------

    @cached_property
    def _data(self) -> Any:
        import zarr

        return zarr.open_group(str(self.path / DATA_FOLDER), mode="r", use_consolidated=False)

    @cached_property
    def _multimodal(self) -> bool:
        return self._data.attrs["encoding-type"] == "MuData"

    def _prefix(self, name: str) -> str:
        return f"mod/{name}/" if self._multimodal else ""

    def _info(self, name: str) -> ModalityInfo:
        if name not in self.index.modalities:
            known = ", ".join(self.index.modalities) or "none"
            raise Refusal(f'There is no modality "{name}".', f"The file has {known}.", "Choose one of these.")
        return self.index.modalities[name]

    def _matrix_info(self, name: str, layer: str) -> MatrixInfo:
        info = self._info(name)
        if layer not in info.matrices:
            raise Refusal(
                f'There is no matrix "{layer}" in {name}.', f"The file has {', '.join(info.layers)}.", "Choose one."
            )
        return info.matrices[layer]

    @staticmethod
    def _read_column(node: Any) -> Any:
        import pandas as pd

        kind = node.attrs.get("encoding-type")
        if kind == "categorical":
            categories = pd.Index(_text(node["categories"]), dtype=object)
            return pd.Categorical.from_codes(node["codes"][:], categories, ordered=bool(node.attrs["ordered"]))
        if kind == "string-array":
            return _text(node)
        return np.asarray(node[:])


def _reads_alike(index: StoreIndex) -> bool:
    """Whether a store of version 1, where every name is the name of its folder, has only names that still are."""
    folders = storage_names(column.name for column in index.obs).items(), storage_names(index.obsm).items()
    layers = (layer_paths(modality.matrices).items() for modality in index.modalities.values())
    return (
        index.version == 1
        and all(name == folder for found in folders for name, folder in found)
        and all(name in ("raw", path) for found in layers for name, path in found)
    )


def _text(node: Any) -> np.ndarray:
    return np.asarray(node[:]).astype(object)


def _is_map(key: str, n_dims: int) -> bool:
    lowered = key.lower()
    return n_dims < 2 or (n_dims <= 3 and any(word in lowered for word in ("umap", "tsne", "draw_graph", "spatial")))


def _map_rank(key: str, n_dims: int) -> int:
    lowered = key.lower()
    for rank, word in enumerate(("umap", "tsne", "draw_graph")):
        if word in lowered:
            return rank
    return 3 if n_dims == 2 else 4


def _latent_rank(key: str) -> int:
    lowered = key.lower()
    for rank, word in enumerate(("multimil", "totalvi", "multivi", "scvi", "scanvi", "harmony", "integrated", "pca")):
        if word in lowered:
            return rank
    return 8
