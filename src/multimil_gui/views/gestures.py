"""What keys and wheel do to the camera, and where an event happened."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QPointF, Qt

from multimil_gui.views.camera import Camera

_KEY_ZOOM = 1.25
_KEY_PAN = 0.1
_WHEEL_BASE = 1.0016
_DIRECTIONS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
_BRUSH_STEPS = {Qt.Key.Key_BracketLeft: -1, Qt.Key.Key_BracketRight: 1}
_ZOOMS = {Qt.Key.Key_Plus: _KEY_ZOOM, Qt.Key.Key_Equal: _KEY_ZOOM, Qt.Key.Key_Minus: 1 / _KEY_ZOOM}


def moved_by_key(camera: Camera, key: int) -> Camera | None:
    """Return the camera after an arrow, plus or minus; None for any other key."""
    if key in _DIRECTIONS:
        step = _KEY_PAN * min(camera.width, camera.height)
        across, down = _DIRECTIONS[Qt.Key(key)]
        return camera.panned(across * step, down * step)
    if key in _ZOOMS:
        return camera.zoomed(_ZOOMS[Qt.Key(key)], (camera.width / 2, camera.height / 2))
    return None


def brush_steps(key: int) -> int:
    """Return by how many steps a key resizes the brush: -1 for [, 1 for ], else 0."""
    return _BRUSH_STEPS.get(Qt.Key(key), 0)


def moved_by_wheel(camera: Camera, turned: int, at: QPointF) -> Camera:
    """Return the camera after the wheel turned by ``turned`` (120 a notch) with the cursor at ``at``."""
    return camera.zoomed(_WHEEL_BASE**turned, (at.x(), at.y()))


def position_of(event: Any) -> QPointF:
    """Return where a mouse or wheel event happened, in widget pixels (Qt 5 and 6 name it differently)."""
    return QPointF(event.position() if hasattr(event, "position") else event.localPos())
