"""The window's layout as plain numbers: kept with the settings and the project, clamped to the screens that exist.

Qt's own ``saveState`` bytes are not used: they are opaque, tied to a Qt version, and would come from a project of
somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QDockWidget, QMainWindow

SMALLEST = (900, 560)


class Area(StrEnum):
    """Side of the window on which a dock is."""

    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"


_QT_AREA = {
    Area.LEFT: Qt.DockWidgetArea.LeftDockWidgetArea,
    Area.RIGHT: Qt.DockWidgetArea.RightDockWidgetArea,
    Area.TOP: Qt.DockWidgetArea.TopDockWidgetArea,
    Area.BOTTOM: Qt.DockWidgetArea.BottomDockWidgetArea,
}


class Rectangle(BaseModel):
    """A place on the screens, in logical pixels."""

    model_config = ConfigDict(frozen=True)

    x: int
    y: int
    width: int = Field(gt=0, le=100_000)
    height: int = Field(gt=0, le=100_000)


class DockPlace(BaseModel):
    """Where one dock is.

    Attributes
    ----------
    name
        Object name of the dock.
    area
        Side of the window.
    width, height
        Size in logical pixels.
    visible
        Whether it is open.
    floating
        Its place when it is a window of its own, else None.
    tab_of
        Name of the dock it is a tab of, "" when it stands alone.
    on_top
        Whether it is the tab that is seen.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    area: Area
    width: int = Field(gt=0, le=100_000)
    height: int = Field(gt=0, le=100_000)
    visible: bool = True
    floating: Rectangle | None = None
    tab_of: str = ""
    on_top: bool = False


class WindowLayout(BaseModel):
    """Place of the window and its docks, in the order in which they are put back."""

    model_config = ConfigDict(frozen=True)

    window: Rectangle
    maximized: bool = False
    docks: tuple[DockPlace, ...] = ()


def capture(window: QMainWindow, docks: Iterable[QDockWidget]) -> WindowLayout:
    """Return the present layout."""
    rect = window.normalGeometry() if window.isMaximized() or window.isFullScreen() else window.geometry()
    places: list[DockPlace] = []
    for dock in _in_reading_order(docks):
        leader = _tab_leader(window, dock, {place.name for place in places})
        places.append(
            DockPlace(
                name=dock.objectName(),
                area=_area_of(window, dock),
                width=max(1, dock.width()),
                height=max(1, dock.height()),
                visible=not dock.isHidden(),
                floating=_rectangle(dock.geometry()) if dock.isFloating() else None,
                tab_of=leader,
                on_top=not dock.isHidden() and not dock.visibleRegion().isEmpty(),
            )
        )
    return WindowLayout(window=_rectangle(rect), maximized=window.isMaximized(), docks=tuple(places))


def apply_docks(window: QMainWindow, docks: Iterable[QDockWidget], places: Iterable[DockPlace]) -> None:
    """Put the docks where ``places`` says; docks it does not name keep their place."""
    by_name = {dock.objectName(): dock for dock in docks}
    known = [(by_name[place.name], place) for place in places if place.name in by_name]
    for dock, _ in known:
        window.removeDockWidget(dock)
    for dock, place in known:
        leader = by_name.get(place.tab_of)
        dock.setFloating(False)
        window.addDockWidget(_QT_AREA[place.area], dock)
        if leader is not None and leader is not dock:
            window.tabifyDockWidget(leader, dock)
        dock.setVisible(place.visible)
        if place.floating is not None:
            dock.setFloating(True)
            dock.setGeometry(clamped(place.floating, (160, 120)))
    resize_docks(window, known)
    for dock, place in known:
        if place.on_top and place.visible:
            dock.raise_()


def resize_docks(window: QMainWindow, known: Iterable[tuple[QDockWidget, DockPlace]]) -> None:
    """Give the docks the sizes of their places."""
    docked = [(dock, place) for dock, place in known if place.floating is None and place.visible]
    if docked:
        docks = [dock for dock, _ in docked]
        window.resizeDocks(docks, [place.width for _, place in docked], Qt.Orientation.Horizontal)
        window.resizeDocks(docks, [place.height for _, place in docked], Qt.Orientation.Vertical)


def clamped(rectangle: Rectangle, smallest: tuple[int, int] = SMALLEST) -> QRect:
    """Return the rectangle, moved and shrunk so that it lies on a screen that exists."""
    wanted = QRect(rectangle.x, rectangle.y, rectangle.width, rectangle.height)
    screen = QGuiApplication.screenAt(wanted.center()) or QGuiApplication.primaryScreen()
    if screen is None:
        return wanted
    room = screen.availableGeometry()
    width = min(max(wanted.width(), smallest[0]), room.width())
    height = min(max(wanted.height(), smallest[1]), room.height())
    x = min(max(wanted.x(), room.left()), room.left() + room.width() - width)
    y = min(max(wanted.y(), room.top()), room.top() + room.height() - height)
    return QRect(x, y, width, height)


def _rectangle(rect: QRect) -> Rectangle:
    return Rectangle(x=rect.x(), y=rect.y(), width=max(1, rect.width()), height=max(1, rect.height()))


def _area_of(window: QMainWindow, dock: QDockWidget) -> Area:
    area = window.dockWidgetArea(dock)
    return next((ours for ours, qts in _QT_AREA.items() if qts == area), Area.RIGHT)


def _in_reading_order(docks: Iterable[QDockWidget]) -> list[QDockWidget]:
    # addDockWidget appends below the last one, so top to bottom is the order that rebuilds each side.
    return sorted(docks, key=lambda dock: (dock.y(), dock.x()))


def _tab_leader(window: QMainWindow, dock: QDockWidget, placed: set[str]) -> str:
    return next((other.objectName() for other in window.tabifiedDockWidgets(dock) if other.objectName() in placed), "")
