"""What one running program has once, handed to the window that needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qtpy.QtWidgets import QApplication

from multimil_gui.app.hooks import Hooks
from multimil_gui.app.notifications import Notifications
from multimil_gui.app.settings import Settings, settings_file, stores_folder
from multimil_gui.app.theme import Theme


@dataclass(frozen=True)
class Services:
    """Parts that live as long as the program.

    Attributes
    ----------
    app
        The Qt application.
    hooks
        Where everything that goes wrong ends.
    settings
        What is remembered between sessions.
    theme
        Light or dark.
    notifications
        Quiet messages.
    stores
        Folder of opened data.
    safe
        Do without what may have crashed: the graphics card and the kept arrangement of panels.
    """

    app: QApplication
    hooks: Hooks
    settings: Settings
    theme: Theme
    notifications: Notifications
    stores: Path
    safe: bool = False

    @property
    def drafts(self) -> Path:
        """Folder of sessions never saved; beside the stores, so that the data need no second copy."""
        return self.stores.parent / "drafts"

    @property
    def training(self) -> Path:
        """Folder of training that has not finished, so that it goes on after a crash."""
        return self.stores.parent / "training"


def make_services(
    app: QApplication, hooks: Hooks, settings_path: Path | None = None, *, safe: bool = False
) -> Services:
    """Make the parts and connect them; the theme is applied before anything is shown.

    Parameters
    ----------
    app
        The Qt application.
    hooks
        Already installed.
    settings_path
        The settings file, None for the user's own.
    safe
        See :class:`Services`.
    """
    settings = Settings(settings_path or settings_file())
    theme = Theme(app)
    theme.apply(settings.values.theme)
    notifications = Notifications()
    hooks.listen(notifications.take_incident)
    if settings.problem:
        notifications.warn(settings.problem)
    return Services(app, hooks, settings, theme, notifications, stores_folder(), safe)
