"""Read any supported file into checked contents; runs in the import process only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multimil_gui.core.errors import Refusal
from multimil_gui.data.contents import Contents, Tell
from multimil_gui.data.elements import encoding
from multimil_gui.data.hdf5_scan import scan_hdf5
from multimil_gui.data.read_anndata import read_anndata
from multimil_gui.data.read_mudata import read_mudata
from multimil_gui.data.read_tenx import read_tenx, tenx_group
from multimil_gui.data.sniff import Container, sniff
from multimil_gui.data.zarr_scan import scan_zarr

_FOREIGN = {
    ("row_attrs", "col_attrs"): "a loom file",
    ("assays", "cell.names"): "a Seurat h5Seurat file",
    ("model_weights",): "a Keras model",
}


def scan_source(path: Path) -> Container:
    """Check the container without reading values: kind, links, filters, sizes.

    Raises
    ------
    Refusal
        When it is not one of ours or not safe to read.
    """
    container = sniff(path)
    if container is Container.HDF5:
        scan_hdf5(path)
    else:
        scan_zarr(path)
    return container


def read_file(path: Path, container: Container, tell: Tell) -> Contents:
    """Read a scanned file.

    Raises
    ------
    Refusal
        When its contents are damaged or not AnnData, MuData or 10x.
    """
    if container is Container.HDF5:
        import h5py

        with h5py.File(path, "r", driver="sec2") as file:
            contents = _read_root(file, path.name, tell)
    else:
        import zarr

        contents = _read_root(zarr.open_group(str(path), mode="r", use_consolidated=False), path.name, tell)
    _remark(contents)
    return contents


def _read_root(root: Any, name: str, tell: Tell) -> Contents:
    if "mod" in root and (encoding(root) == "MuData" or "obsmap" in root or "obs" in root):
        return read_mudata(root, tell)
    if "obs" in root or encoding(root) == "anndata":
        return read_anndata(root, tell)
    group = tenx_group(root)
    if group is not None:
        return read_tenx(group, tell)
    keys = sorted(root.keys())
    kind = next((kind for needed, kind in _FOREIGN.items() if all(key in keys for key in needed)), None)
    raise Refusal(
        f"This is {kind}, which is not read." if kind else "The file holds no AnnData, MuData or 10x data.",
        f"{name} contains {', '.join(keys[:6]) or 'nothing'}.",
        "Save it as .h5ad with scanpy and open that.",
    )


def _remark(contents: Contents) -> None:
    """Add the warnings that concern every format."""
    import numpy as np

    n_repeated = contents.n_cells - len(set(contents.names.tolist()))
    if n_repeated:
        contents.warnings.append(
            f"{n_repeated:,} cell names are used more than once; cells are told apart by position."
        )
    for name, modality in contents.modalities.items():
        info = modality.matrices["X"].info
        if info.counts:
            n_empty = int((np.asarray(modality.matrices["X"].values.sum(axis=1)).ravel() == 0).sum())
            if n_empty:
                contents.warnings.append(f"{n_empty:,} cells have no counts in {name}.")
        elif info.sparse and info.smallest >= 0:
            contents.warnings.append(f"{name} holds no counts but transformed values (largest {info.largest:.3g}).")
