from __future__ import annotations

import json

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from multimil_gui.core.errors import Refusal
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.widgets.labels_dialog import LabelsDialog
from multimil_gui.widgets.subset_dialog import EVERYTHING, SELECTION, SubsetDialog


@pytest.fixture
def chosen(fitted: Session) -> Session:
    fitted.select_top(20)
    fitted.add_cell_set("T cells/1")
    return fitted


def dialog_of(qtbot: QtBot, session: Session, *args, **kwargs) -> SubsetDialog:
    dialog = SubsetDialog(session, *args, **kwargs)
    qtbot.addWidget(dialog)
    return dialog


def test_the_selected_cells_are_proposed_and_described(qtbot: QtBot, chosen: Session) -> None:
    dialog = dialog_of(qtbot, chosen)
    dialog.neighbors.setValue(7)
    dialog.resolution.setValue(0.4)
    dialog.seed.setValue(3)
    request = dialog.request()
    assert request.cells is chosen.selection.mask
    options = request.options
    assert (options.embed, options.cluster, options.neighbors, options.resolution, options.seed) == (
        True,
        True,
        7,
        0.4,
        3,
    )
    assert request.map_name == "X_umap_selected_cells"
    assert request.labels_name == "clusters of selected cells"
    told = json.loads(json.dumps(request.provenance))
    assert told["n_cells"] == chosen.selection.count
    assert told["cells"]["kind"] == "top"


def test_all_cells_and_cell_sets_can_be_chosen(qtbot: QtBot, chosen: Session) -> None:
    everything = dialog_of(qtbot, chosen, EVERYTHING, embed=False)
    request = everything.request()
    assert request.cells is None
    assert not request.options.embed
    assert not everything.min_dist.isEnabled() and everything.resolution.isEnabled()
    item = chosen.cell_sets.items[0]
    of_set = dialog_of(qtbot, chosen, item.id).request()
    assert of_set.cells is item.mask
    assert of_set.map_name == "X_umap_T_cells_1"
    assert of_set.labels_name == "clusters of T cells/1"


def test_nothing_to_do_and_too_few_cells_are_said(qtbot: QtBot, session: Session) -> None:
    dialog = dialog_of(qtbot, session, SELECTION)
    assert dialog.cells.currentData() == EVERYTHING
    dialog.embed.setChecked(False)
    dialog.cluster.setChecked(False)
    assert not dialog.accept_button.isEnabled()
    dialog.cluster.setChecked(True)
    assert dialog.accept_button.isEnabled()
    dialog.name.setText("  ")
    assert not dialog.accept_button.isEnabled()
    session.select_category("sample_id", str(session.data.value.labelling("sample_id").levels[0]))
    mask = np.zeros(session.data.n_cells, dtype=bool)
    mask[:3] = True
    session.select(mask, session.selection.current.recipe)
    few = dialog_of(qtbot, session)
    assert not few.accept_button.isEnabled()
    assert "3 cells" in few._problem.words.text()


def test_without_a_latent_it_is_refused(qtbot: QtBot) -> None:
    with pytest.raises(Refusal, match="no latent space"):
        SubsetDialog(Session())


def test_labels_are_listed_renamed_and_deleted(qtbot: QtBot, session: Session) -> None:
    dialog = LabelsDialog(session)
    qtbot.addWidget(dialog)
    assert not dialog.delete_button.isEnabled()
    codes = np.arange(session.data.n_cells) % 3 - 1
    session.add_annotation("<b>clusters", codes, ("0", "1"), {"method": "leiden", "resolution": 0.5})
    assert dialog.table.rowCount() == 1
    assert "<b>" not in dialog.table.item(0, 0).toolTip()
    dialog.show_button.click()
    assert session.view.color == ColorBy(ColorKind.OBS, "<b>clusters")
    dialog.table.item(0, 0).setText("states")
    assert session.view.color == ColorBy(ColorKind.OBS, "states")
    dialog.table.item(0, 0).setText("sample_id")
    assert "already a column" in dialog._notice.text()
    assert dialog.table.item(0, 0).text() == "states"
    dialog.delete_button.click()
    assert dialog.table.rowCount() == 0
    session.commands.undo()
    assert dialog.table.item(0, 0).text() == "states"
