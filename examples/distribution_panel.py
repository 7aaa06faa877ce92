"""How the shown value is spread: histogram, violins with the samples as points, composition, and a gate of two values."""

import sys

from _demo import fitted_session, quit_when_asked
from qtpy.QtWidgets import QApplication

from multimil_gui.widgets.distribution_panel import DistributionPanel

app = QApplication(sys.argv)
widget = DistributionPanel(fitted_session())
widget.resize(480, 560)
widget.show()
quit_when_asked(app)
sys.exit(app.exec())
