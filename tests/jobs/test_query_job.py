"""New samples on an earlier fit: labels, places, predictions, and what never changes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.options import TargetKind
from multimil_gui.core.reporter import Progress, SilentReporter, Stop
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.store import Store
from multimil_gui.jobs.fit import Fit, fit_of
from multimil_gui.jobs.fit_file import read_fit, write_fit
from multimil_gui.jobs.pipeline import cohort_of, run_recipe
from multimil_gui.jobs.query import Mapped, covariate_columns, map_onto
from multimil_gui.jobs.query_cohort import query_cohort
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.jobs.recipe_io import parse_recipe

QUERY_DONORS = (3, 5, 10, 11)
"""One measured in RNA only, one in proteins only, two in both."""

_REFERENCE = """
[data]
path = "reference.h5mu"
sample = "sample_id"
donor = "donor"
cell_type = "cell_type"
covariates = ["batch"]
[integrate]
epochs = 30
batch_size = 256
n_latent = 5
n_hidden = 32
[target]
column = "condition"
reference = "control"
[[further_targets]]
column = "age"
kind = "regression"
[mil]
epochs = 30
seeds = 2
n_hidden = 16
[cv]
folds = 2
[analysis]
baselines = false
map = false
"""
_QUERY = """
[data]
path = "query.h5mu"
sample = "sample_id"
donor = "donor"
{data}
[query]
fit = "fit.safetensors"
epochs = 4
{query}
{rest}
"""


def _recipe(data: str = "", query: str = "", rest: str = "") -> Recipe:
    return parse_recipe(_QUERY.format(data=data, query=query, rest=rest))


def _split(source: Path, target: Path, *, query: bool, change: Callable | None = None) -> Path:
    """Write the cells of the query's donors, or of the others; ``change`` may alter obs and the rows' order."""
    import mudata

    with mudata.set_options(pull_on_update=False):
        data = mudata.read_h5mu(source)
        number = data.obs["donor"].astype(str).str[1:].astype(int)
        part = data[(number.isin(QUERY_DONORS) == query).to_numpy()].copy()
        part.obs["age"] = 20.0 + 5 * part.obs["donor"].astype(str).str[1:].astype(int)
        if query:
            part.obs["batch"] = part.obs["batch"].astype(str).replace("run1", "run9")
        if change is not None:
            part = change(part)
        part.write(target)
    return target


@dataclass(frozen=True)
class _Road:
    """A reference's fit and how files become stores."""

    source: Path
    fit: Fit
    imported: Callable[[Path], Store]


@pytest.fixture(scope="module")
def road(_small_files: Path, imported: Callable[[Path], Store], tmp_path_factory: pytest.TempPathFactory) -> _Road:
    folder = tmp_path_factory.mktemp("reference")
    source = _small_files / "small.h5mu"
    recipe = parse_recipe(_REFERENCE)
    store = imported(_split(source, folder / "reference.h5mu", query=False))
    cohort = cohort_of(recipe, store)
    run = run_recipe(recipe, store, SilentReporter(), cohort=cohort)
    assert run.integration is not None
    assert recipe.integrate is not None
    # Two dimensions of the latent stand in for a map: a UMAP takes longer than all the rest.
    map2d = run.integration.latent[:, :2]
    fit = fit_of(cohort, run.integration, recipe.integrate, map2d, run.mil, recipe.mil, run.recipe, run.versions)
    return _Road(source, read_fit(write_fit(folder / "fit.safetensors", fit)), imported)


@pytest.fixture(scope="module")
def query(road: _Road, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Cohort]:
    """Return what makes the cohort of a query; each changed file is imported once."""
    stores: dict[Callable | None, Store] = {}

    def make(recipe: Recipe, change: Callable | None = None, fit: Fit | None = None) -> Cohort:
        if change not in stores:
            path = tmp_path_factory.mktemp("query") / "query.h5mu"
            stores[change] = road.imported(_split(road.source, path, query=True, change=change))
        return query_cohort(recipe, stores[change], fit or road.fit)

    return make


def _known_types(cohort: Cohort) -> np.ndarray:
    return cohort.store.obs()["cell_type"].astype(str).to_numpy()


def _same(one: Mapped, other: Mapped, rows: np.ndarray | slice = slice(None)) -> None:
    """Assert that two mappings are the same to the bit, cell ``rows[i]`` of one being cell i of the other."""
    for name in ("latent", "modality_weight", "map2d", "label", "confidence", "distance"):
        np.testing.assert_array_equal(getattr(one.query, name)[rows], getattr(other.query, name))
    assert one.query.details["usual_distance"] == other.query.details["usual_distance"]
    assert one.mil is not None
    assert other.mil is not None
    np.testing.assert_array_equal(one.mil.held_out_cells.attention[rows], other.mil.held_out_cells.attention)


