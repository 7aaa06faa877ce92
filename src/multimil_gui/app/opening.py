"""The jobs behind opening: thin functions, so that everything heavy is imported in the job's thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from multimil_gui.core.reporter import Progress, Reporter

if TYPE_CHECKING:
    import numpy as np

    from multimil_gui.data.cohort import Cohort, Columns
    from multimil_gui.data.store import Store

DEMO_NAME = "demo-cohort.h5mu"


def import_job(source: Path, stores: Path, *, reporter: Reporter) -> Store:
    """Read, check and copy a file into the folder of stores; Refusal when it cannot be read."""
    from multimil_gui.data.import_ import import_file

    return import_file(source, stores, reporter)


def demo_job(stores: Path, *, reporter: Reporter) -> Store:
    """Make the demo cohort and open it."""
    from multimil_gui.data.demo import write_demo
    from multimil_gui.data.import_ import import_file

    reporter.progress(Progress(0, 0, "Making the demo cohort"))
    stores.mkdir(parents=True, exist_ok=True)
    return import_file(write_demo(stores / DEMO_NAME), stores, reporter)


def cohort_job(store: Store, columns: Columns, *, reporter: Reporter) -> Cohort:
    """Check the columns and build the cohort; CohortRefused when they cannot be used."""
    from multimil_gui.data.check import build_cohort

    reporter.progress(Progress(0, 0, "Checking samples, donors and labels"))
    return build_cohort(store, columns)


def map_job(cohort: Cohort, latent: np.ndarray, *, reporter: Reporter) -> np.ndarray:
    """Compute a 2-D map, (n_cells, 2) float32."""
    from multimil_gui.jobs.map2d import compute_map

    return compute_map(latent, cohort.order, 0, reporter)
