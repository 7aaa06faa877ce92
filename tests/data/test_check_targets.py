"""Numbers, ordered classes and several targets: what is wrong is named at the key of the recipe it concerns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from multimil_gui.core.options import TargetKind
from multimil_gui.data.check import build_cohort, check_columns
from multimil_gui.data.cohort import Columns, Problem, Severity, TargetColumn
from multimil_gui.data.propose import propose
from multimil_gui.data.targets import natural

N_PER_SAMPLE = 12
AGES = (31, 45, 23, 67, 58, 72, 39, 50, 64, 28, 81, 19)
MAIN = Columns(sample="sample", donor="donor", target="condition")
AGE = Columns(sample="sample", donor="donor", target="age", kind=TargetKind.REGRESSION)
STAGE = Columns(sample="sample", donor="donor", target="stage", kind=TargetKind.ORDINAL)


def table(n_donors: int = 12) -> dict[str, np.ndarray]:
    """One sample per donor; two classes, four stages and an age."""
    donor = np.repeat(np.arange(n_donors), N_PER_SAMPLE)
    text = {
        "sample": [f"S{d:02d}" for d in donor],
        "donor": [f"D{d:02d}" for d in donor],
        "condition": [("ctrl", "sick")[d % 2] for d in donor],
        "stage": [f"day {(0, 3, 10)[d % 3]}" for d in donor],
    }
    columns: dict[str, np.ndarray] = {name: np.array(values, dtype=object) for name, values in text.items()}
    return columns | {"age": np.array(AGES[:n_donors], dtype=np.float32)[donor]}


def only(problems: tuple[Problem, ...], severity: Severity, field: str) -> Problem:
    found = [p for p in problems if p.severity is severity and p.field == field]
    assert len(found) == 1, [str(p) for p in problems]
    assert found[0].what.endswith((".", ":")) or found[0].where
    return found[0]


def error(problems: tuple[Problem, ...], field: str) -> Problem:
    found = only(problems, Severity.ERROR, field)
    assert found.fix
    return found


# -- a number ----------------------------------------------------------------------------------------------------------


def test_a_number_becomes_a_value_of_every_sample(table_store) -> None:
    store = table_store(**table())
    assert check_columns(store, AGE, 5) == ()
    cohort = build_cohort(store, AGE, 5)
    assert cohort.target is not None
    assert (cohort.target.kind, cohort.target.classes) == (TargetKind.REGRESSION, ("age",))
    assert cohort.samples.value is not None
    assert cohort.samples.value.tolist() == list(AGES)
    assert cohort.samples.label.tolist() == [0] * 12


def test_numbers_written_as_text_are_numbers_and_empty_ones_unknown(table_store) -> None:
    columns = table()
    columns["age"] = np.array([f"{age:.1f}" for age in columns["age"]], dtype=object)
    columns["age"][columns["donor"] == "D03"] = ""
    store = table_store(**columns)
    assert "1 sample of 12 have no value" in only(check_columns(store, AGE, 5), Severity.WARNING, "target.column").what
    value = build_cohort(store, AGE, 5).samples.value
    assert value is not None
    assert np.isnan(value[3])
    assert value[[0, 1, 2]].tolist() == [31, 45, 23]


@pytest.mark.parametrize("words", ["unknown", "inf", "1_000"])
def test_text_among_the_numbers_is_refused_with_examples(table_store, words: str) -> None:
    columns = table()
    columns["age"] = np.array([f"{age:g}" for age in columns["age"]], dtype=object)
    columns["age"][columns["donor"] == "D03"] = words
    assert f'"{words}"' in error(check_columns(table_store(**columns), AGE, 5), "target.kind").where


def test_two_values_in_a_sample_are_refused_by_name(table_store) -> None:
    columns = table()
    columns["age"][0] = 32
    assert "S00 (31, 32)" in error(check_columns(table_store(**columns), AGE, 5), "target.column").where


def test_a_number_needs_two_donors_per_fold(table_store) -> None:
    store = table_store(**table(9))
    found = error(check_columns(store, AGE, 5), "cv.folds")
    assert "at least 10 donors" in found.what
    assert "at most 4 folds" in found.fix
    assert check_columns(store, AGE, 4) == ()
    assert "At least 4 donors" in error(check_columns(table_store(**table(3)), AGE), "target.column").what


def test_few_different_numbers_are_no_regression(table_store) -> None:
    columns = table()
    columns["age"] = np.where(columns["condition"] == "sick", 2.0, 1.0)
    assert "at least 3 different numbers" in error(check_columns(table_store(**columns), AGE, 5), "target.kind").what
    columns["age"][columns["donor"] == "D00"] = 3
    assert "ordinal" in only(check_columns(table_store(**columns), AGE, 5), Severity.NOTE, "target.kind").fix


@pytest.mark.parametrize("name", ["order", "ignore"])
def test_classes_of_a_number_are_refused(table_store, name: str) -> None:
    columns = Columns("sample", target="age", kind=TargetKind.REGRESSION, **{name: ("31",)})
    assert "no classes" in error(check_columns(table_store(**table()), columns), f"target.{name}").what


def test_many_numbers_as_classes_point_to_regression(table_store) -> None:
    found = error(check_columns(table_store(**table()), Columns("sample", target="age")), "target.column")
    assert '"regression"' in found.fix


# -- ordered classes ---------------------------------------------------------------------------------------------------


def test_the_order_is_taken_from_the_numbers_in_the_names_and_said(table_store) -> None:
    store = table_store(**table())
    remark = only(check_columns(store, STAGE, 4), Severity.NOTE, "target.order")
    assert "day 0 < day 3 < day 10" in remark.where
    cohort = build_cohort(store, STAGE, 4)
    assert cohort.target is not None
    assert cohort.target.classes == ("day 0", "day 3", "day 10")
    assert cohort.samples.label.tolist() == [0, 1, 2] * 4


def test_an_ordered_column_of_the_file_keeps_its_order(table_store) -> None:
    columns = table()
    levels = ["day 10", "day 3", "day 0"]
    columns["stage"] = pd.Categorical(columns["stage"], categories=levels, ordered=True)
    store = table_store(**columns)
    assert "that of the file" in only(check_columns(store, STAGE, 4), Severity.NOTE, "target.order").what
    target = build_cohort(store, STAGE, 4).target
    assert target is not None
    assert target.classes == tuple(levels)


def test_an_order_by_the_alphabet_is_a_warning(table_store) -> None:
    columns = table()
    columns["stage"] = np.array([{"0": "mild", "3": "severe"}.get(s[4:], "critical") for s in columns["stage"]])
    found = only(check_columns(table_store(**columns), STAGE, 4), Severity.WARNING, "target.order")
    assert "critical < mild < severe" in found.where


def test_a_given_order_must_be_complete_and_begin_with_the_control(table_store) -> None:
    store = table_store(**table())
    partial = Columns("sample", "donor", target="stage", kind=TargetKind.ORDINAL, order=("day 3", "day 0"))
    assert "day 10" in error(check_columns(store, partial), "target.order").where
    order = ("day 10", "day 3", "day 0")
    turned = Columns("sample", "donor", target="stage", kind=TargetKind.ORDINAL, order=order, reference="day 0")
    assert "not the lowest" in error(check_columns(store, turned), "target.reference").what
    left_out = Columns("sample", "donor", target="stage", kind=TargetKind.ORDINAL, order=order, ignore=("day 3",))
    target = build_cohort(store, left_out).target
    assert target is not None
    assert target.classes == ("day 10", "day 0")


def test_two_ordered_classes_are_a_note(table_store) -> None:
    columns = Columns("sample", "donor", target="condition", kind=TargetKind.ORDINAL, order=("ctrl", "sick"))
    problems = check_columns(table_store(**table()), columns, 4)
    assert "classification" in only(problems, Severity.NOTE, "target.kind").fix


def test_a_rare_ordered_class_needs_two_donors_not_one_per_fold(table_store) -> None:
    columns = table()
    columns["stage"][np.isin(columns["donor"], ["D08", "D11"])] = "day 0"
    store = table_store(**columns)
    assert build_cohort(store, STAGE, 5).target is not None
    as_classes = Columns("sample", "donor", target="stage")
    assert '"day 10" has 2' in error(check_columns(store, as_classes, 5), "cv.folds").where
    columns["stage"][columns["donor"] == "D05"] = "day 0"
    assert '"day 10" has 1' in error(check_columns(table_store(**columns), STAGE, 5), "target.column").where


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["10", "9", "-1", "2.5"], ["-1", "2.5", "9", "10"]),
        (["day10", "day9", "day 2"], ["day 2", "day9", "day10"]),
        (["IV", "I", "III", "II"], ["I", "II", "III", "IV"]),
        (["b", "3", "a2", "a10"], ["3", "a2", "a10", "b"]),
    ],
)
def test_names_with_numbers_sort_by_the_numbers(names: list[str], expected: list[str]) -> None:
    assert sorted(names, key=natural) == expected


# -- several targets ---------------------------------------------------------------------------------------------------


def further(*targets: TargetColumn) -> Columns:
    return Columns("sample", "donor", target="condition", further=targets)


def test_every_target_has_its_labels_beside_the_others(table_store) -> None:
    columns = further(TargetColumn("stage", TargetKind.ORDINAL), TargetColumn("age", TargetKind.REGRESSION))
    cohort = build_cohort(table_store(**table()), columns, 5)
    assert cohort.n_targets == 3
    kinds = [cohort.of_target(number).target.kind for number in range(3)]
    assert kinds == [TargetKind.CLASSIFICATION, TargetKind.ORDINAL, TargetKind.REGRESSION]
    assert cohort.of_target(1).samples.label.tolist() == [0, 1, 2] * 4
    assert cohort.of_target(2).samples.value.tolist() == list(AGES)
    assert cohort.of_target(0).samples.value is None


@pytest.mark.parametrize(
    ("target", "field", "words"),
    [
        (TargetColumn("stag"), "further_targets.0.column", 'Did you mean "stage"?'),
        (TargetColumn("condition"), "further_targets.0.column", "another column"),
        (TargetColumn("sample"), "further_targets.0.column", "another"),
        (TargetColumn("stage", reference="day 1"), "further_targets.0.reference", "Did you mean"),
        (TargetColumn("condition2", TargetKind.REGRESSION), "further_targets.0.kind", "classification"),
    ],
)
def test_a_mistake_in_a_further_target_names_its_key(table_store, target: TargetColumn, field: str, words: str) -> None:
    columns = table()
    columns["condition2"] = columns["condition"].copy()
    assert words in error(check_columns(table_store(**columns), further(target), 5), field).fix


def test_classes_of_a_further_target_need_two_donors_whatever_the_folds(table_store) -> None:
    columns = table()
    columns["rare"] = np.where(np.isin(columns["donor"], ["D00", "D01"]), "yes", "no").astype(object)
    assert build_cohort(table_store(**columns), further(TargetColumn("rare")), 5).n_targets == 2
    columns["rare"][columns["donor"] == "D01"] = "no"
    found = error(check_columns(table_store(**columns), further(TargetColumn("rare")), 5), "further_targets.0.column")
    assert '"yes" has 1' in found.where


def test_unlabelled_samples_are_named_for_each_target(table_store) -> None:
    columns = table()
    columns["age"][columns["donor"] == "D02"] = np.nan
    problems = check_columns(table_store(**columns), further(TargetColumn("age", TargetKind.REGRESSION)), 5)
    assert 'no value in "age"' in only(problems, Severity.WARNING, "further_targets.0.column").what


# -- covariates --------------------------------------------------------------------------------------------------------


def with_numbers(**columns: object) -> dict[str, np.ndarray]:
    made = table()
    rng = np.random.default_rng(0)
    made["mito"] = rng.random(len(made["sample"])).astype(np.float32)
    return made | columns


def continuous(*names: str, target: str = "condition", kind: TargetKind = TargetKind.CLASSIFICATION) -> Columns:
    return Columns("sample", "donor", target=target, kind=kind, continuous=names)


def test_a_continuous_covariate_has_a_value_in_every_cell(table_store) -> None:
    columns = with_numbers()
    cohort = build_cohort(table_store(**columns), continuous("mito"), 5)
    assert cohort.notes == ()
    assert cohort.continuous[0].name == "mito"
    np.testing.assert_array_equal(cohort.continuous[0].values, columns["mito"].astype(float))


@pytest.mark.parametrize("gap", [np.nan, np.inf])
def test_a_gap_in_a_continuous_covariate_is_refused_with_examples(table_store, gap: float) -> None:
    columns = with_numbers()
    columns["mito"][[3, 7]] = gap
    found = error(check_columns(table_store(**columns), continuous("mito"), 5), "data.continuous_covariates")
    assert "2 cells of 144" in found.what
    assert "cell0003, cell0007" in found.where


def test_text_is_no_continuous_covariate_and_a_constant_one_is_a_note(table_store) -> None:
    store = table_store(**with_numbers(same=np.full(144, 2.5)))
    field = "data.continuous_covariates"
    assert "does not hold numbers" in error(check_columns(store, continuous("stage"), 5), field).what
    assert "changes nothing" in only(check_columns(store, continuous("same"), 5), Severity.NOTE, field).what
    assert "nearest" not in error(check_columns(store, continuous("mitoo"), 5), field).fix


def test_a_continuous_covariate_that_tells_the_phenotype_is_a_warning(table_store) -> None:
    columns = with_numbers()
    sick = columns["condition"] == "sick"
    store = table_store(**columns, batch_day=sick + 0.01 * columns["mito"], years=columns["age"] + columns["mito"])
    field = "data.continuous_covariates"
    found = only(check_columns(store, continuous("batch_day", "mito"), 5), Severity.WARNING, field)
    assert "batch_day" in found.what
    of_age = continuous("years", "mito", target="age", kind=TargetKind.REGRESSION)
    assert "years" in only(check_columns(store, of_age, 5), Severity.WARNING, field).what
    same = continuous("age", target="age", kind=TargetKind.REGRESSION)
    assert "would remove it" in error(check_columns(store, same, 5), field).what


def test_a_further_target_among_the_covariates_is_refused(table_store) -> None:
    columns = Columns(*("sample", "donor"), target="condition", further=(TargetColumn("stage"),), covariates=("stage",))
    assert '"stage"' in error(check_columns(table_store(**table()), columns, 5), "data.covariates").what


# -- proposals ---------------------------------------------------------------------------------------------------------


def test_an_age_is_proposed_as_a_number_when_there_are_no_classes(table_store) -> None:
    columns = {name: values for name, values in table().items() if name not in ("condition", "stage")}
    found = propose(table_store(**columns))
    assert (found.columns.target, found.columns.kind) == ("age", TargetKind.REGRESSION)
    assert "12 different numbers" in found.reasons["target.kind"]


def test_days_are_proposed_as_ordered_and_other_numbers_only_hinted_at(table_store) -> None:
    columns = {name: values for name, values in table().items() if name != "condition"}
    found = propose(table_store(**columns))
    assert (found.columns.target, found.columns.kind) == ("stage", TargetKind.ORDINAL)
    renamed = columns | {"stage": np.char.replace(columns["stage"].astype(str), "day", "arm").astype(object)}
    renamed["group"] = renamed.pop("stage")
    found = propose(table_store(**renamed))
    assert (found.columns.target, found.columns.kind) == ("group", TargetKind.CLASSIFICATION)
    assert "choose ordinal" in found.reasons["target.kind"]
