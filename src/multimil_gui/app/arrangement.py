"""Where the window and its panels are: at first, as left, as a project has them, and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import QObject, Qt, QTimer

from multimil_gui.app.docks import default_places
from multimil_gui.app.layout import DockPlace, WindowLayout, apply_docks, capture, clamped, resize_docks

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow

#: Size of the window on a screen that has room for it, logical pixels.
FIRST_SIZE = (1600, 980)


class Arrangement(QObject):
    """Keeps and restores the layout of a window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._places: tuple[DockPlace, ...] = ()
        # Sizes are obeyed only once the window has laid out its new docks.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._resize)

    def place_window(self) -> None:
        """Put the window where it was left, or in the middle of the screen; on a laptop it fills the screen."""
        window = self._window
        saved = window.services.settings.values.layout
        if saved is not None:
            window.setGeometry(clamped(saved.window))
            if saved.maximized:
                window.setWindowState(window.windowState() | Qt.WindowState.WindowMaximized)
            return
        screen = window.screen()
        room = screen.availableGeometry() if screen is not None else window.geometry()
        width, height = min(room.width(), FIRST_SIZE[0]), min(room.height(), FIRST_SIZE[1])
        window.resize(width, height)
        window.move(room.left() + (room.width() - width) // 2, room.top() + (room.height() - height) // 2)

    def begin(self) -> None:
        """Put the panels where they were left, or where they are at first."""
        saved = self._window.services.settings.values.layout
        if saved is not None and saved.docks and not self._window.services.safe:
            self._arrange(saved.docks)
        else:
            self.reset()

    def reset(self) -> None:
        """Put every panel back where it belongs."""
        self._arrange(default_places(self._window.width(), self._window.height()))

    def keep(self) -> None:
        """Keep the layout with the session, so that it is saved with the project."""
        self._window.session.layout = capture(self._window, self._window.workspace.docks).model_dump(mode="json")

    def restore(self, layout: Mapping[str, Any]) -> None:
        """Put the panels where a project has them; the window itself stays where it is."""
        if not layout:
            return
        try:
            places = WindowLayout.model_validate(layout).docks
        except ValidationError:
            self._window.services.notifications.info(
                "The layout saved in the project could not be read; it is left out."
            )
            return
        self._arrange(places)

    def remember(self, *, shown: bool) -> None:
        """Write the layout to the settings; the panels' only when they are shown, else as they were last."""
        settings = self._window.services.settings
        layout = capture(self._window, self._window.workspace.docks if shown else ())
        before = settings.values.layout
        if not shown and before is not None:
            layout = layout.model_copy(update={"docks": before.docks})
        settings.set(layout=layout.model_dump())
        self._later.stop()

    def _arrange(self, places: tuple[DockPlace, ...]) -> None:
        # A layout kept by an earlier version does not know the panels that came later.
        named = {place.name for place in places}
        first = default_places(self._window.width(), self._window.height())
        places = (*places, *(place for place in first if place.name not in named))
        apply_docks(self._window, self._window.workspace.docks, places)
        self._places = places
        self._later.start()

    def _resize(self) -> None:
        by_name = {dock.objectName(): dock for dock in self._window.workspace.docks}
        resize_docks(self._window, [(by_name[place.name], place) for place in self._places if place.name in by_name])
