"""The score of a set of 194 genes against scanpy's, on the same synthetic counts and in the same run.

7 % of the counts are not zero, as in measured RNA. Ours reads the gene-major copy of a store on the disk (in the page cache)
and ends with the score of every cell; scanpy's ``tl.score_genes`` starts from a normalised matrix in memory, and the time to
make that is not counted. Seconds on the wall and of processor time over all threads, medians of interleaved repeats; the
largest difference between the two scores is told. The colour of one gene, from the disk to the bytes that are drawn, is
timed beside them.

``--quick`` takes 100,000 cells and 2,000 genes; without it 1,000,000 cells and 3,000 genes follow (about 10 GB of memory),
and ours alone for 1,000,000 cells and 21,000 genes (about 5 GB of disk; the same 3,000 genes seven times, under other
names): there the genes lie far apart in the file. ``--json`` ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scanpy
import zarr
from scipy.sparse import csc_matrix, csr_matrix

from multimil_gui.analysis.gene_set_scores import score_genes
from multimil_gui.data.amounts import count_scale
from multimil_gui.data.contents import Contents, Matrix, Modality
from multimil_gui.data.index import MatrixInfo
from multimil_gui.data.store import Store
from multimil_gui.data.tally import Tally
from multimil_gui.data.write_store import gene_major_codec, write_store
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind

N_SET = 194
DENSITY = 0.07
REPEATS = 5
CHUNK = 1 << 18


@dataclass(frozen=True)
class Size:
    """How large the cohort is; the genes are there ``times`` times."""

    n_cells: int
    n_genes: int
    times: int = 1

    @property
    def words(self) -> str:
        return f"{self.n_cells:,} cells x {self.n_genes * self.times:,} genes"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    sizes = [Size(100_000, 2_000)]
    if not options.quick:
        sizes += [Size(1_000_000, 3_000), Size(1_000_000, 3_000, times=7)]
    report = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            report[size.words] = run(size, Path(folder))
    if options.json:
        print(json.dumps(report))
    return 0


def run(size: Size, folder: Path) -> dict[str, float]:
    counts = make_counts(size)
    store = make_store(size, counts, folder)
    names = store.features("rna")
    genes = [names[i] for i in np.random.default_rng(1).choice(len(names), N_SET, replace=False)]
    steps: dict[str, Callable[[], object]] = {"ours": lambda: score_genes(store, "rna", genes).values}
    if size.times == 1:
        data = normalized(counts, names)
        steps["scanpy"] = lambda: peer(data, genes)
    del counts
    first = {name: step() for name, step in steps.items()}  # warms up: compiled loops, page cache
    wall, used = timed(steps)
    result = {f"{name}, s": wall[name] for name in steps} | {f"{name}, s of processor": used[name] for name in steps}
    if "scanpy" in first:
        result["scanpy / ours"] = wall["scanpy"] / wall["ours"]
        result["largest difference"] = float(np.abs(first["ours"] - first["scanpy"]).max())
    session = Session()
    session.open_store(store)
    wall, _ = timed({"gene": gene_colours(session, names)}, 15)
    result["colour of one gene, ms"] = 1_000 * wall["gene"]
    print(size.words)
    for name, value in result.items():
        print(f"  {name:<28} {value:.3g}")
    return result


def timed(steps: dict[str, Callable[[], object]], repeats: int = REPEATS) -> tuple[dict[str, float], dict[str, float]]:
    """Return medians of seconds on the wall and of processor time."""
    wall: dict[str, list[float]] = {name: [] for name in steps}
    used: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            start, cpu = time.perf_counter(), time.process_time()
            step()
            wall[name].append(time.perf_counter() - start)
            used[name].append(time.process_time() - cpu)
    return (
        {name: statistics.median(seconds) for name, seconds in wall.items()},
        {name: statistics.median(seconds) for name, seconds in used.items()},
    )


def gene_colours(session: Session, names: tuple[str, ...]) -> Callable[[], object]:
    """Return a step that colours by a gene that was not coloured by before."""
    genes = iter(np.random.default_rng(2).permutation(names).tolist())
    return lambda: coloring_of(session, ColorBy(ColorKind.FEATURE, next(genes), "rna")).values


def peer(data: anndata.AnnData, genes: list[str]) -> np.ndarray:
    scanpy.tl.score_genes(data, genes)
    return data.obs["score"].to_numpy()


def make_counts(size: Size) -> csc_matrix:
    """Return counts of which 7 % are not zero; few genes are on in most cells, most in few, and cells differ in depth."""
    rng = np.random.default_rng(0)
    on = rng.beta(0.4, 0.4 / DENSITY - 0.4, size.n_genes)
    depth = rng.gamma(4.0, 0.25, size.n_cells).astype(np.float32)
    data, indices, lengths = [], [], [0]
    for part in on:
        here = np.flatnonzero(rng.random(size.n_cells, dtype=np.float32) < part * depth).astype(np.int32)
        data.append(rng.geometric(0.6, len(here)).astype(np.uint8))
        indices.append(here)
        lengths.append(len(here))
    parts = (np.concatenate(data), np.concatenate(indices), np.cumsum(lengths))
    return csc_matrix(parts, shape=(size.n_cells, size.n_genes))


def make_store(size: Size, counts: csc_matrix, folder: Path) -> Store:
    """Write a store whose row-major copy is empty: only the gene-major one is read here."""
    n_genes = size.n_genes * size.times
    names = tuple(f"GENE{i}" for i in range(n_genes))
    info = MatrixInfo(n_features=n_genes, dtype="uint8", counts=True, sparse=True, smallest=0, largest=255)
    empty = Matrix(csr_matrix((size.n_cells, n_genes), dtype=np.uint8), info, Tally(0, 0, 0, 0, 0, 0, 0))
    obs = pd.DataFrame({"sample": pd.Categorical(np.arange(size.n_cells) % 20)})
    contents = Contents(
        np.array([f"cell{i}" for i in range(size.n_cells)], dtype=object),
        obs,
        {"rna": Modality(np.arange(size.n_cells), names, {"X": empty})},
    )
    write_store(contents, folder / "store", "synthetic", "0" * 40, lambda stage: None)
    group = zarr.open_group(str(folder / "store" / "gene_major.zarr"), mode="r+")["rna"]
    totals = np.asarray(counts.sum(axis=1)).ravel().astype(np.int64)
    scale = count_scale(totals)
    levels = csc_matrix((np.log1p(counts.data * scale[counts.indices]), counts.indices, counts.indptr), counts.shape)
    means = np.asarray(levels.mean(axis=0)).ravel()
    lengths = np.tile(np.diff(counts.indptr), size.times)
    for name, values, times in (
        ("data", counts.data, size.times),
        ("indices", counts.indices, size.times),
        ("indptr", np.concatenate([[0], np.cumsum(lengths)]), 1),
        ("totals", totals, 1),
        ("means", np.tile(means, size.times), 1),
    ):
        replace_array(group, name, values, times)
    return Store.open(folder / "store")


def replace_array(group: zarr.Group, name: str, values: np.ndarray, times: int) -> None:
    n = len(values)
    node = group.create_array(
        name, shape=(n * times,), dtype=values.dtype, chunks=(CHUNK,), compressors=gene_major_codec(), overwrite=True
    )
    step = CHUNK * 64
    for start in range(0, n * times, step):
        node[start : start + step] = np.take(values, np.arange(start, min(start + step, n * times)), mode="wrap")


def normalized(counts: csc_matrix, names: tuple[str, ...]) -> anndata.AnnData:
    """Return log1p of counts per 10,000, single precision, as is usual."""
    matrix = counts.tocsr().astype(np.float32)
    data = anndata.AnnData(matrix, var=pd.DataFrame(index=list(names)))
    scanpy.pp.normalize_total(data, target_sum=1e4)
    scanpy.pp.log1p(data)
    return data


if __name__ == "__main__":
    raise SystemExit(main())
