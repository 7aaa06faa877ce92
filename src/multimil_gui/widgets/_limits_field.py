"""The limits of a continuous colour: a slider with two handles over the percentiles, and the values there."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QVBoxLayout, QWidget
from superqt import QRangeSlider

from multimil_gui.state.view import View
from multimil_gui.widgets._ui import Role, WheelGuard, label, tool_button

_WAIT_MS = 40
#: Handle places per percent.
_STEPS = 10
_DEFAULT = View().percentiles


class LimitsField(QWidget):
    """Two percentiles of the shown values, by slider or number; colours follow while a handle is dragged.

    Signals
    -------
    limits_changed(float, float)
        Low and high percentile that the user wants, low below high.
    refused(str)
        Why a number was not taken.
    released()
        A handle was let go.
    """

    limits_changed = Signal(float, float)
    refused = Signal(str)
    released = Signal()

    def __init__(self, guard: WheelGuard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("color_limits")
        self._shown = _DEFAULT
        self.slider = QRangeSlider(Qt.Orientation.Horizontal, self)
        self.slider.setObjectName("color_limits_slider")
        self.slider.setAccessibleName("Limits of the colours, percentiles")
        self.slider.setToolTip("Values beyond the handles have the end colours: percentiles of the shown values")
        self.slider.setRange(0, 100 * _STEPS)
        self.slider.setMinimumWidth(60)
        guard.watch(self.slider)
        self.low = self._number("color_low", "Lower limit, percentile of the shown values", 0, 99.9, guard)
        self.high = self._number("color_high", "Upper limit, percentile of the shown values", 0.1, 100, guard)
        self.reset = tool_button(
            "Reset", f"Back to percentiles {_DEFAULT[0]:g} to {_DEFAULT[1]:g}", "color_limits_reset"
        )
        self.values = label("", Role.NOTE, self, wrap=True)
        self.values.setObjectName("color_limits_values")
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(_WAIT_MS)
        self._wait.timeout.connect(self._apply_slider)
        self._lay_out()
        self.slider.valueChanged.connect(self._on_slider)
        self.slider.sliderReleased.connect(self._on_released)
        self.low.valueChanged.connect(self._on_numbers)
        self.high.valueChanged.connect(self._on_numbers)
        self.reset.clicked.connect(self._on_reset)
        self.show_limits(_DEFAULT)

    def _number(self, name: str, words: str, low: float, high: float, guard: WheelGuard) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.setObjectName(name)
        box.setAccessibleName(words)
        box.setToolTip(words)
        box.setRange(low, high)
        box.setDecimals(1)
        box.setMinimumWidth(48)
        box.setKeyboardTracking(False)
        guard.watch(box)
        return box

    def _lay_out(self) -> None:
        numbers, foot = QHBoxLayout(), QHBoxLayout()
        for line in (numbers, foot):
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(4)
        for part, stretch in ((self.low, 1), (label("to", Role.NOTE, self), 0), (self.high, 1)):
            numbers.addWidget(part, stretch)
        foot.addWidget(self.values, 1)
        foot.addWidget(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.slider)
        layout.addLayout(numbers)
        layout.addLayout(foot)

    # -- showing -------------------------------------------------------------------------------------------------------

    def show_limits(self, percentiles: tuple[float, float], words: str = "") -> None:
        """Show the percentiles of the session, and in words the values at them."""
        self._shown = percentiles
        low, high = (round(percentile * _STEPS) for percentile in percentiles)
        if not (self.slider.isSliderDown() or self._wait.isActive()):
            blocked = self.slider.blockSignals(True)
            self.slider.setValue((low, high))
            self.slider.blockSignals(blocked)
        for box, percentile in ((self.low, percentiles[0]), (self.high, percentiles[1])):
            blocked = box.blockSignals(True)
            box.setValue(percentile)
            box.blockSignals(blocked)
        self.slider.update()
        self.values.setText(words)
        self.reset.setEnabled(percentiles != _DEFAULT)

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _on_slider(self) -> None:
        if not self._wait.isActive():
            self._wait.start()

    def _apply_slider(self) -> None:
        places = cast("tuple[int, int]", self.slider.value())
        low, high = places[0] / _STEPS, places[1] / _STEPS
        if low < high and (low, high) != self._shown:
            self.limits_changed.emit(low, high)

    def _on_released(self) -> None:
        self._wait.stop()
        self._apply_slider()
        self.released.emit()

    def _on_numbers(self) -> None:
        low, high = self.low.value(), self.high.value()
        if low >= high:
            self.refused.emit("The lower limit must be below the upper one.")
            return
        self.limits_changed.emit(low, high)

    def _on_reset(self) -> None:
        self.limits_changed.emit(*_DEFAULT)
        self.released.emit()
