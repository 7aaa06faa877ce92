"""Colours that the user gives to levels of a column by hand; every change can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multimil_gui.state.view import LevelColor

if TYPE_CHECKING:
    from multimil_gui.state.session import Session


def recolor_level(session: Session, column: str, level: str, rgb: tuple[int, int, int] | None) -> None:
    """Give a level of an obs column another colour; None gives it back the one of the file or of the palette."""
    kept = tuple(entry for entry in session.view.level_colors if (entry.column, entry.level) != (column, level))
    new = kept if rgb is None else (*kept, LevelColor(column, level, rgb))
    session.set_view(level_colors=new)


def is_recolored(session: Session, column: str, level: str) -> bool:
    """Return whether a level has a colour by hand."""
    return any((entry.column, entry.level) == (column, level) for entry in session.view.level_colors)
