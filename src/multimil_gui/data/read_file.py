"""Read any supported file into checked contents; runs in the import process only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimil_gui.core.errors import Refusal
from multimil_gui.data.arrays import has
from multimil_gui.data.contents import Contents, Tell
from multimil_gui.data.elements import encoding, names_in
from multimil_gui.data.hdf5_scan import open_hdf5
from multimil_gui.data.read_anndata import read_anndata
from multimil_gui.data.read_mudata import read_mudata
from multimil_gui.data.read_tenx import read_tenx, tenx_group
from multimil_gui.data.read_tenx_mtx import TenxFolder, find_files, read_tenx_folder
from multimil_gui.data.remarks import remark
from multimil_gui.data.sniff import Container, sniff
from multimil_gui.data.words import listing, shown, size_text

_FOREIGN = {
    ("row_attrs", "col_attrs"): "a loom file",
    ("assays", "cell.names"): "a Seurat h5Seurat file",
    ("model_weights",): "a Keras model",
}


@dataclass(frozen=True)
class Opened:
    """A source whose container was checked; no value has been read.

    Attributes
    ----------
    path
        The file or folder.
    root
        Its ``h5py.File``, ``zarr.Group``, or the files of a 10x folder.
    logical
        Bytes of all arrays when unpacked, 0 when not known.
    warnings
        What the scan found.
    """

    path: Path
    root: Any
    logical: int
    warnings: list[str]


@contextmanager
def open_source(path: Path) -> Iterator[Opened]:
    """Open a file or folder after checking its kind, links, filters and sizes.

    Raises
    ------
    Refusal
        When it is not one of ours or not safe to read.
    """
    container = sniff(path)
    if container is Container.TENX_FOLDER:
        yield Opened(path, find_files(path), 0, [])
    elif container is Container.HDF5:
        file, logical = open_hdf5(path)
        with closing(file):
            yield Opened(path, file, logical, [])
    else:
        from multimil_gui.data.zarr_files import list_folder, list_zip
        from multimil_gui.data.zarr_scan import scan_zarr
        from multimil_gui.data.zarr_store import open_listed

        files = list_zip(path) if container is Container.ZARR_ZIP else list_folder(path)
        with closing(files):
            logical, warnings = scan_zarr(files)
            yield Opened(path, open_listed(files), logical, warnings)


def read_opened(opened: Opened, tell: Tell) -> Contents:
    """Read an opened source.

    Raises
    ------
    Refusal
        When its contents are damaged, not AnnData, MuData or 10x, or need more memory than there is.
    """
    _check_memory(opened)
    if isinstance(opened.root, TenxFolder):
        contents = read_tenx_folder(opened.root, tell)
    else:
        contents = _read_root(opened.root, shown(opened.path.name), tell)
    contents.warnings = [*opened.warnings, *contents.warnings]
    if not contents.modalities and not contents.obsm:
        raise Refusal(
            "The file has neither a matrix nor coordinates of cells.",
            f"{shown(opened.path.name)}, {contents.n_cells:,} cells.",
            "Open a file with counts, or with an embedding in obsm.",
        )
    tell("Checking the values")
    remark(contents)
    return contents


def read_source(path: Path, tell: Tell) -> Contents:
    """Open, check and read a file; see :func:`open_source` and :func:`read_opened`."""
    with open_source(path) as opened:
        return read_opened(opened, tell)


def _check_memory(opened: Opened) -> None:
    import psutil

    total = psutil.virtual_memory().total
    if opened.logical > total:
        raise Refusal(
            f"The file needs about {size_text(opened.logical)} of memory; this machine has {size_text(total)}.",
            f"{shown(opened.path.name)}.",
            "Keep fewer cells or genes and try again.",
        )


def _read_root(root: Any, name: str, tell: Tell) -> Contents:
    if has(root, "mod") and (encoding(root) == "MuData" or has(root, "obsmap") or has(root, "obs")):
        return read_mudata(root, tell)
    if has(root, "obs") or encoding(root) == "anndata":
        return read_anndata(root, tell)
    group = tenx_group(root)
    if group is not None:
        return read_tenx(group, tell)
    keys = names_in(root, name)
    kind = next((kind for needed, kind in _FOREIGN.items() if all(key in keys for key in needed)), None)
    raise Refusal(
        f"This is {kind}, which is not read." if kind else "The file holds no AnnData, MuData or 10x data.",
        f"{name} contains {listing(keys, most=6) or 'nothing'}.",
        "Save it as .h5ad with scanpy and open that.",
    )
