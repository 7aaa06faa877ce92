"""Measured cohorts: an age of forty healthy donors and the days of a study, predicted honestly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multimil_gui.core.options import TargetKind
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.cohort import Severity
from multimil_gui.data.store import Store
from multimil_gui.jobs.outputs import write_outputs
from multimil_gui.jobs.pipeline import cohort_of, run_recipe
from multimil_gui.jobs.recipe_io import parse_recipe

pytestmark = [pytest.mark.real, pytest.mark.slow]

AGE = """
[data]
path = "onek1k.h5ad"
sample = "sample_id"
donor = "donor"
cell_type = "cell_type"
[latent]
use = "X_pca"
[target]
column = "age"
kind = "regression"
[[further_targets]]
column = "sex"
[mil]
epochs = 20
seeds = 3
[analysis]
map = false
baselines = false
[export]
h5ad = false
"""

DAYS = """
[data]
path = "adt.h5ad"
sample = "sample_id"
donor = "donor"
cell_type = "cell_type_l1"
[latent]
use = "X_clr"
[target]
column = "stage"
kind = "ordinal"
ignore = ["aged", "diagnosis", "relapse", "remission"]
[mil]
epochs = 20
seeds = 3
cells_per_bag = 64
{more}
[cv]
folds = 3
[analysis]
map = false
baselines = false
[export]
h5ad = false
"""


def test_the_age_of_forty_donors(real_data: Path, imported: Callable[[Path], Store], tmp_path: Path) -> None:
    recipe = parse_recipe(AGE)
    store = imported(real_data / "onek1k_40donors_4celltypes_counts.h5ad")
    cohort = cohort_of(recipe, store)
    assert cohort.target is not None
    assert cohort.target.kind is TargetKind.REGRESSION
    result = run_recipe(recipe, store, SilentReporter(), cohort=cohort)
    write_outputs(result, cohort, recipe, tmp_path / "out", SilentReporter())
    samples = pd.read_csv(tmp_path / "out" / "samples.csv")
    assert samples.true.between(18, 100).all()
    # Predictions are ages: in the range of the cohort, not standardised, around its mean.
    assert samples.predicted.between(samples.true.min() - 15, samples.true.max() + 15).all()
    assert abs(samples.predicted.mean() - samples.true.mean()) < 10
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    r2 = report["metrics"]["R²"]
    assert r2["low"] <= r2["value"] <= r2["high"] < 0.9
    assert report["metrics"]["mean absolute error"]["value"] < 20
    # Folds spread the ages: no fold holds only old or only young donors.
    assert samples.groupby("fold").true.mean().between(50, 75).all()
    assert report["further_targets"][0]["target"]["classes"] == ["female", "male"]


@pytest.mark.parametrize("loss", ["rank", "cumulative"])
def test_the_days_of_a_study_are_ordered_classes(real_data: Path, imported: Callable[[Path], Store], loss: str) -> None:
    recipe = parse_recipe(DAYS.format(more=f'ordinal = "{loss}"'))
    store = imported(real_data / "adt_76samples_68k_cells_umap.h5ad")
    cohort = cohort_of(recipe, store)
    assert cohort.target is not None
    assert cohort.target.classes == ("day0", "day3", "day7")
    fields = {problem.field for problem in cohort.notes if problem.severity is not Severity.ERROR}
    assert {"target.order", "target.column", "data.donor"} <= fields
    mil = run_recipe(recipe, store, SilentReporter(), cohort=cohort).mil
    assert mil is not None
    known = cohort.samples.label >= 0
    assert 20 < known.sum() < len(known)
    # Donors gave a sample of several days each; all of a donor's samples are held out together.
    donors = cohort.samples.donor[known]
    assert len(np.unique(donors)) < known.sum()
    for donor in np.unique(donors):
        assert len(np.unique(mil.fold[cohort.samples.donor == donor])) == 1
    assert mil.held_out.value is not None
    assert ((mil.held_out.value >= -1e-6) & (mil.held_out.value <= 2 + 1e-6)).all()
    np.testing.assert_allclose(mil.held_out.probability.sum(axis=1), 1, atol=1e-5)
    assert mil.scores[0].metrics["mean rank error"].value < 1
