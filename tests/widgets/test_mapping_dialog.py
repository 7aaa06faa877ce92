from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from multimil_gui.data.check import build_cohort, check_columns
from multimil_gui.data.cohort import Columns
from multimil_gui.data.store import Store
from multimil_gui.widgets._mapping_preview import sample_rows
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

    dialog.panel.target.choose("cell_type")

    said = _answer(dialog, "target.column").problem_words()
    checked = [
        problem for problem in check_columns(store, dialog.mapping().columns) if problem.field == "target.column"
    ]
    assert said == tuple(str(problem) for problem in checked)
    assert said
    assert not dialog.accept_button.isEnabled()

    dialog.panel.target.choose("condition")
    assert _answer(dialog, "target.column").problem_words() == ()
    assert dialog.accept_button.isEnabled()


def test_the_control_class_follows_the_phenotype(qtbot: QtBot, store: Store) -> None:
    dialog = _dialog(qtbot, store)
    assert dialog.mapping().columns.reference == "control"

    dialog.panel.target.choose("batch")
    offered = [dialog.panel.reference.itemData(i) for i in range(dialog.panel.reference.count())]
    assert offered == [None, "run1", "run2"]

    dialog.panel.target.choose(None)
    assert not dialog.panel.reference.isEnabled()
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

    assert [(row.sample, row.label) for row in rows] == [("run1", "control + disease"), ("run2", "control + disease")]
    assert np.sum([row.n_cells for row in rows]) == store.n_cells


def test_earlier_answers_are_shown_again(qtbot: QtBot, store: Store) -> None:
    earlier = Columns(sample="sample_id", donor=None, target="batch", covariates=("cell_type",))

    dialog = _dialog(qtbot, store, earlier)

    assert dialog.mapping().columns == earlier


def test_what_was_found_is_said_in_words(store: Store) -> None:
    words = found_in_words(store)

    assert "60 features, counts" in words
    assert "X_umap" in words and "X_pca" in words
