"""The panels round the map, where they are at first, and how they look."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QDockWidget, QFrame, QHBoxLayout, QLabel, QMainWindow, QScrollArea, QToolButton, QWidget

from multimil_gui.app.icons import icon
from multimil_gui.app.layout import Area, DockPlace
from multimil_gui.app.roles import Roles

#: From this height (logical pixels) the cell sets stand below the patients instead of behind them.
TALL = 900
WIDE = 1700
COLOR_HEIGHT = 390


class PanelDock(QDockWidget):
    """A dock with a flat title; as a tab it shows no title, because the tab is its title.

    Parameters
    ----------
    name
        Object name, kept in saved layouts.
    title
        Words on the title and in the View menu.
    content
        The panel; put into a scroll area when ``scroll``.
    window
        The window.
    """

    def __init__(self, name: str, title: str, content: QWidget, window: QMainWindow, *, scroll: bool = False) -> None:
        super().__init__(title, window)
        self.setObjectName(name)
        self._window = window
        self._bar = _DockTitle(self)
        self._no_bar = QWidget(self)
        self._no_bar.setFixedHeight(0)
        self.setTitleBarWidget(self._bar)
        self.setWidget(_Scroll(content) if scroll else content)
        for signal in (self.visibilityChanged, self.topLevelChanged, self.dockLocationChanged):
            signal.connect(self._show_title)

    def recolor(self, roles: Roles) -> None:
        """Draw the title's icons in the theme's colours."""
        self._bar.recolor(roles)

    def _show_title(self) -> None:
        for dock in (self, *self._window.tabifiedDockWidgets(self)):
            if isinstance(dock, PanelDock):
                dock.update_title()

    def update_title(self) -> None:
        """Show or hide the title, as a tab or not."""
        tabbed = bool(self._window.tabifiedDockWidgets(self)) and not self.isFloating()
        wanted = self._no_bar if tabbed else self._bar
        if self.titleBarWidget() is not wanted:
            self.setTitleBarWidget(wanted)
            wanted.setVisible(True)
            (self._bar if tabbed else self._no_bar).setVisible(False)


class _DockTitle(QFrame):
    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self.setObjectName("dockTitle")
        self._dock = dock
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 5, 6, 5)
        row.setSpacing(2)
        words = QLabel(dock.windowTitle(), self)
        words.setTextFormat(Qt.TextFormat.PlainText)
        row.addWidget(words, 1)
        self._float = self._button("Make it a window of its own, or put it back", "Float")
        self._float.clicked.connect(self._toggle_floating)
        self._close = self._button("Close the panel (the View menu opens it again)", "Close")
        self._close.clicked.connect(self._close_dock)
        row.addWidget(self._float)
        row.addWidget(self._close)

    def _button(self, tooltip: str, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setToolTip(tooltip)
        button.setAccessibleName(f"{name} {self._dock.windowTitle()}")
        button.setIconSize(QSize(13, 13))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return button

    def _toggle_floating(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())

    def _close_dock(self) -> None:
        self._dock.close()

    def recolor(self, roles: Roles) -> None:
        self._float.setIcon(icon("float", roles, roles.muted))
        self._close.setIcon(icon("close", roles, roles.muted))


class _Scroll(QScrollArea):
    """Scrolls up and down only: it is never narrower than its content."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setObjectName("dockBody")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)

    def minimumSizeHint(self) -> QSize:
        """Leave room for the content and the scroll bar beside it."""
        content, bar = self.widget(), self.verticalScrollBar()
        width = (content.minimumSizeHint().width() if content is not None else 0) + (
            bar.sizeHint().width() if bar is not None else 0
        )
        return QSize(width, 80)


def default_places(width: int, height: int) -> tuple[DockPlace, ...]:
    """Return where the docks are at first in a window of this size (logical pixels)."""
    left = 320 if width >= WIDE else 276
    right = 520 if width >= WIDE else 384
    inner = max(300, height - 110)
    tall = height >= TALL
    upper, lower = (int(inner * 0.62), int(inner * 0.38)) if tall else (inner, inner)
    return (
        DockPlace(name="dock_color", area=Area.LEFT, width=left, height=COLOR_HEIGHT),
        DockPlace(name="dock_legend", area=Area.LEFT, width=left, height=inner - COLOR_HEIGHT),
        DockPlace(name="dock_patients", area=Area.RIGHT, width=right, height=upper, on_top=True),
        DockPlace(name="dock_run", area=Area.RIGHT, width=right, height=upper, tab_of="dock_patients"),
        DockPlace(
            name="dock_cell_sets", area=Area.RIGHT, width=right, height=lower, tab_of="" if tall else "dock_patients"
        ),
        DockPlace(
            name="dock_distribution",
            area=Area.RIGHT,
            width=right,
            height=lower,
            tab_of="dock_cell_sets" if tall else "dock_patients",
        ),
    )
