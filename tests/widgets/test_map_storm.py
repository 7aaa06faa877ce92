"""Random mouse and keys on a map that is split, drawn and coloured in turns; the selection equals a plain reference."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from multimil_gui.state.selection import Combine
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind, Drawing
from multimil_gui.views.canvas import RegionDrawn, Tool
from multimil_gui.views.factory import Backend
from multimil_gui.views.kernels import warm_up
from multimil_gui.widgets.latent_map import LatentMap

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
NONE, SHIFT, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
KEYS = [
    *(Qt.Key.Key_Return, Qt.Key.Key_Backspace, Qt.Key.Key_Escape, Qt.Key.Key_Plus, Qt.Key.Key_Minus),
    *(Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight, Qt.Key.Key_Space),
]


def _inside(xy: np.ndarray, region: RegionDrawn) -> tuple[np.ndarray, np.ndarray]:
    """Return which points a region holds, by the textbook's loops, and which are too near to its border to tell."""
    corners = np.asarray(region.polygon, dtype=float)
    x, y = xy[:, 0].astype(float), xy[:, 1].astype(float)
    if region.tool is Tool.BRUSH:
        ends = corners[1:] if len(corners) > 1 else corners
        distance = np.full(len(xy), np.inf)
        for (ax, ay), (bx, by) in zip(corners, ends, strict=False):
            length = (bx - ax) ** 2 + (by - ay) ** 2
            part = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1) if length > 0 else 0 * x
            distance = np.minimum(distance, np.hypot(x - ax - part * (bx - ax), y - ay - part * (by - ay)))
        return distance <= region.radius, np.abs(distance - region.radius) < 1e-9
    odd = np.zeros(len(xy), dtype=bool)
    unsure = np.zeros(len(xy), dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            at = (bx - ax) * (y - ay) / (by - ay) + ax
        spans = (ay > y) != (by > y)
        odd ^= spans & (x < at)
        unsure |= spans & (np.abs(x - at) < 1e-9)
    return odd, unsure


class Reference:
    """What the selection must be after each region."""

    def __init__(self, widget: LatentMap, session: Session) -> None:
        self.widget, self.session = widget, session
        self.regions = 0
        self.before = session.selection.mask.copy()
        widget.panes.region_drawn.connect(self.check)

    def check(self, region: RegionDrawn, pane: object) -> None:
        """Compare; called after the map itself, which was connected first."""
        self.regions += 1
        hit, unsure = _inside(self.widget.view.positions, region)
        hit &= self.widget.view.states != 2
        if pane is not None:
            in_pane = np.zeros(len(hit), dtype=bool)
            in_pane[pane.rows] = True
            hit &= in_pane
        old = self.before
        wanted = {
            Combine.REPLACE: hit,
            Combine.ADD: old | hit,
            Combine.SUBTRACT: old & ~hit,
            Combine.INTERSECT: old & hit,
        }[region.combine]
        now = self.session.selection.mask
        assert np.array_equal(now[~unsure], wanted[~unsure])


def _event(canvas, kind, point: QPoint, button, buttons, modifiers) -> None:
    place = QPointF(canvas.mapToGlobal(point))
    QApplication.sendEvent(canvas, QMouseEvent(kind, QPointF(point), place, button, buttons, modifiers))


def _stroke(canvas, rng: np.random.Generator, modifiers) -> None:
    """Press, move a few times, release, all at random."""
    button = LEFT if rng.random() < 0.85 else MIDDLE
    points = [QPoint(*(int(v) for v in rng.integers(-20, 420, 2))) for _ in range(int(rng.integers(1, 7)))]
    _event(canvas, QEvent.Type.MouseButtonPress, points[0], button, button, modifiers)
    for point in points[1:]:
        _event(canvas, QEvent.Type.MouseMove, point, Qt.MouseButton.NoButton, button, modifiers)
    _event(canvas, QEvent.Type.MouseButtonRelease, points[-1], button, Qt.MouseButton.NoButton, modifiers)


def storm(widget: LatentMap, session: Session, rng: np.random.Generator, events: int) -> int:
    """Let it rain; returns how many regions were drawn."""
    reference = Reference(widget, session)
    splits = ["", "condition", "sample_id", "cell_type", "no such column"]
    for _ in range(events):
        reference.before = session.selection.mask.copy()
        canvas = widget.panes.canvases[int(rng.integers(len(widget.panes.canvases)))]
        modifiers = (NONE, SHIFT, ALT, SHIFT | ALT)[int(rng.integers(4))]
        point = QPoint(*(int(v) for v in rng.integers(-5, 400, 2)))
        match int(rng.integers(14)):
            case 0 | 1 | 2 | 3:
                _stroke(canvas, rng, modifiers)
            case 4:
                QTest.mouseDClick(canvas, LEFT, modifiers, point)
            case 5 | 6:
                QTest.keyClick(canvas, KEYS[int(rng.integers(len(KEYS)))], modifiers)
            case 7:
                turned = QPoint(0, int(rng.integers(-480, 480)))
                arguments = (Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False)
                QApplication.sendEvent(
                    canvas,
                    QWheelEvent(QPointF(point), QPointF(canvas.mapToGlobal(point)), QPoint(), turned, *arguments),
                )
            case 8 | 9:
                widget.set_tool(list(Tool)[int(rng.integers(len(Tool)))])
            case 10:
                session.set_view(split=splits[int(rng.integers(len(splits)))])
            case 11:
                session.set_view(
                    drawing=list(Drawing)[int(rng.integers(3))], contours=bool(rng.integers(2)), point_size=None
                )
            case 12:
                if rng.random() < 0.5:
                    session.set_hidden([])
                else:
                    session.set_hidden([entry.level for entry in widget.view.legend if rng.random() < 0.3])
            case 13:
                (session.commands.undo if rng.random() < 0.7 else session.commands.redo)()
        if rng.random() < 0.1:
            QApplication.processEvents()
    return reference.regions


@pytest.mark.parametrize("seed", [0, 1])
def test_a_storm_leaves_the_selection_right_and_the_map_alive(qtbot, session: Session, seed: int) -> None:
    warm_up()
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    widget = LatentMap(session, Backend.RASTER)
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.show()
    regions = storm(widget, session, np.random.default_rng(seed), 600)
    assert regions > 30
    session.set_view(split="", drawing=Drawing.POINTS)
    session.set_hidden([])
    widget.fit()
    assert (widget.canvas.image()[..., :3] != widget.canvas.image()[0, 0, :3]).any()
