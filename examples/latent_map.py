"""The map of the cells: pan, zoom, hover, lasso, legend."""

import sys

from _demo import demo_session, quit_when_asked
from qtpy.QtWidgets import QApplication

from multimil_gui.widgets.latent_map import LatentMap

app = QApplication(sys.argv)
widget = LatentMap(demo_session())
widget.resize(900, 600)
widget.show()
quit_when_asked(app)
sys.exit(app.exec())
