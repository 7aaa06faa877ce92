from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QWidget

from multimil_gui.data.cohort import Columns
from multimil_gui.widgets._mapping_preview import MappingPreview
from multimil_gui.widgets._plain_table import PlainTable, fill_table, plain_table


def test_a_table_gives_its_texts_and_numbers(qtbot) -> None:
    around = QWidget()
    qtbot.addWidget(around)
    table = plain_table(("Class", "Cells"), "Cells per class", around)
    fill_table(table, [("=ill", 1234), ("control", 5)])
    given = table.table()
    assert given.title == "Cells per class"
    assert list(given.columns[0][2]) == ["=ill", "control"]
    assert given.columns[1][2].dtype.kind == "i"
    assert list(given.columns[1][2]) == [1234, 5]
    assert "export_figure" not in str([action.objectName() for action in table._plot_menu.menu().actions()])


def test_the_mapping_preview_can_be_exported(qtbot, store) -> None:
    preview = MappingPreview()
    qtbot.addWidget(preview)
    preview.show_columns(store, Columns(sample="sample_id", donor="donor", target="condition"))
    tables = {name: values for name, _, values in preview.samples.table().columns}
    assert tables["Cells"].sum() == store.index.n_cells
    assert isinstance(preview.classes, PlainTable)
    cells = preview.classes.table().columns[-1][2]
    assert np.asarray(cells).sum() == store.index.n_cells
