"""Choose the colour of the cells; select the top cells by attention."""

import sys

from _demo import fitted_session, quit_when_asked
from qtpy.QtWidgets import QApplication

from multimil_gui.widgets.color_panel import ColorPanel

app = QApplication(sys.argv)
widget = ColorPanel(fitted_session())
widget.resize(320, 420)
widget.show()
quit_when_asked(app)
sys.exit(app.exec())
