"""What an action is, where it stands, and when it can be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from multimil_gui.app.situation import Situation


class Menu(StrEnum):
    """The menus, in the order of the menu bar; a slash makes a submenu."""

    FILE = "&File"
    EDIT = "&Edit"
    VIEW = "&View"
    THEME = "&View/&Theme"
    TOOLS = "&View/Map &tool"
    POINTS = "&View/&Point size"
    DRAWING = "&View/Map &drawing"
    SPLIT = "&View/&Split the map"
    RUN = "&Run"
    HELP = "&Help"


class Group(StrEnum):
    """Parts of a menu or of the toolbar that a line separates."""

    OPEN = "open"
    RECENT = "recent"
    SAVE = "save"
    EXPORT = "export"
    QUERY = "query"
    LEAVE = "leave"
    HISTORY = "history"
    COPY = "copy"
    SELECT = "select"
    SETS = "sets"
    MAP = "map"
    LOOK = "look"
    PANELS = "panels"
    START = "start"
    SUBSET = "subset"
    STOP = "stop"
    FIND = "find"
    ABOUT = "about"


def always(situation: Situation) -> bool:
    """Return True whatever is open."""
    return True


def with_cohort(situation: Situation) -> bool:
    """Return whether a cohort is open."""
    return situation.cohort


def with_map(situation: Situation) -> bool:
    """Return whether there is a map to look at."""
    return situation.cohort and situation.mapped


def with_selection(situation: Situation) -> bool:
    """Return whether cells are selected."""
    return situation.cohort and situation.selected > 0


def with_fit(situation: Situation) -> bool:
    """Return whether there is a fit that new samples can be mapped onto, and no job runs."""
    return situation.fit and situation.idle


def when_idle(situation: Situation) -> bool:
    """Return whether no job runs."""
    return situation.idle


@dataclass(frozen=True)
class Action:
    """One thing the user can do.

    Attributes
    ----------
    id
        Stable name, e.g. ``"file.open_data"``.
    title
        Words in the menu and the palette, plain: "…" when a dialog follows.
    call
        Attribute path of the method on the main window, e.g. ``"files.open_data"``.
    menu, group
        Where it stands.
    tooltip
        One sentence: what it does.
    shortcut
        Keys in Qt's portable form, "" for none.
    icon
        Name of one of our icons, "" for none.
    toolbar
        Whether it is on the toolbar too.
    enabled_when
        When it can be done.
    checked_when
        For actions that are on or off: when they are on.
    missing
        What is missing while it cannot be done, one sentence; "" when that is evident.
    """

    id: str
    title: str
    call: str
    menu: Menu
    group: Group
    tooltip: str
    shortcut: str = ""
    icon: str = ""
    toolbar: bool = False
    enabled_when: Callable[[Situation], bool] = always
    checked_when: Callable[[Situation], bool] | None = None
    missing: str = ""
