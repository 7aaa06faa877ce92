"""A small real store, a session on it, and a session with a fit whose attention lies on the planted cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.result import Curve, MILResult, Predictions
from multimil_gui.analysis.scores import cell_scores
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Cohort, Columns
from multimil_gui.data.import_ import import_file
from multimil_gui.data.store import Store
from multimil_gui.state.session import Session

COLUMNS = Columns(
    sample="sample_id",
    donor="donor",
    cell_type="cell_type",
    covariates=("batch",),
    target="condition",
    reference="control",
)


@pytest.fixture(scope="session")
def store(_small_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return import_file(_small_files / "small.h5ad", tmp_path_factory.mktemp("stores"), SilentReporter())


@pytest.fixture(scope="session")
def cohort(store: Store) -> Cohort:
    return build_cohort(store, COLUMNS)


@pytest.fixture
def session(store: Store, cohort: Cohort) -> Session:
    result = Session()
    result.open_store(store)
    result.set_cohort(cohort, COLUMNS)
    return result


@pytest.fixture(scope="session")
def fit(cohort: Cohort) -> MILResult:
    """Held-out: one sample is predicted wrongly; trained: all right."""
    planted = cohort.store.obs()["planted"].to_numpy(dtype=bool)
    rng = np.random.default_rng(3)
    models = np.where(planted, 5.0, 1.0) + rng.random((2, cohort.n_cells))
    attention = models / np.stack([np.bincount(cohort.sample_codes, m)[cohort.sample_codes] for m in models])
    contribution = np.stack([-np.where(planted, 1.0, 0.0), np.where(planted, 1.0, 0.0)], axis=1)
    cells = cell_scores(attention.astype(np.float32), contribution.astype(np.float32), cohort.sample_codes)
    label = cohort.samples.label
    right = np.where(np.arange(2) == label[:, None], 0.9, 0.1).astype(np.float32)
    held_out = right.copy()
    held_out[0] = held_out[0, ::-1]
    vectors = {name: rng.normal(size=(len(label), 4)).astype(np.float32) for name in ("mean", "attention", "top")}
    spread = np.full_like(right, 0.05)
    curve = Curve("fold 1", np.array([0.7, 0.5, 0.4]), np.array([0.8, 0.6, 0.7]), 1)
    return MILResult(
        classes=("control", "disease"),
        fold=(cohort.samples.donor % 3).astype(np.int32),
        held_out_cells=cells,
        held_out=Predictions(held_out, spread, vectors),
        trained_cells=replace(cells, attention_sd=np.zeros_like(cells.attention_sd)),
        trained=Predictions(right, spread, vectors),
        scores=(score_predictions("MultiMIL", held_out, cohort.samples, 0),),
        curves=(curve,),
        audit=(),
        weights={},
    )


@pytest.fixture
def fitted(session: Session, fit: MILResult) -> Session:
    session.add_run(fit, name="First fit")
    return session