def test_new_samples_land_on_their_types_and_are_predicted(road: _Road, query: Callable[..., Cohort]) -> None:
    recipe = _recipe()
    cohort = query(recipe)
    mapped = map_onto(recipe, road.fit, cohort, SilentReporter())
    found, truth = np.array(mapped.query.levels)[mapped.query.label], _known_types(cohort)
    donor = cohort.store.obs()["donor"].astype(str).to_numpy()
    for number in QUERY_DONORS:
        assert (found == truth)[donor == f"D{number:02d}"].mean() > 0.9
    assert mapped.query.modalities == ("rna", "adt")
    assert ((mapped.query.confidence > 0) & (mapped.query.confidence <= 1)).all()
    assert np.isfinite(mapped.query.latent).all()
    assert mapped.query.far.mean() < 0.1
    assert mapped.query.train.shape == (4,)
    assert mapped.query.details["covariates"] == {"batch": {"known": ["run2"], "new": ["run9"]}}
    assert road.fit.reference.map2d is not None
    low, high = road.fit.reference.map2d.min(axis=0), road.fit.reference.map2d.max(axis=0)
    assert ((mapped.query.map2d >= low) & (mapped.query.map2d <= high)).all()


def test_the_models_of_the_fit_predict_every_target(road: _Road, query: Callable[..., Cohort]) -> None:
    recipe = _recipe(rest='[target]\ncolumn = "condition"\n[[further_targets]]\ncolumn = "age"\nkind = "regression"')
    cohort = query(recipe)
    mil = map_onto(recipe, road.fit, cohort, SilentReporter()).mil
    assert mil is not None
    assert mil.reference == "reference.h5mu"
    assert mil.classes == ("control", "disease")
    assert (mil.fold == -1).all()
    np.testing.assert_array_equal(mil.held_out.probability, mil.trained.probability)
    assert mil.held_out_cells is mil.trained_cells
    sums = np.bincount(cohort.sample_codes, weights=mil.held_out_cells.attention)
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    sick = np.array([name >= "S10" for name in cohort.samples.names])
    assert cohort.target is not None
    assert (cohort.samples.label == sick).all()
    assert mil.held_out.probability[sick, 1].min() > 0.5
    assert mil.scores[0].metrics["AUROC"].value > 0.7
    (age,) = mil.further
    assert (age.kind, age.column) == (TargetKind.REGRESSION, "age")
    assert age.held_out.value is not None
    assert np.isfinite(age.held_out.value).all()
    assert cohort.of_target(1).samples.value is not None


def test_a_query_needs_no_target_and_may_hold_unknown_classes(road: _Road, query: Callable[..., Cohort]) -> None:
    def without(part):
        part.obs = part.obs.drop(columns=["condition", "cell_type", "age"])
        return part

    def strange(part):
        part.obs["condition"] = part.obs["condition"].astype(str).replace("disease", "something else")
        return part

    plain = map_onto(_recipe(), road.fit, query(_recipe(), without), SilentReporter())
    assert plain.mil is not None
    assert plain.mil.scores == ()
    asked = _recipe(rest='[target]\ncolumn = "condition"')
    cohort = query(asked, strange)
    assert sorted(np.unique(cohort.samples.label)) == [-1, 0]
    other = map_onto(asked, road.fit, cohort, SilentReporter())
    assert other.mil is not None
    assert other.mil.scores == ()
    np.testing.assert_array_equal(plain.mil.held_out.probability, other.mil.held_out.probability)


def test_the_order_of_the_rows_and_the_names_of_the_samples_change_nothing(
    road: _Road, query: Callable[..., Cohort]
) -> None:
    def shuffled(part):
        part.obs["row"] = np.arange(part.n_obs)
        part.obs["sample_id"] = "Z" + part.obs["sample_id"].astype(str).str[::-1]
        return part[np.random.default_rng(0).permutation(part.n_obs)].copy()

    recipe = _recipe()
    plain = map_onto(recipe, road.fit, query(recipe), SilentReporter())
    cohort = query(recipe, shuffled)
    rows = cohort.store.obs()["row"].to_numpy(dtype=int)
    other = map_onto(recipe, road.fit, cohort, SilentReporter())
    assert not np.array_equal(rows, np.sort(rows))
    _same(plain, other, rows)


def test_the_weights_of_the_fit_stay_as_they_are(road: _Road, query: Callable[..., Cohort]) -> None:
    mapped = map_onto(_recipe(), road.fit, query(_recipe()), SilentReporter())
    for name, array in road.fit.weights.items():
        found = mapped.query.weights[name]
        if name == "covariate.batch":
            assert len(found) == len(array) + 1
            found = found[: len(array)]
        assert found.tobytes() == array.tobytes()
    assert mapped.query.inputs.covariates == (("batch", ("run1", "run2", "run9")),)


def test_a_column_of_another_name_can_stand_for_a_covariate(road: _Road, query: Callable[..., Cohort]) -> None:
    def renamed(part):
        part.obs = part.obs.rename(columns={"batch": "lane"})
        return part

    recipe = _recipe(data='covariates = ["lane"]')
    same = map_onto(_recipe(), road.fit, query(_recipe()), SilentReporter())
    _same(same, map_onto(recipe, road.fit, query(recipe, renamed), SilentReporter()))
    with pytest.raises(Refusal, match="batch"):
        map_onto(_recipe(), road.fit, query(_recipe(), renamed), SilentReporter())


