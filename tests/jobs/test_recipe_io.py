from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import (
    IntegrateOptions,
    Likelihood,
    MILOptions,
    Pooling,
    Preset,
    SearchOptions,
    TargetKind,
)
from multimil_gui.jobs.recipe import (
    AnalysisSection,
    CVSection,
    DataSection,
    LatentSection,
    ModalitySection,
    QuerySection,
    Recipe,
    Scope,
    TargetSection,
)
from multimil_gui.jobs.recipe_io import columns_of, data_path, dump_recipe, load_recipe, parse_recipe

GOOD = """
[data]
path = "cohort.h5ad"
sample = "sample_id"
donor = "donor"

[latent]
use = "X_pca"

[target]
column = "condition"
reference = "healthy"
"""


def refused(text: str) -> str:
    with pytest.raises(Refusal) as caught:
        parse_recipe(text, "recipe.toml")
    assert caught.value.what
    assert caught.value.fix
    assert "Traceback" not in str(caught.value)
    return caught.value.where


def test_a_recipe_is_read_with_its_defaults():
    recipe = parse_recipe(GOOD)
    assert recipe.data.sample == "sample_id"
    assert recipe.latent.use == "X_pca"
    assert recipe.mil == MILOptions()
    columns = columns_of(recipe)
    assert (columns.sample, columns.donor, columns.target, columns.reference) == (
        "sample_id",
        "donor",
        "condition",
        "healthy",
    )


def test_further_targets_and_numbers_to_remove_become_columns():
    text = (
        GOOD.replace('donor = "donor"', 'donor = "donor"\ncontinuous_covariates = ["mito"]')
        + """
[[further_targets]]
column = "stage"
kind = "ordinal"
order = ["I", "II"]

[[further_targets]]
column = "age"
kind = "regression"
"""
    )
    columns = columns_of(parse_recipe(text))
    assert columns.continuous == ("mito",)
    assert [(column.column, column.kind.value, column.order) for column in columns.targets] == [
        ("condition", "classification", ()),
        ("stage", "ordinal", ("I", "II")),
        ("age", "regression", ()),
    ]


def test_further_targets_need_a_main_one():
    text = GOOD.split("[target]")[0] + '[[further_targets]]\ncolumn = "age"\n'
    assert "add a [target] section" in refused(text)


def test_a_search_does_not_go_with_end_to_end_training():
    learnt = GOOD.replace('[latent]\nuse = "X_pca"', "[integrate]\n[search]\ntrials = 3")
    assert "search.trials" in refused(learnt + '[mil]\ntraining = "end_to_end"\n')
    assert parse_recipe(learnt.replace("trials = 3", "") + '[mil]\ntraining = "end_to_end"\n').integrate is not None


