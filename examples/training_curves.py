"""Training curves alone: one point per epoch, the best epoch marked."""

import sys

from _demo import quit_when_asked
from qtpy.QtWidgets import QApplication

from multimil_gui.views.curves import TrainingCurves

app = QApplication(sys.argv)
widget = TrainingCurves()
for epoch in range(1, 61):
    widget.add_point("fold 1", epoch, train=1 / epoch, held_out=1 / epoch + 0.00015 * epoch**1.5)
widget.mark_best("fold 1", 38)
widget.resize(600, 360)
widget.show()
quit_when_asked(app)
sys.exit(app.exec())