def test_which_columns_stand_for_which_covariates() -> None:
    names = ("batch", "site")
    assert covariate_columns((), names, "key") == {"batch": "batch", "site": "site"}
    assert covariate_columns(("site", "batch"), names, "key") == {"batch": "batch", "site": "site"}
    assert covariate_columns(("lane", "site"), names, "key") == {"batch": "lane", "site": "site"}
    assert covariate_columns((), (), "key") == {}
    for given, known in ((("lane",), names), (("lane",), ())):
        with pytest.raises(Refusal, match="lane"):
            covariate_columns(given, known, "key")


@pytest.mark.parametrize("modality", ["rna", "adt"])
def test_one_modality_is_enough_when_all_cells_have_it(
    road: _Road, query: Callable[..., Cohort], modality: str
) -> None:
    def alone(part):
        import mudata

        kept = part.mod[modality].copy()
        with mudata.set_options(pull_on_update=False):
            made = mudata.MuData({modality: kept})
            made.obs = made.obs.join(part.obs)
        return made

    cohort = query(_recipe(), alone)
    mapped = map_onto(_recipe(), road.fit, cohort, SilentReporter())
    assert mapped.query.modalities == (modality,)
    assert (mapped.query.modality_weight == 1).all()
    assert (np.array(mapped.query.levels)[mapped.query.label] == _known_types(cohort)).mean() > 0.9


def test_quality_and_agreement_are_told_when_types_are_known(road: _Road, query: Callable[..., Cohort]) -> None:
    told = map_onto(
        _recipe('cell_type = "cell_type"'), road.fit, query(_recipe('cell_type = "cell_type"')), SilentReporter()
    )
    untold = map_onto(_recipe(), road.fit, query(_recipe()), SilentReporter())
    assert told.query.details["known_labels"]["same"] > 0.9
    assert "known_labels" not in untold.query.details
    for mapped in (told, untold):
        assert 0 < mapped.query.details["quality"]["total"] <= 1
    assert [found["modality"] for found in told.query.details["features"]] == ["rna", "adt"]
    assert all(found["missing"] == 0 for found in told.query.details["features"])


def test_a_forest_transfers_labels_too(road: _Road, query: Callable[..., Cohort]) -> None:
    recipe = _recipe(query='transfer = "random_forest"')
    cohort = query(recipe)
    mapped = map_onto(recipe, road.fit, cohort, SilentReporter())
    assert (np.array(mapped.query.levels)[mapped.query.label] == _known_types(cohort)).mean() > 0.9


def test_a_fit_without_map_types_or_models_says_so_and_maps_all_the_same(
    road: _Road, query: Callable[..., Cohort]
) -> None:
    bare = replace(road.fit, head=None, reference=replace(road.fit.reference, map2d=None, cell_type=None))
    mapped = map_onto(_recipe(), bare, query(_recipe(), fit=bare), SilentReporter())
    assert mapped.mil is None
    assert mapped.query.map2d is None
    assert mapped.query.levels == ()
    assert (mapped.query.label == -1).all()
    assert (mapped.query.confidence == 0).all()
    assert "quality" not in mapped.query.details
    assert np.isfinite(mapped.query.distance).all()


def test_a_file_of_other_modalities_is_refused(road: _Road, query: Callable[..., Cohort]) -> None:
    inputs = replace(road.fit.inputs, modalities=(replace(road.fit.inputs.modalities[0], name="atac"),))
    with pytest.raises(Refusal, match="none of the modalities"):
        map_onto(_recipe(), replace(road.fit, inputs=inputs), query(_recipe()), SilentReporter())


def test_more_phenotypes_than_the_fit_predicts_are_refused(road: _Road, query: Callable[..., Cohort]) -> None:
    recipe = _recipe(rest='[target]\ncolumn = "condition"')
    with pytest.raises(Refusal, match="more phenotypes"):
        query(recipe, fit=replace(road.fit, head=None))


def test_a_sample_with_two_phenotypes_is_refused(query: Callable[..., Cohort]) -> None:
    def mixed(part):
        part.obs["condition"] = np.where(np.arange(part.n_obs) % 2, "control", "disease")
        return part

    with pytest.raises(Refusal, match="more than one value of condition"):
        query(_recipe(rest='[target]\ncolumn = "condition"'), mixed)


class _CancelsAt(SilentReporter):
    """Cancels once a stage begins."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage, self._now = stage, Stop.NO

    def progress(self, progress: Progress) -> None:
        if progress.stage == self._stage:
            self._now = Stop.CANCEL

    def should_stop(self) -> Stop:
        return self._now


@pytest.mark.parametrize("stage", ["query", "neighbours"])
def test_cancel_is_heard_at_every_stage(road: _Road, query: Callable[..., Cohort], stage: str) -> None:
    with pytest.raises(Cancelled):
        map_onto(_recipe(), road.fit, query(_recipe()), _CancelsAt(stage))