def test_a_recipe_without_target_has_columns_without_target():
    columns = columns_of(parse_recipe('[data]\npath = "a.h5ad"\nsample = "s"\n[integrate]\n'))
    assert columns.target is None
    assert columns.order == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("sample =", "sampel ="), ("data.sampel", "did you mean data.sample?")),
        (("[latent]", "[latnet]"), ("latnet", "did you mean latent?")),
        (("[target]", "[mil]\nepoch = 3\n[target]"), ("mil.epoch", "did you mean mil.epochs?")),
        (("[target]", "[cv]\ncells_per_bag = 3\n[target]"), ("cv.cells_per_bag", "it belongs to mil.cells_per_bag.")),
        (("[target]", "[cv]\nzzz = 3\n[target]"), ("cv.zzz", "[cv] knows folds, seed.")),
        (("[target]", "[mil]\nepochs = 0\n[target]"), ("mil.epochs = 0", "at least 1 and at most 10000")),
        (("[target]", '[mil]\nepochs = "many"\n[target]'), ('mil.epochs = "many"', "a whole number")),
        (("[target]", '[mil]\npooling = "gated"\n[target]'), ("mil.pooling", 'did you mean "gated_attention"?')),
        (("[target]", '[mil]\npooling = "q"\n[target]'), ("one of gated_attention, attention, mean, max, sum.",)),
        (("[target]", '[mil]\nbalanced = "sure"\n[target]'), ("mil.balanced", "true or false")),
        (('sample = "sample_id"\n', ""), ("data.sample is missing", "names the sample")),
        (('[latent]\nuse = "X_pca"', ""), ("exactly one place", "[integrate]")),
        (("[target]", "[integrate]\n[target]"), ("exactly one place",)),
        (('"sample_id"', "3"), ("data.sample = 3", "text in quotation marks")),
        (
            ("[latent]", '[data.modalities.rna]\nlikelihood = "bn"\n[latent]'),
            ("data.modalities.rna.likelihood", '"nb"'),
        ),
        (("[latent]", '[data.modalities.rna]\nmatrx = "X"\n[latent]'), ("did you mean data.modalities.rna.matrix?",)),
        (("[latent]", "[data.modalities]\nrna = 3\n[latent]"), ("data.modalities.rna", "a table")),
        (('donor = "donor"', 'donor = "donor"\ncovariates = "batch"'), ("data.covariates", "a list")),
        (('donor = "donor"', 'donor = "donor"\ncovariates = [1]'), ("data.covariates.0 = 1",)),
        (("[target]", '[[further_targets]]\ncolum = "age"\n[target]'), ("did you mean further_targets.0.column?",)),
        (("[target]", "[[further_targets]]\n[target]"), ("further_targets.0.column is missing",)),
        (
            ("[target]", '[[further_targets]]\ncolumn = "age"\nzzz = 1\n[target]'),
            ("[[further_targets]] knows column, kind,",),
        ),
        (
            ("[target]", '[[further_targets]]\ncolumn = "age"\nkind = "regresion"\n[target]'),
            ("further_targets.0.kind", 'did you mean "regression"?'),
        ),
        (("[target]", '[further_targets]\ncolumn = "age"\n[target]'), ("a list of tables", "[[further_targets]]")),
        (("[target]", '[mil]\ntraining = "end_to_end"\n[target]'), ("mil.training", "[integrate]")),
        (("[target]", "[search]\ntrial = 3\n[target]"), ("did you mean search.trials?",)),
        (("[target]", "[mil]\ninner_folds = 3\n[target]"), ("it belongs to search.inner_folds.",)),
        (('[latent]\nuse = "X_pca"', '[query]\nfits = "a"'), ("query.fit is missing", "did you mean query.fit?")),
        (("[target]", "[integrate]\nmmd_gammas = [1.0, true, 'x']\n[target]"), ("integrate.mmd_gammas.2",)),
    ],
)
def test_a_mistake_names_its_key_and_what_would_be_right(change, expected):
    assert change[0] in GOOD
    where = refused(GOOD.replace(*change))
    for words in expected:
        assert words in where


def test_all_mistakes_are_told_at_once():
    where = refused(GOOD.replace("sample =", "sampel =").replace("reference", "refrence"))
    assert "data.sampel" in where
    assert "data.sample is missing" in where
    assert "target.reference" in where


def test_a_missing_section_is_named():
    where = refused('[latent]\nuse = "X_pca"\n')
    assert "The section [data] is missing" in where


def test_broken_toml_says_the_line():
    assert "line 2" in refused("[data]\npath = cohort.h5ad\n")


@pytest.mark.parametrize("make", ["absent", "folder", "binary"])
def test_an_unreadable_recipe_is_refused(tmp_path: Path, make: str):
    path = tmp_path / "r.toml"
    if make == "folder":
        path.mkdir()
    if make == "binary":
        path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(Refusal) as caught:
        load_recipe(path)
    assert "r.toml" in str(caught.value)


