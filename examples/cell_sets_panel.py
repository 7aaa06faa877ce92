"""Named cell sets: keep a selection, combine sets, see what is in them."""

import sys

from _demo import demo_session, quit_when_asked
from qtpy.QtWidgets import QApplication

from multimil_gui.widgets.cell_sets_panel import CellSetsPanel

app = QApplication(sys.argv)
session = demo_session()
session.select_category("cell_type", "CD14+ monocyte")
session.add_cell_set("Monocytes")
widget = CellSetsPanel(session)
widget.resize(340, 560)
widget.show()
quit_when_asked(app)
sys.exit(app.exec())
