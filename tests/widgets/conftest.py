"""A small real store, a session on it, and a session with a fit whose attention lies on the planted cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.result import CellScores, Curve, IntegrationResult, MILResult, Predictions
from multimil_gui.analysis.scores import cell_scores
from multimil_gui.core.options import TargetKind
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Cohort, Columns, TargetColumn
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


STAGES = ("none", "mild", "severe")
THREE = replace(
    COLUMNS,
    further=(TargetColumn("stage", TargetKind.ORDINAL, STAGES), TargetColumn("age", TargetKind.REGRESSION)),
    continuous=("mito",),
)


@pytest.fixture(scope="session")
def rich_store(_small_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return the small cohort with a stage and an age of each donor, and a part of mitochondrial counts of each cell."""
    import anndata as ad
    import pandas as pd

    folder = tmp_path_factory.mktemp("rich")
    data = ad.read_h5ad(_small_files / "small.h5ad")
    donor = data.obs["donor"].astype(str).str[1:].astype(int).to_numpy()
    data.obs["stage"] = pd.Categorical(np.where(donor < 6, "none", np.where(donor < 9, "mild", "severe")))
    data.obs["age"] = 21.5 + 5 * donor
    data.obs["mito"] = np.random.default_rng(0).random(len(donor))
    data.write_h5ad(folder / "rich.h5ad")
    return import_file(folder / "rich.h5ad", folder / "stores", SilentReporter())


@pytest.fixture(scope="session")
def rich_cohort(rich_store: Store) -> Cohort:
    return build_cohort(rich_store, THREE)


@pytest.fixture
def rich_session(rich_store: Store, rich_cohort: Cohort) -> Session:
    """Return a session with three targets: classes, ordered classes, a number."""
    result = Session()
    result.open_store(rich_store)
    result.set_cohort(rich_cohort, THREE)
    return result


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


@pytest.fixture
def rich_fit(fit: MILResult, rich_cohort: Cohort) -> MILResult:
    """Return a prediction of three targets; the value is 2 too high, the ranks are right but for one sample."""
    rng = np.random.default_rng(5)
    stage, age = rich_cohort.of_target(1), rich_cohort.of_target(2)
    label = stage.samples.label
    rank = label.astype(np.float32)
    rank[1] = 1.4
    probability = np.full((len(label), 3), 0.1, dtype=np.float32)
    probability[np.arange(len(label)), np.rint(rank).astype(int)] = 0.8

    def cells(shared: CellScores) -> CellScores:
        return replace(shared, contribution=rng.normal(size=(rich_cohort.n_cells, 1)).astype(np.float32))

    def further(cohort: Cohort, said: np.ndarray, value: np.ndarray) -> MILResult:
        assert cohort.target is not None
        spread = np.full(len(value), 0.25, dtype=np.float32)
        held_out = replace(fit.held_out, probability=said, probability_sd=said / 20, value=value, value_sd=spread)
        score = score_predictions("MultiMIL", said, cohort.samples, 0, cohort.target.kind, value)
        return replace(
            fit,
            kind=cohort.target.kind,
            column=cohort.target.column,
            classes=cohort.target.classes,
            held_out_cells=cells(fit.held_out_cells),
            trained_cells=cells(fit.trained_cells),
            held_out=held_out,
            trained=held_out,
            scores=(score,),
            curves=(),
        )

    years = (age.samples.value + 2).astype(np.float32)
    ones = np.ones((len(years), 1), dtype=np.float32)
    return replace(fit, column="condition", further=(further(stage, probability, rank), further(age, ones, years)))


@pytest.fixture
def rich_fitted(rich_session: Session, rich_fit: MILResult) -> Session:
    """Return the session with three targets after a prediction."""
    rich_session.add_run(rich_fit, name="First fit")
    return rich_session


@pytest.fixture
def integration(rich_cohort: Cohort) -> IntegrationResult:
    """Return an integration of two modalities."""
    rng = np.random.default_rng(6)
    share = rng.random((rich_cohort.n_cells, 1)).astype(np.float32)
    return IntegrationResult(
        latent=rng.normal(size=(rich_cohort.n_cells, 4)).astype(np.float32),
        modality_weight=np.concatenate([share, 1 - share], axis=1),
        modalities=("rna", "adt"),
        curve=Curve("integration", np.array([3.0, 2.0]), np.array([3.0, 2.5]), 1),
        weights={},
    )
