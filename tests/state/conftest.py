"""A tiny real store, its cohort, and made results whose numbers are easy to follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multimil_gui.analysis.result import (
    CellScores,
    Curve,
    IntegrationResult,
    MILResult,
    ModelScores,
    Predictions,
    RunResult,
    Score,
)
from multimil_gui.core.options import Likelihood, TargetKind
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Cohort, Columns, TargetColumn
from multimil_gui.data.fitted import FitInputs, FittedModality
from multimil_gui.data.import_ import import_file
from multimil_gui.data.store import Store
from multimil_gui.state.session import Session

N_CELLS = 60
COLUMNS = Columns(sample="sample_id", donor="donor", cell_type="cell_type", target="condition", reference="healthy")
STAGES = ("none", "mild", "severe")
#: Three targets: classes, ordered classes, a number.
THREE = replace(
    COLUMNS,
    further=(
        TargetColumn("stage", TargetKind.ORDINAL, STAGES),
        TargetColumn("years", TargetKind.REGRESSION),
    ),
)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return 60 cells of 6 samples (10 each; the first three ill), 4 genes of counts, a map and a PCA."""
    import anndata as ad
    import pandas as pd

    folder = tmp_path_factory.mktemp("state-store")
    row = np.arange(N_CELLS)
    sample = row // 10
    kinds = np.array(["B", "T", None], dtype=object)[row % 3]
    obs = pd.DataFrame(
        {
            "sample_id": pd.Categorical([f"s{i}" for i in sample]),
            "donor": pd.Categorical([f"d{i}" for i in sample]),
            "condition": pd.Categorical(np.where(sample < 3, "ill", "healthy")),
            "cell_type": pd.Categorical(np.where(row % 3 == 2, "NK", kinds)),
            "label": pd.Categorical(kinds),
            "age": np.where(row == 5, np.nan, row * 1.5),
            "stage": pd.Categorical(np.array(["severe", "mild", "none"])[sample % 3]),
            "years": 20.0 + 7.5 * sample,
            "clone": pd.Categorical([f"c{i:03d}" for i in row * 7 % 60]),
        },
        index=[f"cell{i}" for i in row],
    )
    counts = np.stack([row % 5, np.full(N_CELLS, 3), row // 20, np.zeros(N_CELLS)], axis=1).astype(np.int32)
    data = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=["GNLY", "NKG7", "MS4A1", "OFF"]))
    angle = row / N_CELLS * 2 * np.pi
    umap = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    data.obsm["X_umap"] = umap.astype(np.float32)
    data.obsm["X_pca"] = np.random.default_rng(0).normal(size=(N_CELLS, 5)).astype(np.float32)
    data.uns["label_colors"] = np.array(["#ff0000", "#00ff00"], dtype=object)
    data.write_h5ad(folder / "tiny.h5ad")
    return import_file(folder / "tiny.h5ad", folder / "stores", SilentReporter())


@pytest.fixture(scope="session")
def cohort(store: Store) -> Cohort:
    return build_cohort(store, COLUMNS)


@pytest.fixture(scope="session")
def cohort_of_three(store: Store) -> Cohort:
    """Return the cohort with three targets."""
    return build_cohort(store, THREE)


@pytest.fixture(scope="session")
def columns_of_three() -> Columns:
    return THREE


@pytest.fixture
def session_of_three(store: Store, cohort_of_three: Cohort) -> Session:
    """Return a session with three targets and a run that predicts them."""
    made = Session()
    made.open_store(store)
    made.set_cohort(cohort_of_three, THREE)
    made.add_run(make_run_of_three())
    return made


@pytest.fixture
def session(store: Store, cohort: Cohort) -> Session:
    """Return a session with the tiny cohort open and mapped."""
    made = Session()
    made.open_store(store)
    made.set_cohort(cohort, COLUMNS)
    return made


