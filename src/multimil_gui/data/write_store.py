"""Write checked contents as a Store: standard AnnData or MuData zarr v3, a gene-major copy and the index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.amounts import blocks_of, cell_totals, feature_means
from multimil_gui.data.contents import Contents, Matrix, Modality, Tell
from multimil_gui.data.gene_major import MEANS, TOTALS
from multimil_gui.data.hashing import ArrayHash
from multimil_gui.data.index import (
    MAX_INDEX_BYTES,
    MAX_LISTED_LEVELS,
    MAX_LISTED_TEXT,
    STORE_VERSION,
    ColumnInfo,
    ColumnKind,
    ModalityInfo,
    StoreIndex,
)
from multimil_gui.data.levels import column_labelling
from multimil_gui.data.storage_names import layer_paths, storage_names

_CHUNK = 1 << 18
_LEVEL = 3
#: Names of the store's parts, also used by :class:`~multimil_gui.data.store.Store`.
INDEX_FILE = "index.json"
DATA_FOLDER = "data.zarr"
GENE_MAJOR_FOLDER = "gene_major.zarr"


def write_store(contents: Contents, folder: Path, source_name: str, source_hash: str, tell: Tell) -> StoreIndex:
    """Write a store into an empty folder and return its index; the same contents give the same bytes.

    Parameters
    ----------
    contents
        What was read.
    folder
        Folder to fill; made when missing.
    source_name, source_hash
        Name and BLAKE2b of the source.
    tell
        Told the stage.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = _Writer(folder, DATA_FOLDER)
    _write_data(contents, data, tell)
    genes = _Writer(folder, GENE_MAJOR_FOLDER, gene_major_codec())
    for name, modality in contents.modalities.items():
        tell(f"Writing the gene-major copy of {name}")
        _write_gene_major(genes, name, modality.matrices["X"])
    index = _index_of(contents, source_name, source_hash, {**data.hashes, **genes.hashes})
    text = index.model_dump_json(indent=1) + "\n"
    if len(text) > MAX_INDEX_BYTES // 4:  # at most four bytes for a character
        raise Refusal("The tables of the file have too many columns and labels.", "obs.", "Keep fewer columns.")
    (folder / INDEX_FILE).write_text(text, encoding="utf-8")
    return index


def gene_major_codec() -> Any:
    """Return what packs the gene-major copy: rising cell numbers take half the room of plain zstd, in half the time."""
    from zarr.codecs import BloscCodec

    return BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")


def estimated_bytes(contents: Contents) -> int:
    """Return about how many bytes the store of these contents needs on the disk: both copies, packed to a half."""
    total = sum(values.nbytes for values in contents.obsm.values())
    for modality in contents.modalities.values():
        for name, matrix in modality.matrices.items():
            total += _n_bytes(matrix) * (2 if name == "X" else 1)
    return total // 2


def describe(contents: Contents, source_name: str, source_hash: str) -> StoreIndex:
    """Return the index that the contents would have, without writing anything."""
    return _index_of(contents, source_name, source_hash, {})


def _n_bytes(matrix: Matrix) -> int:
    if isinstance(matrix.values, np.ndarray):
        return matrix.values.nbytes
    return matrix.values.data.nbytes + matrix.values.indices.nbytes + matrix.values.indptr.nbytes