def test_the_data_lies_beside_the_recipe(tmp_path: Path):
    path = tmp_path / "r.toml"
    path.write_text(GOOD)
    recipe = load_recipe(path)
    assert recipe.data.path == Path("cohort.h5ad")
    assert data_path(recipe, path) == tmp_path.resolve() / "cohort.h5ad"
    absolute = recipe.model_copy(update={"data": recipe.data.model_copy(update={"path": tmp_path / "x.h5ad"})})
    assert data_path(absolute, path) == tmp_path / "x.h5ad"


def test_the_dump_is_complete_and_has_no_empty_section():
    text = dump_recipe(parse_recipe('[data]\npath = "a.h5ad"\nsample = "s"\n[integrate]\n'))
    tables = tomllib.loads(text)
    assert "latent" not in tables
    assert tables["integrate"] == IntegrateOptions().model_dump(mode="json")
    assert tables["cv"] == {"folds": 5, "seed": 0}
    assert "further_targets" not in tables


def test_a_lock_table_is_skipped():
    assert parse_recipe(GOOD + "\n[lock]\nanything = 1\n") == parse_recipe(GOOD)


_text = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12)
_path = _text.filter(lambda text: "\\" not in text).map(Path)
_modalities = st.dictionaries(
    _text, st.builds(ModalitySection, matrix=_text, likelihood=st.sampled_from(Likelihood)), max_size=3
)
_data = st.builds(
    DataSection,
    path=_path,
    sample=_text,
    donor=st.none() | _text,
    cell_type=st.none() | _text,
    covariates=st.lists(_text, max_size=3).map(tuple),
    continuous_covariates=st.lists(_text, max_size=3).map(tuple),
    modalities=_modalities,
)
_mil = st.builds(
    MILOptions,
    pooling=st.sampled_from(Pooling),
    epochs=st.integers(1, 10_000),
    learning_rate=st.floats(0, 1, exclude_min=True),
    balanced=st.booleans(),
)
_target = st.builds(
    TargetSection,
    column=_text,
    kind=st.sampled_from(TargetKind),
    order=st.lists(_text).map(tuple),
    reference=_text,
    ignore=st.lists(_text).map(tuple),
)
_rest = {
    "data": _data,
    "target": _target,
    "further_targets": st.lists(_target, max_size=2).map(tuple),
    "mil": _mil,
    "search": st.builds(SearchOptions, trials=st.integers(0, 1000), inner_folds=st.integers(2, 20)),
    "cv": st.builds(CVSection, folds=st.integers(2, 100), seed=st.integers(0, 2**62)),
    "analysis": st.builds(AnalysisSection, top_percent=st.floats(0.1, 100), top_scope=st.sampled_from(Scope)),
}
_no_target = {"target": st.none(), "further_targets": st.just(())}
_recipes = (
    st.builds(Recipe, latent=st.builds(LatentSection, use=_text), **_rest)
    | st.builds(Recipe, integrate=st.builds(IntegrateOptions, kl_anneal_fraction=st.floats(0, 1)), **_rest)
    | st.builds(Recipe, integrate=st.builds(IntegrateOptions, preset=st.sampled_from(Preset)), **_rest | _no_target)
    | st.builds(Recipe, query=st.builds(QuerySection, fit=_path, epochs=st.integers(1, 5000)), **_rest)
)


@given(_recipes)
def test_a_dumped_recipe_reads_back_the_same(recipe: Recipe):
    assert parse_recipe(dump_recipe(recipe)) == recipe


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | _text | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(_text, inner),
        max_leaves=8,
    )
)
def test_any_table_is_read_or_refused_in_words(value):
    try:
        text = tomli_w.dumps({"data": {"path": "a", "sample": value}, "integrate": value, "mil": {"epochs": value}})
    except (TypeError, ValueError):
        return
    try:
        parse_recipe(text)
    except Refusal as refusal:
        assert refusal.what and refusal.where and refusal.fix
