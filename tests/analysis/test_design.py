"""Audit, tables and report on a small real file: the design is judged in words and numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multimil_gui.analysis import audit, baselines, tables
from multimil_gui.analysis.audit import LatentSeen, audit_design, cramers_v
from multimil_gui.analysis.metrics import BALANCED_ACCURACY, score_predictions
from multimil_gui.analysis.representations import type_fractions
from multimil_gui.analysis.result import CellScores, MILResult, Predictions
from multimil_gui.core.options import TargetKind
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Cohort, Columns, Target
from multimil_gui.data.import_ import import_file
from multimil_gui.data.splits import donor_folds

COLUMNS = Columns(
    sample="sample_id",
    donor="donor",
    cell_type="cell_type",
    target="condition",
    reference="control",
    covariates=("batch",),
)


@pytest.fixture
def cohort(small_h5ad: Path, tmp_path: Path) -> Cohort:
    return build_cohort(import_file(small_h5ad, tmp_path / "stores", SilentReporter()), COLUMNS, 3)


@pytest.fixture
def fold(cohort: Cohort) -> np.ndarray:
    return donor_folds(cohort.samples, 3, 0)


def test_fractions_of_cell_types_sum_to_one_and_match_pandas(cohort: Cohort) -> None:
    obs = cohort.store.obs()
    expected = obs.groupby(["sample_id", "cell_type"], observed=False).size().unstack()
    expected = expected.div(expected.sum(axis=1), axis=0).loc[list(cohort.samples.names), list(cohort.cell_type.levels)]
    np.testing.assert_allclose(type_fractions(cohort, cohort.cell_type), expected.to_numpy())


def test_cramers_v_is_one_for_a_recoding_and_small_for_independent_columns() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, 600)
    assert cramers_v(a, np.array([2, 0, 1])[a]) == pytest.approx(1)
    assert cramers_v(a, rng.integers(0, 4, 600)) < 0.15
    assert cramers_v(a, np.zeros(600, dtype=int)) == 0


def test_the_audit_names_a_column_that_tells_the_phenotype(cohort: Cohort) -> None:
    obs = cohort.store.obs()
    obs["lane"] = np.where(obs["condition"] == "disease", "lane2", "lane1")
    try:
        findings = audit_design(cohort, (), LatentSeen.GIVEN)
    finally:
        del obs["lane"]
    assert findings[0].startswith("Grade: unsupervised steps may have seen")
    assert "control: 6 donors" in findings[1]
    confounded = [text for text in findings if text.startswith("Confounded")]
    assert len(confounded) == 1
    assert "“lane”" in confounded[0]


def test_the_audit_says_when_the_number_of_cells_alone_predicts(cohort: Cohort) -> None:
    perfect = np.eye(2, dtype=np.float32)[cohort.samples.label]
    leak = score_predictions(baselines.COUNT_ONLY, perfect, cohort.samples, 0)
    chance = score_predictions(baselines.COUNT_ONLY, np.full((len(perfect), 2), 0.5, np.float32), cohort.samples, 0)
    assert any(text.startswith("Leak: the number of cells") for text in audit_design(cohort, (leak,), LatentSeen.GIVEN))
    assert not any(text.startswith("Leak") for text in audit_design(cohort, (chance,), LatentSeen.GIVEN))
    assert leak.metrics[BALANCED_ACCURACY].low > audit.CONFOUNDED


def test_the_cells_table_has_one_row_per_cell_in_file_order(cohort: Cohort, fold: np.ndarray) -> None:
    n, n_samples = cohort.n_cells, len(cohort.samples.names)
    scores = CellScores(*(np.arange(n, dtype=np.float32) for _ in range(3)), np.zeros((n, 2), np.float32))
    probability = np.tile(np.array([[0.2, 0.8]], dtype=np.float32), (n_samples, 1))
    predictions = Predictions(probability, probability * 0, {})
    in_top = np.arange(n) < 5
    other = replace(scores, attention=scores.attention + 1)
    mil = MILResult(
        *(("control", "disease"), fold, scores, predictions, other, predictions, (), (), (), {}), column="condition"
    )
    table = tables.cells_table(cohort, mil, in_top)
    obs = cohort.store.obs()
    assert list(table.columns) == [
        *("cell", "sample", "donor", "fold", "attention", "attention_rank", "attention_sd"),
        *("contribution_control", "contribution_disease", "prediction", "in_top"),
    ]
    assert list(table["cell"]) == list(cohort.cell_names)
    assert list(table["sample"]) == list(obs["sample_id"])
    assert list(table["donor"]) == list(obs["donor"])
    assert set(table["prediction"]) == {"disease"}
    np.testing.assert_array_equal(tables.cells_table(cohort, mil, in_top, trained=True)["attention"], other.attention)
    assert table["in_top"].sum() == 5
    assert table.groupby("donor")["fold"].nunique().max() == 1


def test_enrichment_of_cell_types_is_the_ratio_of_the_two_shares(cohort: Cohort) -> None:
    in_top = np.array(cohort.store.obs()["planted"], dtype=bool)
    table = tables.top_by_cell_type(cohort, in_top)
    sick = table[table["condition"] == "disease"]
    assert sick.iloc[0]["share_of_top"] == 1.0
    assert sick.iloc[0]["enrichment"] == pytest.approx(1 / sick.iloc[0]["share_of_cells"])
    assert table[table["condition"] == "control"]["n_top"].sum() == 0


def test_the_audit_of_a_number_tells_its_range_and_what_goes_with_it(cohort: Cohort) -> None:
    n = len(cohort.samples.names)
    value = np.tile([20.0, 70.0], n // 2) + np.random.default_rng(0).normal(size=n)
    value[0] = np.nan
    label = np.where(np.isnan(value), -1, 0).astype(np.int32)
    target = Target("age", TargetKind.REGRESSION, ("age",))
    of_age = replace(cohort, target=target, samples=replace(cohort.samples, label=label, value=value))
    obs = cohort.store.obs()
    obs["site"] = np.where(np.nan_to_num(value, nan=20) > 45, "b", "a")[cohort.sample_codes]
    ones = np.ones((n, 1), np.float32)
    leak = score_predictions(baselines.COUNT_ONLY, ones, of_age.samples, 0, TargetKind.REGRESSION, value)
    try:
        findings = audit_design(of_age, (leak,), LatentSeen.END_TO_END)
    finally:
        del obs["site"]
    assert "saw the phenotype of every donor" in findings[0]
    assert "values from" in findings[1]
    assert "without a value: 1 samples" in findings[1]
    confounded = [text for text in findings if text.startswith("Confounded")]
    assert len(confounded) == 1
    assert "“site”" in confounded[0]
    assert "correlation ratio 1.00" in confounded[0]
    assert any(text.startswith("Leak: the number of cells alone predicts") and "R²" in text for text in findings)
