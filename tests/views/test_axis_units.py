"""Small numbers on an axis are shown as they are."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from multimil_gui.views.plots import quiet_plot


def test_axes_never_scale_their_numbers(qtbot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    plot = quiet_plot(parent)
    plot.setLabel("left", "loss")
    plot.setYRange(0, 1e-4)
    plot.getAxis("left").setRange(0, 1e-4)
    assert "x0.001" not in plot.getAxis("left").labelString()
    assert plot.getAxis("left").autoSIPrefixScale == 1.0
