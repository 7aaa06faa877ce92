from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from multimil_gui.core.options import TargetKind
from multimil_gui.data.check import build_cohort, check_columns
from multimil_gui.data.cohort import Columns, TargetColumn
from multimil_gui.data.store import Store
from multimil_gui.widgets._mapping_preview import sample_rows, value_bins
from multimil_gui.widgets.mapping_dialog import MappingDialog, found_in_words


def _dialog(qtbot: QtBot, store: Store, columns: Columns | None = None) -> MappingDialog:
    dialog = MappingDialog(store, columns)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def _answer(dialog: MappingDialog, key: str):
    return next(answer for answer in dialog.panel.answers if answer.key == key)


def test_the_proposal_can_be_accepted_as_it_is(qtbot: QtBot, store: Store) -> None:
    dialog = _dialog(qtbot, store)

    mapping = dialog.mapping()

    assert (mapping.columns.sample, mapping.columns.donor, mapping.columns.target) == (
        "sample_id",
        "donor",
        "condition",
    )
    assert mapping.columns.cell_type == "cell_type"
    assert dialog.accept_button.isEnabled()
    assert build_cohort(store, mapping.columns).target.reference == "control"
    assert _answer(dialog, "data.sample")._note.text()


def test_an_error_is_shown_at_its_field_and_blocks_open(qtbot: QtBot, store: Store) -> None:
    dialog = _dialog(qtbot, store)

    dialog.panel.target.column.choose("cell_type")

    said = _answer(dialog, "target.column").problem_words()
    checked = [
        problem for problem in check_columns(store, dialog.mapping().columns) if problem.field == "target.column"
    ]
    assert said == tuple(str(problem) for problem in checked)
    assert said
    assert not dialog.accept_button.isEnabled()

    dialog.panel.target.column.choose("condition")
    assert _answer(dialog, "target.column").problem_words() == ()
    assert dialog.accept_button.isEnabled()


def test_the_control_class_follows_the_phenotype(qtbot: QtBot, store: Store) -> None:
    dialog = _dialog(qtbot, store)
    assert dialog.mapping().columns.reference == "control"

    dialog.panel.target.column.choose("batch")
    offered = [dialog.panel.target.reference.itemData(i) for i in range(dialog.panel.target.reference.count())]
    assert offered == [None, "run1", "run2"]

    dialog.panel.target.column.choose(None)
    assert not dialog.panel.target.reference.isVisible()
    assert dialog.mapping().columns.reference is None


def test_the_preview_counts_donors_samples_and_cells(qtbot: QtBot, store: Store) -> None:
    dialog = _dialog(qtbot, store)
    obs = store.obs()

    table = dialog.panel.preview.classes
    shown = {
        table.item(row, 0).text(): [int(table.item(row, column).text().replace(",", "")) for column in (1, 2, 3)]
        for row in range(table.rowCount())
    }

    wanted = {
        level: [part["donor"].nunique(), part["sample_id"].nunique(), len(part)]
        for level, part in obs.astype(str).groupby("condition")
    }
    assert shown == wanted


def test_a_sample_with_two_labels_is_seen_in_the_preview(store: Store) -> None:
    rows = sample_rows(store, Columns(sample="batch", target="condition"))

    assert [(row.sample, row.labels) for row in rows] == [
        ("run1", ("control + disease",)),
        ("run2", ("control + disease",)),
    ]
    assert np.sum([row.n_cells for row in rows]) == store.n_cells


def test_earlier_answers_are_shown_again(qtbot: QtBot, store: Store) -> None:
    earlier = Columns(sample="sample_id", donor=None, target="batch", covariates=("cell_type",))

    dialog = _dialog(qtbot, store, earlier)

    assert dialog.mapping().columns == earlier


def test_what_was_found_is_said_in_words(store: Store) -> None:
    words = found_in_words(store)

    assert "60 features, counts" in words
    assert "X_umap" in words and "X_pca" in words


# -- kinds of targets --------------------------------------------------------------------------------------------------


def _choose_kind(dialog: MappingDialog, kind: TargetKind) -> None:
    combo = dialog.panel.target.kind
    combo.setCurrentIndex(combo.findData(kind))


def _classes_shown(dialog: MappingDialog) -> list[str]:
    shown = dialog.panel.target.classes.list
    return [shown.item(row).text() for row in range(shown.count())]


