"""Help, Self-test: the whole way from a file to exported cells on this machine, in about a minute.

Runs in the job thread, in a folder of its own that is removed again; touches nothing that is open.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from multimil_gui.core.errors import Cancelled
from multimil_gui.core.reporter import Progress, Reporter, SilentReporter, Stop

if TYPE_CHECKING:
    from multimil_gui.analysis.result import RunResult
    from multimil_gui.data.store import Store

_RECIPE = """
[data]
path = "{path}"
sample = "sample_id"
donor = "donor"
cell_type = "cell_type"
covariates = ["batch"]
[target]
column = "condition"
reference = "healthy"
[integrate]
epochs = 2
n_latent = 4
n_hidden = 16
n_top_features = 200
[mil]
epochs = 3
seeds = 1
[cv]
folds = 2
[analysis]
map = false
baselines = false
"""


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes
    ----------
    name
        What, in the user's words.
    passed
        Whether it went well.
    words
        What was seen, or what went wrong.
    seconds
        How long it took.
    """

    name: str
    passed: bool
    words: str
    seconds: float


@dataclass
class _Bench:
    """What the steps hand on to each other."""

    folder: Path
    reporter: Reporter
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        found: Store = self.made["store"]
        return found

    @property
    def run(self) -> RunResult:
        found: RunResult = self.made["run"]
        return found


