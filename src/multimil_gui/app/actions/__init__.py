"""Every action of the window, once: menus, toolbar, shortcuts, their dialog and the command palette are made from it."""

from __future__ import annotations

from difflib import get_close_matches

from multimil_gui.app.actions.edit import EDIT_ACTIONS
from multimil_gui.app.actions.file import FILE_ACTIONS
from multimil_gui.app.actions.record import Action, Group, Menu
from multimil_gui.app.actions.run_help import HELP_ACTIONS, RUN_ACTIONS
from multimil_gui.app.actions.view import VIEW_ACTIONS

__all__ = ["ACTIONS", "Action", "Group", "Menu", "action"]

ACTIONS: tuple[Action, ...] = (*FILE_ACTIONS, *EDIT_ACTIONS, *VIEW_ACTIONS, *RUN_ACTIONS, *HELP_ACTIONS)


def action(action_id: str) -> Action:
    """Return the action with this id.

    Raises
    ------
    KeyError
        When there is none; names the nearest one.
    """
    for candidate in ACTIONS:
        if candidate.id == action_id:
            return candidate
    near = get_close_matches(action_id, [candidate.id for candidate in ACTIONS], n=1)
    raise KeyError(f"no action {action_id!r}" + (f"; nearest: {near[0]!r}" if near else ""))
