"""What can be done with one level of the legend by a right click: give it another colour."""

from __future__ import annotations

from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QMenu, QWidget

from multimil_gui.state.level_colors import is_recolored, recolor_level
from multimil_gui.state.scatter_view import LegendEntry
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorKind


def level_menu(session: Session, entry: LegendEntry, parent: QWidget) -> QMenu | None:
    """Return the menu of a level, None for levels that are not of a column (cell sets have colours of their own)."""
    color = session.view.color
    if color.kind is not ColorKind.OBS or not entry.level:
        return None
    menu = QMenu(parent)
    menu.setObjectName("level_menu")
    change, back = menu.addAction("Change colour…"), menu.addAction("Back to its own colour")
    assert change is not None and back is not None
    change.triggered.connect(lambda: _ask(session, color.key, entry, parent))
    back.setEnabled(is_recolored(session, color.key, entry.level))
    back.triggered.connect(lambda: recolor_level(session, color.key, entry.level, None))
    return menu


def _ask(session: Session, column: str, entry: LegendEntry, parent: QWidget) -> None:
    dialog = QColorDialog(QColor(*entry.rgb), parent)
    dialog.setObjectName("level_color")
    dialog.setWindowTitle("Colour of the level")
    dialog.colorSelected.connect(
        lambda chosen: recolor_level(session, column, entry.level, (chosen.red(), chosen.green(), chosen.blue()))
    )
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