class _Writer:
    """Writes the elements of a zarr group with their encodings, and hashes each array on the way."""

    def __init__(self, folder: Path, name: str, compressor: Any = None) -> None:
        import zarr
        from zarr.codecs import ZstdCodec

        self._name = name
        self._compressor = compressor or ZstdCodec(level=_LEVEL)
        self.root = zarr.open_group(str(folder / name), mode="w", zarr_format=3)
        self.hashes: dict[str, str] = {}

    def group(self, path: str, kind: str, version: str = "0.1.0", **attrs: Any) -> None:
        group = self.root.require_group(path) if path else self.root
        group.update_attributes({"encoding-type": kind, "encoding-version": version, **attrs})

    def array(self, path: str, values: np.ndarray, chunks: tuple[int, ...] | None = None, encode: bool = True) -> None:
        """Write an array of numbers or text block by block along its first axis."""
        text = values.dtype.kind == "O"
        shape = values.shape
        chunks = chunks or tuple(_chunk_shape(shape))
        kind = "string-array" if text else "array"
        node = self.root.create_array(
            path,
            shape=shape,
            dtype=str if text else values.dtype,
            chunks=chunks,
            compressors=self._compressor,
            attributes={"encoding-type": kind, "encoding-version": "0.2.0"} if encode else {},
        )
        digest = ArrayHash(shape, None if text else values.dtype)
        for start in range(0, shape[0], chunks[0]):
            block = values[start : start + chunks[0]]
            node[start : start + chunks[0]] = block
            digest.update(block)
        self.hashes[f"{self._name}/{path}"] = digest.hexdigest()

    def scalar(self, path: str, text: str) -> None:
        """Write one text."""
        node = self.root.create_array(path, shape=(), dtype=str)
        node[...] = text
        node.attrs.update({"encoding-type": "string", "encoding-version": "0.2.0"})

    def frame(self, path: str, names: np.ndarray, columns: dict[str, Any]) -> None:
        """Write a table; pandas Categorical columns as codes and levels."""
        folders = storage_names(columns)
        index_key = "_index"
        while index_key in folders.values():
            index_key += "_"
        self.group(path, "dataframe", "0.2.0", **{"_index": index_key, "column-order": list(folders.values())})
        self.array(f"{path}/{index_key}", names)
        for name, values in columns.items():
            self._column(f"{path}/{folders[name]}", values)

    def _column(self, path: str, values: Any) -> None:
        if hasattr(values, "categories"):
            self.group(path, "categorical", "0.2.0", ordered=bool(values.ordered))
            self.array(f"{path}/categories", np.asarray(values.categories, dtype=object))
            self.array(f"{path}/codes", np.asarray(values.codes))
        else:
            self.array(path, np.asarray(values))

    def matrix(self, path: str, matrix: Matrix) -> None:
        """Write a CSR or dense matrix."""
        if isinstance(matrix.values, np.ndarray):
            self.array(path, matrix.values)
            return
        shape = [int(size) for size in matrix.values.shape]
        self.group(path, "csr_matrix", shape=shape)
        for part in ("data", "indices", "indptr"):
            self.array(f"{path}/{part}", getattr(matrix.values, part), encode=False)

    def empty_groups(self, prefix: str, *names: str) -> None:
        for name in names:
            self.group(f"{prefix}{name}", "dict")


