"""Light and dark: one palette and one style sheet made from colour roles, our typeface, and who follows them."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from importlib.resources import as_file, files

from psygnal import Signal
from qtpy.QtGui import QColor, QFont, QFontDatabase, QPalette
from qtpy.QtWidgets import QApplication, QStyleFactory

from multimil_gui.app.roles import ROLES, Roles, ThemeName, as_mapping


class ThemeChoice(StrEnum):
    """What the user asked for: a theme, or whatever the desktop uses."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


FONT_FAMILY = "Inter"
FONT_POINTS = 9.75
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


class Theme:
    """The theme of one application.

    Attributes
    ----------
    changed
        Signal, emitted with the new :class:`Roles` after palette and style sheet have been applied.
    """

    changed = Signal(Roles)

    def __init__(self, app: QApplication) -> None:
        self._app = app
        self._system = desktop_theme(app)
        self._name: ThemeName | None = None
        app.setStyle(QStyleFactory.create("Fusion"))
        load_fonts(app)

    @property
    def name(self) -> ThemeName:
        """The theme in use; light before the first :meth:`apply`."""
        return self._name or ThemeName.LIGHT

    @property
    def roles(self) -> Roles:
        """Colours of the theme in use."""
        return ROLES[self.name]

    def apply(self, choice: ThemeChoice) -> None:
        """Use a theme everywhere; cheap when it is already in use."""
        name = self._system if choice is ThemeChoice.SYSTEM else ThemeName(choice.value)
        if name is self._name:
            return
        self._name = name
        self._app.setPalette(palette(self.roles))
        self._app.setStyleSheet(style_sheet(name))
        self.changed.emit(self.roles)


def desktop_theme(app: QApplication) -> ThemeName:
    """Return the theme that the desktop uses, judged before our own palette is set."""
    if sys.platform == "win32":
        dark = _windows_prefers_dark()
    else:
        system = app.palette()
        dark = (
            system.color(QPalette.ColorRole.Window).lightness()
            < system.color(QPalette.ColorRole.WindowText).lightness()
        )
    return ThemeName.DARK if dark else ThemeName.LIGHT


def _windows_prefers_dark() -> bool:
    import winreg

    path = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:  # type: ignore[attr-defined,unused-ignore]
            return winreg.QueryValueEx(key, "AppsUseLightTheme")[0] == 0  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False


def load_fonts(app: QApplication) -> None:
    """Use the bundled typeface, so that texts fit and look alike on every machine."""
    for name in ("Inter-Regular.otf", "Inter-SemiBold.otf"):
        QFontDatabase.addApplicationFontFromData((files("multimil_gui") / "_assets" / "fonts" / name).read_bytes())
    font = QFont(FONT_FAMILY)
    font.setPointSizeF(FONT_POINTS)
    font.setStyleStrategy(QFont.StyleStrategy.PreferAntialias)
    app.setFont(font)


def palette(roles: Roles) -> QPalette:
    """Return the Qt palette of the roles; widgets that paint themselves take their colours from it.

    Window is the panel background, Base that of plots and tables, PlaceholderText secondary text, Mid thin lines,
    Highlight the accent.
    """
    result = QPalette()
    active = {
        QPalette.ColorRole.Window: roles.panel,
        QPalette.ColorRole.WindowText: roles.text,
        QPalette.ColorRole.Base: roles.canvas,
        QPalette.ColorRole.AlternateBase: roles.panel,
        QPalette.ColorRole.Text: roles.text,
        QPalette.ColorRole.Button: roles.panel,
        QPalette.ColorRole.ButtonText: roles.text,
        QPalette.ColorRole.BrightText: roles.error,
        QPalette.ColorRole.Highlight: roles.accent,
        QPalette.ColorRole.HighlightedText: roles.on_accent,
        QPalette.ColorRole.Link: roles.accent_text,
        QPalette.ColorRole.LinkVisited: roles.accent_text,
        QPalette.ColorRole.ToolTipBase: roles.raised,
        QPalette.ColorRole.ToolTipText: roles.text,
        QPalette.ColorRole.PlaceholderText: roles.muted,
        QPalette.ColorRole.Light: roles.raised,
        QPalette.ColorRole.Midlight: roles.border,
        QPalette.ColorRole.Mid: roles.border_strong,
        QPalette.ColorRole.Dark: roles.border_strong,
        QPalette.ColorRole.Shadow: roles.border_strong,
    }
    for role, color in active.items():
        result.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(roles.disabled))
    result.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Highlight, QColor(roles.border_strong))
    return result


def style_sheet(name: ThemeName) -> str:
    """Return the style sheet with every ``{{role}}`` filled in.

    Raises
    ------
    KeyError
        When the template names a role that does not exist.
    """
    themes = files("multimil_gui") / "_assets" / "themes"
    with as_file(themes / name.value) as marks:
        values = as_mapping(ROLES[name]) | {"marks": marks.as_posix()}
    template = (themes / "style.qss").read_text(encoding="utf-8")
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)
