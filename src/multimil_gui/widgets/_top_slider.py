"""The slider "top x %": selects the cells with the highest attention while it is dragged."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from multimil_gui.data.cohort import Scope
from multimil_gui.state.session import Session
from multimil_gui.widgets._ui import Notice, Role, Subscriptions, WheelGuard, label

_WAIT_MS = 40
_STEPS_PER_PERCENT = 2
_MAX_PERCENT = 50.0


class TopSlider(QWidget):
    """Selects the top x % of the cells by attention, per condition or overall, live; a drag is one undo step.

    Parameters
    ----------
    session
        The session.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("top_slider")
        self._session = session
        self._filling = False
        self._guard = WheelGuard(self)
        self._make_parts()
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(_WAIT_MS)
        self._wait.timeout.connect(self._apply)
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.view.changed, self.refresh)
        self._subscriptions.add(session.runs.changed, self.refresh)
        self._subscriptions.add(session.data.changed, self.refresh)
        self.refresh()

    def _make_parts(self) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setObjectName("top_percent_slider")
        self.slider.setAccessibleName("Top cells, percent")
        self.slider.setRange(1, int(_MAX_PERCENT * _STEPS_PER_PERCENT))
        self.slider.setPageStep(_STEPS_PER_PERCENT)
        self.percent = QDoubleSpinBox(self)
        self.percent.setObjectName("top_percent")
        self.percent.setAccessibleName("Top cells, percent")
        self.percent.setRange(0.1, 100)
        self.percent.setDecimals(1)
        self.percent.setSingleStep(0.5)
        self.percent.setSuffix(" %")
        self.percent.setKeyboardTracking(False)
        self.percent.setMinimumWidth(64)
        self.slider.setMinimumWidth(60)
        self.scope = QComboBox(self)
        self.scope.setObjectName("top_scope")
        self.scope.setAccessibleName("Top cells among")
        self.scope.addItem("within each condition", Scope.CONDITION)
        self.scope.addItem("among all cells", Scope.OVERALL)
        tip = "Selects the cells with the highest attention, live; one drag is one undo step"
        for field in (self.slider, self.percent, self.scope):
            field.setToolTip(tip)
            self._guard.watch(field)
        self._tip = tip
        self.slider.valueChanged.connect(self._on_slider)
        self.slider.sliderReleased.connect(self._on_released)
        self.percent.valueChanged.connect(self._on_percent)
        self.scope.activated.connect(self._on_scope)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.slider, 1)
        line.addWidget(self.percent)
        self._words = label("", Role.NOTE, self, wrap=True)
        self._notice = Notice(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(line)
        layout.addWidget(self.scope)
        layout.addWidget(self._words)
        layout.addWidget(self._notice)

    def refresh(self) -> None:
        """Show the session's percent and scope; greyed out while there is no attention."""
        view = self._session.view
        self._filling = True
        try:
            if abs(self.percent.value() - view.top_percent) > 1e-9:
                self.percent.setValue(view.top_percent)
            self.slider.setValue(round(min(view.top_percent, _MAX_PERCENT) * _STEPS_PER_PERCENT))
            self.scope.setCurrentIndex(self.scope.findData(view.top_scope))
        finally:
            self._filling = False
        ready = self._session.scores() is not None
        for field in (self.slider, self.percent, self.scope):
            field.setEnabled(ready)
        cohort = self._session.target_cohort()
        is_number = cohort is not None and cohort.samples.value is not None
        self.scope.setEnabled(ready and not is_number)
        self.scope.setToolTip("A number has no conditions: all cells count together" if is_number else self._tip)
        self._words.setText("" if ready else "No fit yet: run Phenotype to see attention.")
        self._words.setVisible(not ready)

    def _on_slider(self, position: int) -> None:
        if self._filling:
            return
        self._filling = True
        self.percent.setValue(position / _STEPS_PER_PERCENT)
        self._filling = False
        self._wait.start()

    def _on_percent(self, percent: float) -> None:
        if self._filling:
            return
        self._filling = True
        self.slider.setValue(round(min(percent, _MAX_PERCENT) * _STEPS_PER_PERCENT))
        self._filling = False
        self._wait.start()

    def _on_scope(self) -> None:
        self._session.commands.end_merge()
        self._apply()

    def _on_released(self) -> None:
        self._apply()
        self._session.commands.end_merge()

    def _apply(self) -> None:
        self._wait.stop()
        if self._session.scores() is None:
            return
        percent, scope = self.percent.value(), self.scope.currentData()
        self._notice.attempt(lambda: self._session.select_top(percent, Scope(scope)))

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Do not select after the panel is gone."""
        self._wait.stop()
        super().hideEvent(event)