def make_mil(seed: int = 0) -> MILResult:
    """Return a prediction; held-out attention of cell i grows with i within each sample, trained falls."""
    rng = np.random.default_rng(seed)
    position = np.arange(N_CELLS) % 10

    def cells(weight: np.ndarray) -> CellScores:
        attention = (weight / 55).astype(np.float32)
        contribution = rng.normal(size=(N_CELLS, 2)).astype(np.float32)
        contribution[0] = np.nan
        return CellScores(attention, attention / 10, (weight / 10).astype(np.float32), contribution)

    def samples() -> Predictions:
        probability = rng.dirichlet([1, 1], size=6).astype(np.float32)
        vectors = {kind: rng.normal(size=(6, 5)).astype(np.float32) for kind in ("mean", "attention", "top")}
        return Predictions(probability, probability / 20, vectors)

    score = Score(0.75, 0.5, float("nan"))
    return MILResult(
        classes=("healthy", "ill"),
        fold=np.arange(6, dtype=np.int32) % 3,
        held_out_cells=cells(position + 1.0),
        held_out=samples(),
        trained_cells=cells(10.0 - position),
        trained=samples(),
        scores=(ModelScores("MultiMIL", {"auroc": score}, rng.random((6, 2)).astype(np.float32)),),
        curves=(Curve("fold 1", rng.random(4), rng.random(4), 2),),
        audit=("No finding.",),
        weights={"fold0/w": rng.normal(size=(80, 80)).astype(np.float32), "final/b": np.zeros(3, dtype=np.float32)},
    )


def make_mil_of_three(seed: int = 0) -> MILResult:
    """Return a prediction of three targets that share the attention."""
    main, rng = make_mil(seed), np.random.default_rng(seed + 1)

    def further(kind: TargetKind, column: str, classes: tuple[str, ...], scale: float) -> MILResult:
        def cells(shared: CellScores) -> CellScores:
            return replace(shared, contribution=rng.normal(size=(N_CELLS, 1)).astype(np.float32))

        def samples(shared: Predictions) -> Predictions:
            probability = rng.dirichlet(np.ones(len(classes)), size=6).astype(np.float32)
            value = (rng.random(6) * scale).astype(np.float32)
            return replace(
                shared, probability=probability, probability_sd=probability / 20, value=value, value_sd=value / 10
            )

        return replace(
            main,
            kind=kind,
            column=column,
            classes=classes,
            held_out_cells=cells(main.held_out_cells),
            trained_cells=cells(main.trained_cells),
            held_out=samples(main.held_out),
            trained=samples(main.trained),
            curves=(),
            weights={},
        )

    stage = further(TargetKind.ORDINAL, "stage", STAGES, 2.0)
    years = further(TargetKind.REGRESSION, "years", ("years",), 60.0)
    return replace(main, column="condition", further=(stage, years))


def make_integration(seed: int = 0) -> IntegrationResult:
    rng = np.random.default_rng(seed)
    share = rng.random((N_CELLS, 1)).astype(np.float32)
    features = tuple(f"gene{i}" for i in range(300))
    return IntegrationResult(
        latent=rng.normal(size=(N_CELLS, 4)).astype(np.float32),
        modality_weight=np.concatenate([share, 1 - share], axis=1),
        modalities=("rna", "adt"),
        curve=Curve("integration", rng.random(3), rng.random(3), 1),
        weights={"encoder.w": rng.normal(size=(4, 4)).astype(np.float32)},
        details={"steps": ["log1p"], "donors_seen": 6, "nested": {"a": None}},
        inputs=FitInputs(
            modalities=(
                FittedModality("rna", Likelihood.NB, features, {"features": "pearson"}),
                FittedModality("adt", Likelihood.NORMAL, ("CD3", "CD19"), {"clr": "cell", "pseudo": 1.0}),
            ),
            covariates=(("batch", ("a", "b")),),
            continuous=(("age", 44.25, 26.0),),
        ),
    )


def make_run(seed: int = 0) -> RunResult:
    integration = make_integration(seed)
    return RunResult(
        recipe={"cv": {"folds": 3}, "latent": {"use": None}},
        latent_name="X_multimil",
        latent=integration.latent,
        map_name="X_umap_multimil",
        map2d=integration.latent[:, :2].copy(),
        integration=integration,
        mil=make_mil(seed),
        timings={"integration": 1.5},
        versions={"numpy": "2"},
    )


def make_run_of_three(seed: int = 0) -> RunResult:
    return replace(make_run(seed), mil=make_mil_of_three(seed))


@pytest.fixture
def results() -> dict[str, Callable]:
    """Return the makers of made results."""
    return {
        "mil": make_mil,
        "integration": make_integration,
        "run": make_run,
        "mil_of_three": make_mil_of_three,
        "run_of_three": make_run_of_three,
    }


@pytest.fixture
def trained(session: Session) -> Session:
    """Return the session after a run."""
    session.add_run(make_run())
    return session


@pytest.fixture
def project_path(tmp_path: Path) -> Path:
    return tmp_path / "study.multimil"
