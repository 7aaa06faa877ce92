"""Train both models in the background, with live curves; the host owns the job runner."""

import sys

from _demo import demo_session, quit_when_asked
from qtpy.QtWidgets import QApplication

from multimil_gui.jobs.qt import JobRunner
from multimil_gui.widgets.run_panel import RunPanel

app = QApplication(sys.argv)
runner = JobRunner()
app.aboutToQuit.connect(runner.shutdown)
widget = RunPanel(demo_session(), runner)
widget.resize(380, 760)
widget.show()
quit_when_asked(app)
sys.exit(app.exec())
