"""Drives the real window as a user would: waits for what is seen, presses buttons, draws with the mouse."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QEventLoop, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QWidget

from multimil_gui.app.main import Program
from multimil_gui.app.notifications import Kind, Notification
from multimil_gui.views.canvas import Tool

#: The stubs of PyQt5 declare these static functions as methods.
_MOUSE: Any = QTest

#: Within this time an action that can be done is enabled, also on a busy machine.
ENABLED_SECONDS = 30.0


class DriveError(RuntimeError):
    """The window did not do what was expected of it."""


class Driver:
    """A user made of code.

    Parameters
    ----------
    program
        The running program.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self.window = program.window
        self._trouble: list[Notification] = []
        program.services.notifications.posted.connect(self._on_notification)

    def wait(self, predicate: Callable[[], bool], what: str, seconds: float) -> None:
        """Let the window live until something is true.

        Raises
        ------
        DriveError
            When it does not become true in time, or an error was shown meanwhile.
        """
        end = time.monotonic() + seconds
        loop = QEventLoop()
        while not predicate():
            if self._trouble:
                raise DriveError(f"While waiting for {what}: {self._trouble[0].text}\n{self._trouble[0].details}")
            if time.monotonic() > end:
                raise DriveError(f"{what} did not happen within {seconds:.0f} s")
            QTimer.singleShot(20, loop.quit)
            loop.exec()

    def pause(self, seconds: float) -> None:
        """Let the window live for a moment, so that what is drawn late is drawn."""
        end = time.monotonic() + seconds

        def over() -> bool:
            return time.monotonic() >= end

        self.wait(over, "a moment", seconds + 60)

    def trigger(self, action_id: str) -> None:
        """Do an action as soon as it is enabled."""
        action = self.window.actions_bound.qaction(action_id)
        self.wait(action.isEnabled, f"the action {action_id}", ENABLED_SECONDS)
        action.trigger()

    def press(self, button: QAbstractButton | None) -> None:
        """Click a button with the left mouse button."""
        if button is None or not button.isEnabled():
            raise DriveError(f"the button {button.objectName() if button is not None else ''} cannot be pressed")
        _MOUSE.mouseClick(button, Qt.MouseButton.LeftButton)

    def lasso(self, polygon: np.ndarray) -> None:
        """Draw a closed line on the map with the mouse.

        Parameters
        ----------
        polygon
            (n, 2) float corners in map coordinates.
        """
        canvas = self.window.workspace.map.canvas
        self.trigger(f"view.tool_{Tool.LASSO.value}")
        draw(canvas, canvas.to_screen(polygon))

    def picture(self, path: Path, widget: QWidget | None = None) -> None:
        """Save what a widget (the whole window when None) looks like."""
        if not (widget or self.window).grab().save(str(path)):
            raise DriveError(f"{path.name} could not be saved")

    def _on_notification(self, notification: Notification) -> None:
        if notification.kind is Kind.ERROR:
            self._trouble.append(notification)


def draw(canvas: QWidget, path: np.ndarray) -> None:
    """Press the left button, move along ``path`` ((n, 2) widget pixels), and release it where it began."""
    points = [QPointF(float(x), float(y)) for x, y in (*path, path[0])]
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    kinds = [
        (QEvent.Type.MouseButtonPress, points[0], left, left),
        *((QEvent.Type.MouseMove, point, none, left) for point in points[1:]),
        (QEvent.Type.MouseButtonRelease, points[-1], left, none),
    ]
    for kind, point, button, buttons in kinds:
        place = QPointF(canvas.mapToGlobal(point.toPoint()))
        event = QMouseEvent(kind, point, place, button, buttons, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas, event)
        QApplication.processEvents()


def outline(xy: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return a line round the densest part of some cells, as a user would draw it.

    The circle about the densest place that best tells the cells from the others (highest F1), drawn closely.

    Parameters
    ----------
    xy
        (n_cells, 2) map coordinates.
    cells
        (n_cells,) bool, the cells to circle.

    Returns
    -------
    numpy.ndarray
        (64, 2) float64 corners in map coordinates.
    """
    points = xy.astype(np.float64)
    centre = _densest(points[cells])
    distance = np.linalg.norm(points - centre, axis=1)
    order = np.argsort(distance, kind="stable")
    found = np.cumsum(cells[order])
    f1 = 2 * found / (np.arange(1, len(order) + 1) + cells.sum())
    inside = order[: int(f1.argmax()) + 1]
    near = points[inside][cells[inside]]
    centre = near.mean(axis=0)
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reach = ((near - centre) @ directions.T).max(axis=0)
    # A hand draws a rounded line just outside of the cells.
    smooth = np.convolve(np.pad(reach, 4, mode="wrap"), np.full(9, 1 / 9), mode="valid") * 1.06
    return np.asarray(centre + directions * smooth[:, None])


def _densest(points: np.ndarray) -> np.ndarray:
    counts, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=24)
    column, row = np.unravel_index(int(counts.argmax()), counts.shape)
    return np.array([(x[column] + x[column + 1]) / 2, (y[row] + y[row + 1]) / 2])
