"""The patients: a table and a map of their samples, linked with the cells."""

import sys

from _demo import fitted_session, quit_when_asked
from qtpy.QtWidgets import QApplication

from multimil_gui.widgets.patient_panel import PatientPanel

app = QApplication(sys.argv)
widget = PatientPanel(fitted_session())
widget.resize(1000, 360)
widget.show()
quit_when_asked(app)
sys.exit(app.exec())
