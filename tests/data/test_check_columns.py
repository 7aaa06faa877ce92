"""Every mistake in the choice of columns is named in words, at the right field."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from multimil_gui.data.check import CohortRefused, build_cohort, check_columns
from multimil_gui.data.cohort import Columns, Problem, Severity

COLUMNS = Columns(sample="sample", donor="donor", cell_type="type", target="condition")
N_PER_SAMPLE = 12


def cohort_table(n_donors: int = 8, paired: bool = False) -> dict[str, np.ndarray]:
    """One or two samples per donor; paired donors give one sample of each class."""
    rows = []
    for donor in range(n_donors):
        for visit in range(2 if paired else 1):
            label = ("ctrl", "sick")[visit if paired else donor % 2]
            rows += [(f"S{donor}{'ab'[visit]}", f"D{donor}", label)] * N_PER_SAMPLE
    sample, donor, condition = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    return {
        "sample": sample,
        "donor": donor,
        "condition": condition,
        "type": np.array(["T", "B"] * (len(rows) // 2), dtype=object),
    }


def only(problems: tuple[Problem, ...], severity: Severity, field: str) -> Problem:
    found = [p for p in problems if p.severity is severity and p.field == field]
    assert len(found) == 1, [str(p) for p in problems]
    return found[0]


def error(problems: tuple[Problem, ...], field: str) -> Problem:
    found = only(problems, Severity.ERROR, field)
    assert found.fix
    assert problems[0].severity is Severity.ERROR
    return found


def test_a_good_cohort_has_nothing_to_say(table_store) -> None:
    assert check_columns(table_store(**cohort_table()), COLUMNS, 4) == ()


@pytest.mark.parametrize(
    ("columns", "field", "near"),
    [
        (Columns(sample="sampel"), "data.sample", "sample"),
        (Columns(sample="sample", donor="Donor"), "data.donor", "donor"),
        (Columns(sample="sample", target="conditon"), "target.column", "condition"),
        (Columns(sample="sample", cell_type="typ"), "data.cell_type", "type"),
        (Columns(sample="sample", covariates=("donr",)), "data.covariates", "donor"),
    ],
)
def test_missing_column_suggests_the_nearest(table_store, columns: Columns, field: str, near: str) -> None:
    found = error(check_columns(table_store(**cohort_table()), columns), field)
    assert f'Did you mean "{near}"?' in found.fix


def test_no_sample_column_chosen(table_store) -> None:
    assert "No sample column" in error(check_columns(table_store(**cohort_table()), Columns("")), "data.sample").what


def test_every_cell_its_own_sample(table_store) -> None:
    table = cohort_table()
    table["barcode"] = np.array([f"b{i}" for i in range(len(table["sample"]))], dtype=object)
    found = error(check_columns(table_store(**table), Columns("barcode", target="condition")), "data.sample")
    assert "own sample" in found.what


def test_cells_without_sample(table_store) -> None:
    table = cohort_table()
    table["sample"] = pd.Categorical([None, None, *table["sample"][2:]])
    found = error(check_columns(table_store(**table), COLUMNS), "data.sample")
    assert "2 cells of 96 have no sample" in found.what
    assert "cell0000, cell0001" in found.where


def test_sample_with_two_labels_and_two_donors(table_store) -> None:
    table = cohort_table()
    table["condition"][0] = "sick"
    table["donor"][0] = "D5"
    problems = check_columns(table_store(**table), COLUMNS)
    assert "S0a (ctrl, sick)" in error(problems, "target.column").where
    assert "S0a (D0, D5)" in error(problems, "data.donor").where


def test_fewer_than_two_classes(table_store) -> None:
    table = cohort_table()
    table["condition"][:] = "sick"
    assert "at least two classes" in error(check_columns(table_store(**table), COLUMNS), "target.column").what


def test_too_many_folds_names_the_largest_number(table_store) -> None:
    store = table_store(**cohort_table(n_donors=7))
    found = error(check_columns(store, COLUMNS, 5), "cv.folds")
    assert '"ctrl" has 4' in found.where
    assert '"sick" has 3' in found.where
    assert "at most 3 folds" in found.fix
    assert check_columns(store, COLUMNS, 3) == ()


def test_paired_design_is_a_note(table_store) -> None:
    store = table_store(**cohort_table(paired=True))
    problems = check_columns(store, COLUMNS, 5)
    assert "Paired design: 8 donors" in only(problems, Severity.NOTE, "data.donor").what
    assert build_cohort(store, COLUMNS, 5).notes == problems


def test_unlabelled_samples_are_a_warning_and_left_out_classes_a_note(table_store) -> None:
    table = cohort_table(n_donors=10)
    table["condition"][table["donor"] == "D9"] = ""
    table["condition"][np.isin(table["donor"], ["D7", "D8"])] = "other"
    columns = Columns(sample="sample", donor="donor", target="condition", ignore=("other",))
    store = table_store(**table)
    problems = check_columns(store, columns, 3)
    assert "1 sample of 10 have no label" in only(problems, Severity.WARNING, "target.column").what
    assert "2 samples of 10 belong to left-out classes" in only(problems, Severity.NOTE, "target.column").what
    cohort = build_cohort(store, columns, 3)
    assert cohort.target.classes == ("ctrl", "sick")
    assert cohort.samples.label.tolist() == [0, 1, 0, 1, 0, 1, 0, -1, -1, -1]


def test_names_that_look_alike(table_store) -> None:
    table = cohort_table()
    table["condition"][table["donor"] == "D0"] = "Ctrl "
    found = [p for p in check_columns(table_store(**table), COLUMNS, 1) if p.severity is Severity.WARNING]
    assert any('"Ctrl "' in p.where and '"ctrl"' in p.where for p in found)


def test_covariate_that_is_the_phenotype(table_store) -> None:
    table = cohort_table()
    table["lane"] = np.where(table["condition"] == "sick", "lane2", "lane1").astype(object)
    store = table_store(**table)
    columns = Columns(sample="sample", donor="donor", target="condition", covariates=("lane",))
    assert "under another name" in only(check_columns(store, columns, 4), Severity.WARNING, "data.covariates").what
    columns = Columns(sample="sample", donor="donor", target="condition", covariates=("condition",))
    assert "would remove it" in error(check_columns(store, columns, 4), "data.covariates").what


def test_numbers_are_no_classes(table_store) -> None:
    table = cohort_table(n_donors=12)
    table["age"] = np.array([30 + int(donor[1:]) for donor in table["donor"]])
    found = error(check_columns(table_store(**table), Columns("sample", target="age")), "target.column")
    assert "12 different numbers" in found.what


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reference": "control"}, "target.reference"),
        ({"order": ("sick", "ctrll")}, "target.order"),
        ({"ignore": ("nobody",)}, "target.ignore"),
    ],
)
def test_unknown_classes_are_named_with_the_known_ones(table_store, changes: dict, field: str) -> None:
    columns = Columns(sample="sample", donor="donor", target="condition", **changes)
    found = error(check_columns(table_store(**cohort_table()), columns), field)
    assert "ctrl, sick" in found.where


def test_small_samples_and_missing_cell_types_are_warnings(table_store) -> None:
    table = cohort_table()
    keep = ~((table["sample"] == "S3a") & (np.arange(len(table["sample"])) % 4 > 0))
    table = {name: values[keep] for name, values in table.items()}
    table["type"][:5] = ""
    problems = check_columns(table_store(**table), COLUMNS, 4)
    assert "S3a (3)" in only(problems, Severity.WARNING, "data.sample").where
    assert "5 cells" in only(problems, Severity.WARNING, "data.cell_type").what


def test_phenotype_is_the_sample_column(table_store) -> None:
    found = error(check_columns(table_store(**cohort_table()), Columns("sample", target="sample")), "target.column")
    assert "itself" in found.what


def test_without_donor_column_a_note_says_so(table_store) -> None:
    problems = check_columns(table_store(**cohort_table()), Columns("sample", target="condition"), 4)
    assert "own donor" in only(problems, Severity.NOTE, "data.donor").what


def test_refused_cohort_carries_all_problems(table_store) -> None:
    store = table_store(**cohort_table())
    with pytest.raises(CohortRefused) as caught:
        build_cohort(store, Columns(sample="sample", donor="nobody", target="nothing"))
    assert {problem.field for problem in caught.value.problems} == {"data.donor", "target.column"}
    assert caught.value.what == caught.value.problems[0].what


def test_cohort_holds_samples_by_name_and_reference_first(table_store) -> None:
    table = cohort_table()
    shuffled = np.random.default_rng(0).permutation(len(table["sample"]))
    table = {name: values[shuffled] for name, values in table.items()}
    store = table_store(**table)
    columns = Columns(sample="sample", donor="donor", cell_type="type", target="condition", reference="sick")
    cohort = build_cohort(store, columns, 4)
    assert cohort.samples.names == tuple(sorted(set(table["sample"])))
    assert cohort.target.classes == ("sick", "ctrl")
    for cell in range(cohort.n_cells):
        sample = cohort.sample_codes[cell]
        assert cohort.samples.names[sample] == table["sample"][cell]
        assert cohort.samples.donor_names[cohort.samples.donor[sample]] == table["donor"][cell]
        assert cohort.target.classes[cohort.samples.label[sample]] == table["condition"][cell]
        assert cohort.cell_type.levels[cohort.cell_type.codes[cell]] == table["type"][cell]
    assert cohort.samples.n_cells.tolist() == [N_PER_SAMPLE] * 8


def test_integration_alone_needs_no_target(table_store) -> None:
    cohort = build_cohort(table_store(**cohort_table()), Columns(sample="sample"))
    assert cohort.target is None
    assert set(cohort.samples.label) == {-1}
