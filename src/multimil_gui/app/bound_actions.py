"""The declared actions as QActions of one window: each made once, shared by menus, toolbar and palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from qtpy.QtCore import QObject, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAction, QMainWindow, QMenu, QToolBar

from multimil_gui.app.actions import ACTIONS, Action, Group, Menu
from multimil_gui.app.icons import icon
from multimil_gui.app.roles import Roles
from multimil_gui.app.situation import Situation


class BoundActions(QObject):
    """QActions of every :class:`Action`, bound to the methods of a window.

    Parameters
    ----------
    window
        The window; ``Action.call`` is looked up on it when the action is triggered.
    """

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._situation = Situation()
        self._made = {action.id: self._make(action) for action in ACTIONS}
        self.menus: dict[Menu, QMenu] = {}

    def qaction(self, action_id: str) -> QAction:
        """Return the QAction of an action."""
        return self._made[action_id]

    def update(self, situation: Situation) -> None:
        """Enable and check every action for the present situation; undo and redo say what they would do."""
        self._situation = situation
        for action in ACTIONS:
            made = self._made[action.id]
            enabled = action.enabled_when(situation)
            made.setEnabled(enabled)
            if action.missing:
                made.setToolTip(_tooltip(action) if enabled else f"{_tooltip(action)}\n{action.missing}")
                made.setStatusTip(action.tooltip if enabled else action.missing)
            if action.checked_when is not None:
                made.setChecked(action.checked_when(situation))
        for action_id, verb, label in (
            ("edit.undo", "Undo", situation.undo),
            ("edit.redo", "Redo", situation.redo),
        ):
            # The label holds names from the data: an & must not become a mnemonic.
            words = f"{verb} “{label[0].lower() + label[1:]}”" if label else verb
            self._made[action_id].setText(words.replace("&", "&&"))

    def enabled(self, action: Action) -> bool:
        """Return whether the action can be done now."""
        return action.enabled_when(self._situation)

    def trigger(self, action_id: str) -> None:
        """Do the action if it can be done now."""
        self._made[action_id].trigger()

    def recolor(self, roles: Roles) -> None:
        """Draw the icons in the theme's colours."""
        for action in ACTIONS:
            if action.icon:
                self._made[action.id].setIcon(icon(action.icon, roles))

    def fill_menu_bar(self) -> None:
        """Make the menus of the window, with a line between groups."""
        for menu in Menu:
            target = self._menu(menu)
            self._fill(target, [action for action in ACTIONS if action.menu is menu])

    def fill_toolbar(self, toolbar: QToolBar) -> None:
        """Put the toolbar's actions on it, with a line between groups."""
        self._fill(toolbar, [action for action in ACTIONS if action.toolbar])

    def _fill(self, target: QMenu | QToolBar, actions: Iterable[Action]) -> None:
        group: Group | None = None
        for action in actions:
            if group is not None and action.group is not group:
                target.addSeparator()
            group = action.group
            target.addAction(self._made[action.id])

    def _menu(self, menu: Menu) -> QMenu:
        if menu not in self.menus:
            head, _, tail = menu.value.rpartition("/")
            parent: Any = self._menu(Menu(head)) if head else self._window.menuBar()
            made = parent.addMenu(tail)
            made.setObjectName(menu.name)
            made.setToolTipsVisible(True)
            self.menus[menu] = made
        return self.menus[menu]

    def _make(self, action: Action) -> QAction:
        made = QAction(action.title, self._window)
        made.setObjectName(action.id)
        made.setCheckable(action.checked_when is not None)
        made.setMenuRole(QAction.MenuRole.NoRole)
        keys = QKeySequence(action.shortcut)
        if action.shortcut:
            made.setShortcut(keys)
            made.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        made.setToolTip(_tooltip(action))
        made.setStatusTip(action.tooltip)
        made.setProperty("call", action.call)
        made.triggered.connect(self._on_triggered)
        self._window.addAction(made)
        return made

    def _on_triggered(self) -> None:
        made = self.sender()
        if isinstance(made, QAction):
            target(self._window, str(made.property("call")))()


def _tooltip(action: Action) -> str:
    native = QKeySequence(action.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{action.title.rstrip('…')}: {action.tooltip}" + (f" ({native})" if native else "")


def target(window: object, call: str) -> Callable[[], object]:
    """Return the method at an attribute path, e.g. ``"files.open_data"``."""
    return reduce(getattr, call.split("."), window)  # type: ignore[return-value]