def self_test(folder: Path, *, reporter: Reporter) -> tuple[Check, ...]:
    """Try every part of the program; later parts that need one that failed fail too.

    Parameters
    ----------
    folder
        Where a temporary folder is made, on the disk that opened data use.
    reporter
        Told of each check, asked between them.

    Raises
    ------
    Cancelled
        When the user cancelled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bench = _Bench(Path(tempfile.mkdtemp(prefix=".self-test-", dir=folder)), reporter)
    checks: list[Check] = []
    try:
        for number, (name, step) in enumerate(_STEPS.items()):
            reporter.progress(Progress(number, len(_STEPS), name))
            if reporter.should_stop() is Stop.CANCEL:
                raise Cancelled
            checks.append(_tried(name, step, bench))
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)
    return tuple(checks)


def in_words(checks: tuple[Check, ...]) -> str:
    """Return the checks as a text, the failed ones named first."""
    failed = [check.name for check in checks if not check.passed]
    head = f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}." if failed else "Everything works."
    lines = [f"{'ok    ' if c.passed else 'FAILED'}  {c.name} ({c.seconds:.1f} s)\n        {c.words}" for c in checks]
    return "\n".join([head, "", *lines])


def _tried(name: str, step: Callable[[_Bench], str], bench: _Bench) -> Check:
    start = time.monotonic()
    try:
        words, passed = step(bench), True
    except Cancelled:
        raise
    except Exception as error:  # noqa: BLE001  whatever is broken on this machine is the answer
        words, passed = f"{type(error).__name__}: {error}", False
    return Check(name, passed, words, time.monotonic() - start)


def _must(condition: bool, words: str) -> None:
    if not condition:
        raise RuntimeError(words)


def _disk(bench: _Bench) -> str:
    from multimil_gui.project.commit import atomic_commit

    content = bytes(range(256)) * 4096
    path = bench.folder / "block"

    def write(file: BinaryIO) -> None:
        file.write(content)

    atomic_commit(path, write)
    _must(path.read_bytes() == content, "What was written is not what is read.")
    return f"1 MiB written safely and read back; {shutil.disk_usage(bench.folder).free / 2**30:.0f} GiB free."


def _reading(bench: _Bench) -> str:
    from multimil_gui.data.demo import write_demo
    from multimil_gui.data.import_ import import_file

    source = write_demo(bench.folder / "demo.h5mu")
    bench.made["store"] = import_file(source, bench.folder / "stores", SilentReporter())
    index = bench.store.index
    _must(index.n_cells > 0 and set(index.modalities) == {"rna", "adt"}, "The demo cohort was not read whole.")
    return f"{index.n_cells:,} cells of the demo cohort, {' and '.join(index.modalities)}."


def _learning(bench: _Bench) -> str:
    bench.made["run"] = _learnt(bench)
    scores = bench.run.mil
    assert scores is not None
    _must(bool(abs(bench.run.latent).max() < 1e6), "The latent space holds values that are no numbers.")
    return f"A latent space of {bench.run.latent.shape[1]} dimensions, and held-out predictions of {len(scores.fold)} samples."


def _repeating(bench: _Bench) -> str:
    again, first = _learnt(bench), bench.run
    assert again.mil is not None
    assert first.mil is not None
    same = again.latent.tobytes() == first.latent.tobytes()
    same &= again.mil.held_out.probability.tobytes() == first.mil.held_out.probability.tobytes()
    _must(same, "The same recipe gave other numbers. On a graphics card small differences are normal.")
    return "The same recipe gave the same bytes."


def _learnt(bench: _Bench) -> RunResult:
    from multimil_gui.jobs.pipeline import run_recipe
    from multimil_gui.jobs.recipe_io import parse_recipe

    recipe = parse_recipe(_RECIPE.format(path="demo.h5mu"))
    return run_recipe(recipe, bench.store, _Asking(bench.reporter))


def _keeping(bench: _Bench) -> str:
    from multimil_gui.project.project import Project
    from multimil_gui.state.keeper import Keeper, open_session
    from multimil_gui.state.session import Session

    session = Session()
    session.open_store(bench.store)
    path = bench.folder / "self-test.multimil"
    with Project.create(path) as project:
        Keeper(session, project).save()
    with Project.open(path) as project:
        n_cells = open_session(project).session.data.n_cells
    _must(n_cells == bench.store.index.n_cells, "The project was not opened as it was saved.")
    return "A project was saved, closed and opened again."


def _exporting(bench: _Bench) -> str:
    import anndata

    from multimil_gui.jobs.outputs import write_outputs
    from multimil_gui.jobs.pipeline import cohort_of
    from multimil_gui.jobs.recipe_io import parse_recipe

    recipe = parse_recipe(_RECIPE.format(path="demo.h5mu"))
    out = bench.folder / "out"
    write_outputs(bench.run, cohort_of(recipe, bench.store), recipe, out, SilentReporter())
    written = anndata.read_h5ad(out / "result.h5ad", backed="r")
    names = list(written.obs_names)
    written.file.close()
    _must(names == list(bench.store.cell_names()), "The exported cells are not those that were read.")
    return f"{len(list(out.iterdir()))} files; result.h5ad holds the same cells in the same order."


def _drawing(bench: _Bench) -> str:
    import numpy as np

    from multimil_gui.views.kernels import kernels
    from multimil_gui.views.lasso import points_in_polygon

    kernels()
    xy = np.random.default_rng(0).random((10_000, 2), dtype=np.float32)
    square = np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]])
    _must(bool((points_in_polygon(xy, square) == (xy < 0.5).all(axis=1)).all()), "Selecting found other cells.")
    return "Compiled drawing and selecting work."


def _device(bench: _Bench) -> str:
    import torch

    if not torch.cuda.is_available():
        return f"No graphics card for training; {torch.get_num_threads()} processor threads."
    product = torch.ones(64, 64, device="cuda") @ torch.ones(64, 64, device="cuda")
    _must(bool((product == 64).all()), "The graphics card computes wrongly.")
    return f"{torch.cuda.get_device_name(0)} computes."


_STEPS: dict[str, Callable[[_Bench], str]] = {
    "Disk": _disk,
    "Drawing and selecting": _drawing,
    "Device": _device,
    "Reading a file": _reading,
    "Integration and prediction": _learning,
    "The same again": _repeating,
    "Project": _keeping,
    "Export": _exporting,
}


class _Asking(SilentReporter):
    """Passes on only the wish to cancel."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter

    def should_stop(self) -> Stop:
        """Return what the user asked for."""
        return self._reporter.should_stop()
