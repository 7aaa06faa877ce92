"""Puts our icons on the buttons of the embeddable widgets, which know no icons of their own."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QAbstractButton, QToolButton, QWidget
from superqt import QCollapsible

from multimil_gui.app.icons import icon
from multimil_gui.app.roles import Roles

#: Icon by the button's object name.
BUTTON_ICONS = {
    "tool_pan": "pan",
    "tool_lasso": "lasso",
    "tool_polygon": "polygon",
    "tool_rectangle": "rectangle",
    "tool_brush": "brush",
    "map_show": "layers",
    "map_fit": "fit",
}


def decorate(root: QWidget, roles: Roles) -> None:
    """Give every known button below ``root`` its icon in the theme's colours."""
    for button in root.findChildren(QAbstractButton):
        name = BUTTON_ICONS.get(button.objectName())
        if name is None:
            continue
        primary = bool(button.property("primary"))
        button.setIcon(icon(name, roles, roles.on_accent if primary else None))
        button.setIconSize(QSize(16, 16))
        if isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    for section in root.findChildren(QCollapsible):
        # superqt draws these letters once, in the text colour of that moment.
        section.setCollapsedIcon("▸")
        section.setExpandedIcon("▾")