def _chunk_shape(shape: tuple[int, ...]) -> list[int]:
    width = max(int(np.prod(shape[1:], dtype=np.int64)), 1)
    return [max(1, min(shape[0], _CHUNK // width)), *(max(size, 1) for size in shape[1:])]


def _write_data(contents: Contents, writer: _Writer, tell: Tell) -> None:
    columns = {str(name): _values(contents.obs[name]) for name in contents.obs.columns}
    multimodal = len(contents.modalities) != 1 or any(
        len(modality.rows) < contents.n_cells for modality in contents.modalities.values()
    )
    multimodal = multimodal and bool(contents.modalities)
    writer.group("", "MuData" if multimodal else "anndata")
    writer.frame("obs", contents.names, columns)
    writer.empty_groups("", "obsm", "varm", "obsp", "varp", "uns")
    coordinates = storage_names(contents.obsm)
    for key, values in contents.obsm.items():
        writer.array(f"obsm/{coordinates[key]}", values)
    if contents.note:
        writer.scalar("uns/source", contents.note)
    folders = storage_names(columns)
    for column, colors in contents.colors.items():
        writer.array(f"uns/{folders[column]}_colors", np.asarray(colors, dtype=object))
    if multimodal:
        _write_modalities(contents, writer, tell)
        return
    for name, modality in contents.modalities.items():
        tell(f"Writing {name}")
        _write_modality(writer, "", modality)
    if not contents.modalities:
        writer.frame("var", np.empty(0, dtype=object), {})


def _write_modality(writer: _Writer, prefix: str, modality: Modality) -> None:
    writer.frame(f"{prefix}var", np.asarray(modality.features, dtype=object), {})
    writer.empty_groups(prefix, "layers")
    folders = layer_paths(modality.matrices)
    for name, matrix in modality.matrices.items():
        if name == "raw":
            writer.group(f"{prefix}raw", "raw")
            writer.frame(f"{prefix}raw/var", np.asarray(modality.raw_features, dtype=object), {})
            writer.empty_groups(f"{prefix}raw/", "varm")
        writer.matrix(f"{prefix}{folders[name]}", matrix)


def _write_modalities(contents: Contents, writer: _Writer, tell: Tell) -> None:
    writer.root.attrs["axis"] = 0
    names = [feature for modality in contents.modalities.values() for feature in modality.features]
    writer.frame("var", np.asarray(names, dtype=object), {})
    writer.empty_groups("", "obsmap", "varmap")
    writer.root.require_group("mod").attrs["mod-order"] = list(contents.modalities)
    start = 0
    for name, modality in contents.modalities.items():
        tell(f"Writing {name}")
        prefix = f"mod/{name}/"
        writer.group(f"mod/{name}", "anndata")
        writer.frame(f"{prefix}obs", contents.names[modality.rows], {})
        writer.empty_groups(prefix, "obsm", "varm", "obsp", "varp", "uns")
        _write_modality(writer, prefix, modality)
        _write_presence(writer, "obs", name, modality.rows, contents.n_cells)
        columns = np.arange(start, start + len(modality.features))
        _write_presence(writer, "var", name, columns, len(names))
        start += len(modality.features)


def _write_presence(writer: _Writer, axis: str, name: str, positions: np.ndarray, total: int) -> None:
    """Write MuData's mask (``obsm``, ``varm``) and 1-based map (``obsmap``, ``varmap``) of a modality."""
    mask = np.zeros(total, dtype=bool)
    mask[positions] = True
    places = np.zeros(total, dtype=np.uint32)
    places[positions] = np.arange(1, len(positions) + 1)
    writer.array(f"{axis}m/{name}", mask)
    writer.array(f"{axis}map/{name}", places)


def _write_gene_major(writer: _Writer, name: str, matrix: Matrix) -> None:
    _write_amounts(writer, name, matrix)
    if isinstance(matrix.values, np.ndarray):
        n_cells, n_features = matrix.values.shape
        chunks = (max(n_features // 256, 1), max(min(n_cells, _CHUNK), 1))
        writer.array(f"{name}/values", np.ascontiguousarray(matrix.values.T), chunks, encode=False)
        return
    by_gene = matrix.values.tocsc()
    for part in ("data", "indices", "indptr"):
        writer.array(f"{name}/{part}", getattr(by_gene, part), encode=False)


def _write_amounts(writer: _Writer, name: str, matrix: Matrix) -> None:
    """Write counts per cell and means per feature: what a colour or a score of genes needs of all the others."""
    n_cells, n_features = matrix.values.shape
    totals = cell_totals(blocks_of(matrix.values), n_cells) if matrix.info.counts else None
    if totals is not None:
        writer.array(f"{name}/{TOTALS}", totals, encode=False)
    means = feature_means(blocks_of(matrix.values), n_cells, n_features, totals)
    writer.array(f"{name}/{MEANS}", means, encode=False)


def _values(series: Any) -> Any:
    values = series.array
    return values if hasattr(values, "categories") else series.to_numpy()


def _index_of(contents: Contents, source_name: str, source_hash: str, hashes: dict[str, str]) -> StoreIndex:
    return StoreIndex(
        version=STORE_VERSION,
        source_name=source_name,
        source_hash=source_hash,
        n_cells=contents.n_cells,
        modalities={name: _modality_info(modality) for name, modality in contents.modalities.items()},
        obs=tuple(_column_info(str(name), contents.obs[name]) for name in contents.obs.columns),
        obsm={key: int(values.shape[1]) for key, values in contents.obsm.items()},
        note=contents.note,
        warnings=tuple(contents.warnings),
        hashes=dict(sorted(hashes.items())),
    )


def _modality_info(modality: Modality) -> ModalityInfo:
    main = modality.matrices["X"].info
    return ModalityInfo(
        n_cells=len(modality.rows),
        n_features=main.n_features,
        dtype=main.dtype,
        counts=main.counts,
        sparse=main.sparse,
        layers=tuple(modality.matrices),
        matrices={name: matrix.info for name, matrix in modality.matrices.items()},
    )


def _column_info(name: str, series: Any) -> ColumnInfo:
    labelling = column_labelling(name, series)
    kind = {"b": ColumnKind.BOOL, "i": ColumnKind.NUMBER, "u": ColumnKind.NUMBER, "f": ColumnKind.NUMBER}.get(
        series.dtype.kind, ColumnKind.CATEGORY if hasattr(series.array, "categories") else ColumnKind.TEXT
    )
    few = len(labelling.levels) <= MAX_LISTED_LEVELS and sum(map(len, labelling.levels)) <= MAX_LISTED_TEXT
    listed = kind is not ColumnKind.NUMBER and few
    return ColumnInfo(
        name=name,
        kind=kind,
        n_levels=len(labelling.levels),
        levels=labelling.levels if listed else (),
        n_missing=int((labelling.codes < 0).sum()),
    )