def test_a_column_with_many_numbers_is_taken_as_a_number(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)

    dialog.panel.target.column.choose("age")

    columns = dialog.mapping().columns
    assert (columns.target, columns.kind, columns.reference, columns.ignore) == ("age", TargetKind.REGRESSION, None, ())
    assert not dialog.panel.target.classes.isVisible()
    assert "From 21.5 to 76.5." in _answer(dialog, "target.kind")._note.text()
    assert dialog.accept_button.isEnabled()
    assert build_cohort(rich_store, columns).samples.value is not None


def test_the_spread_of_a_number_is_shown(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)

    dialog.panel.target.column.choose("age")

    preview = dialog.panel.preview
    assert preview.spread.text() == "From 21.5 to 76.5, median 49."
    assert sum(bar.total for bar in preview.values.bars()) == 18
    assert not preview.classes.isVisible()


def test_ordered_classes_are_moved_from_low_to_high(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    dialog.panel.target.column.choose("stage")
    _choose_kind(dialog, TargetKind.ORDINAL)
    assert _classes_shown(dialog) == ["mild  ·  lowest", "none", "severe  ·  highest"]
    assert dialog.mapping().columns.order == ()
    assert any("alphabet" in words for words in _answer(dialog, "target.order").problem_words())

    classes = dialog.panel.target.classes
    classes.list.setCurrentRow(1)
    qtbot.mouseClick(classes.up, Qt.MouseButton.LeftButton)

    assert _classes_shown(dialog) == ["none  ·  lowest", "mild", "severe  ·  highest"]
    assert _answer(dialog, "target.order").problem_words() == ()
    columns = dialog.mapping().columns
    assert build_cohort(rich_store, columns).target.classes == ("none", "mild", "severe")
    assert not classes.up.isEnabled() and classes.down.isEnabled()


def test_dragging_a_class_is_the_same_as_moving_it(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    dialog.panel.target.column.choose("stage")
    _choose_kind(dialog, TargetKind.ORDINAL)

    shown = dialog.panel.target.classes.list
    # What the list does when a row is dropped.
    assert shown.model().moveRow(shown.rootIndex(), 0, shown.rootIndex(), 2)

    assert dialog.mapping().columns.order == ("none", "mild", "severe")


def test_the_control_class_is_the_lowest_until_the_order_says_otherwise(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    dialog.panel.target.column.choose("stage")
    _choose_kind(dialog, TargetKind.ORDINAL)

    dialog.panel.target.reference.choose("none")
    assert _classes_shown(dialog)[0] == "none  ·  lowest"
    classes = dialog.panel.target.classes
    classes.list.setCurrentRow(0)
    classes.down.click()

    assert any("not the lowest" in words for words in _answer(dialog, "target.reference").problem_words())
    assert not dialog.accept_button.isEnabled()


def test_a_class_can_be_left_out(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    dialog.panel.target.column.choose("stage")

    classes = dialog.panel.target.classes
    classes.list.item(0).setCheckState(Qt.CheckState.Unchecked)

    columns = dialog.mapping().columns
    assert columns.ignore == ("mild",)
    assert build_cohort(rich_store, columns).target.classes == ("none", "severe")
    offered = [dialog.panel.target.reference.itemData(i) for i in range(dialog.panel.target.reference.count())]
    assert offered == [None, "none", "severe"]


def test_what_a_kind_means_is_said(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    said = set()
    for kind in TargetKind:
        _choose_kind(dialog, kind)
        said.add(_answer(dialog, "target.kind")._note.text())
    assert len(said) == 3


def test_text_as_a_number_is_refused_at_the_kind(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)

    _choose_kind(dialog, TargetKind.REGRESSION)

    assert any("holds text" in words for words in _answer(dialog, "target.kind").problem_words())
    assert not dialog.accept_button.isEnabled()


# -- further targets and covariates ------------------------------------------------------------------------------------


def _add(qtbot: QtBot, dialog: MappingDialog, column: str) -> None:
    qtbot.mouseClick(dialog.panel.further.add, Qt.MouseButton.LeftButton)
    dialog.panel.further.cards[-1].fields.column.choose(column)


def _remove(qtbot: QtBot, dialog: MappingDialog, place: int) -> None:
    button = dialog.panel.further.cards[place].remove
    qtbot.waitUntil(lambda: button.height() > 5)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_further_targets_are_added_and_removed(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    _add(qtbot, dialog, "stage")
    _add(qtbot, dialog, "age")

    columns = dialog.mapping().columns
    assert [(target.column, target.kind) for target in columns.further] == [
        ("stage", TargetKind.CLASSIFICATION),
        ("age", TargetKind.REGRESSION),
    ]
    assert build_cohort(rich_store, columns).n_targets == 3

    _remove(qtbot, dialog, 0)

    assert dialog.mapping().columns.further == (TargetColumn("age", TargetKind.REGRESSION),)


def test_only_columns_with_one_value_per_sample_are_offered_as_further_targets(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    qtbot.mouseClick(dialog.panel.further.add, Qt.MouseButton.LeftButton)

    combo = dialog.panel.further.cards[0].fields.column
    offered = {combo.itemData(i) for i in range(combo.count())}
    assert {"stage", "age", "batch"} <= offered
    assert not {"cell_type", "mito"} & offered


def test_a_mistake_in_a_further_target_is_shown_beside_its_field(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    _add(qtbot, dialog, "age")
    _add(qtbot, dialog, "condition")

    first, second = (card.fields.answers[0] for card in dialog.panel.further.cards)
    assert first.problem_words() == ()
    assert any("predicted twice" in words for words in second.problem_words())
    assert not dialog.accept_button.isEnabled()

    # The mistake moves up with its card.
    _remove(qtbot, dialog, 0)
    assert dialog.panel.further.cards[0].fields.answers[0].key == "further_targets.0.column"
    assert any("predicted twice" in words for words in second.problem_words())


def test_without_a_phenotype_nothing_further_is_predicted(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    _add(qtbot, dialog, "age")

    dialog.panel.target.column.choose(None)

    assert dialog.mapping().columns.targets == ()
    assert not dialog.panel.further.isVisible()


def test_the_preview_shows_one_target_at_a_time(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    preview = dialog.panel.preview
    assert not preview.which.isVisible()
    _add(qtbot, dialog, "age")
    assert preview.which.isVisible()

    preview.which.setCurrentIndex(1)

    assert preview.values.isVisible() and not preview.classes.isVisible()
    titles = [preview.samples.horizontalHeaderItem(i).text() for i in range(preview.samples.columnCount())]
    assert titles == ["Sample", "Donor", "condition", "age", "Cells"]
    assert preview.samples.item(0, 3).text() == "21.5"


def test_numbers_can_be_removed_as_covariates(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(qtbot, rich_store)
    ticks = dialog.panel.continuous
    row = next(i for i in range(ticks.count()) if ticks.item(i).data(Qt.ItemDataRole.UserRole) == "mito")

    ticks.item(row).setCheckState(Qt.CheckState.Checked)

    columns = dialog.mapping().columns
    assert columns.continuous == ("mito",)
    assert [covariate.name for covariate in build_cohort(rich_store, columns).continuous] == ["mito"]


def test_a_phenotype_among_the_covariates_is_refused_there(qtbot: QtBot, rich_store: Store) -> None:
    dialog = _dialog(
        qtbot,
        rich_store,
        Columns(sample="sample_id", donor="donor", target="age", kind=TargetKind.REGRESSION, continuous=("age",)),
    )

    assert _answer(dialog, "data.continuous_covariates").problem_words()
    assert not dialog.accept_button.isEnabled()


def test_a_file_without_numbers_is_not_asked_for_them(qtbot: QtBot, store: Store) -> None:
    dialog = _dialog(qtbot, store)

    assert not dialog.panel.continuous.isVisible()


def test_all_earlier_answers_are_shown_again(qtbot: QtBot, rich_store: Store, rich_session) -> None:
    earlier = rich_session.data.columns

    dialog = _dialog(qtbot, rich_store, earlier)

    assert dialog.mapping().columns == earlier


def test_ranges_hold_every_number() -> None:
    rng = np.random.default_rng(0)
    for values in (
        rng.normal(50, 20, 200),
        np.array([3.0]),
        np.array([0.0, 1e-6]),
        np.array([-5.0, 5.0]),
        np.arange(9.0),
    ):
        bins = value_bins(values)
        assert sum(count for _, count in bins) == len(values)
        assert len(bins) <= 12
