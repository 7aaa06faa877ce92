"""Which column means what, with proposals and a live checker."""

import sys

from _demo import demo_store, quit_when_asked
from qtpy.QtWidgets import QApplication

from multimil_gui.widgets.mapping_dialog import MappingDialog

app = QApplication(sys.argv)
widget = MappingDialog(demo_store())
widget.resize(1040, 660)
widget.show()
quit_when_asked(app)
sys.exit(app.exec())
