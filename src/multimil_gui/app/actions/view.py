"""The View menu."""

from __future__ import annotations

from multimil_gui.app.actions.record import Action, Group, Menu, with_cohort, with_map
from multimil_gui.app.theme import ThemeChoice
from multimil_gui.state.view import SPLIT_BY_MODALITY, Drawing
from multimil_gui.views.canvas import Tool


def _tool(tool: Tool, title: str, key: str, tooltip: str) -> Action:
    return Action(
        f"view.tool_{tool.value}",
        title,
        f"view.use_{tool.value}",
        Menu.TOOLS,
        Group.MAP,
        tooltip,
        key,
        tool.value,
        enabled_when=with_map,
        checked_when=lambda situation: situation.tool is tool,
    )


def _drawing(drawing: Drawing, title: str, key: str, tooltip: str) -> Action:
    return Action(
        f"view.draw_{drawing.value}",
        title,
        f"view.draw_{drawing.value}",
        Menu.DRAWING,
        Group.MAP,
        tooltip,
        f"Ctrl+Alt+{key}",
        enabled_when=with_map,
        checked_when=lambda situation: situation.drawing is drawing,
    )


def _theme(choice: ThemeChoice, title: str, icon: str, tooltip: str) -> Action:
    return Action(
        f"view.theme_{choice.value}",
        title,
        f"view.theme_{choice.value}",
        Menu.THEME,
        Group.LOOK,
        tooltip,
        icon=icon,
        checked_when=lambda situation: situation.theme is choice,
    )


VIEW_ACTIONS = (
    Action(
        "view.fit",
        "Fit the map",
        "view.fit",
        Menu.VIEW,
        Group.MAP,
        "Show all cells (double-click does it too).",
        "F",
        "fit",
        enabled_when=with_map,
    ),
    _tool(Tool.PAN, "Pan", "P", "Drag moves the map; the wheel zooms about the cursor."),
    _tool(Tool.LASSO, "Lasso", "L", "Draw around cells to select them; Shift adds, Alt takes away, both intersect."),
    _tool(
        Tool.POLYGON,
        "Polygon",
        "G",
        "Click the corners of a region; Enter or a double-click closes it, Backspace takes the last corner back.",
    ),
    _tool(Tool.RECTANGLE, "Rectangle", "R", "Select the cells in a rectangle; Shift adds, Alt takes away."),
    _tool(Tool.BRUSH, "Brush", "B", "Paint over cells to select them; [ and ] or Shift + wheel change the brush."),
    _drawing(Drawing.POINTS, "Points", "1", "Draw every cell as a point."),
    _drawing(Drawing.DENSITY, "Density", "2", "Draw squares coloured by how many cells they hold."),
    _drawing(Drawing.MEAN, "Mean colour", "3", "Draw squares coloured by the mean of the shown value of their cells."),
    Action(
        "view.toggle_contours",
        "Contours",
        "view.toggle_contours",
        Menu.DRAWING,
        Group.LOOK,
        "Draw lines that hold 10, 25, 50, 75 and 90 % of the shown cells.",
        "C",
        enabled_when=with_map,
        checked_when=lambda situation: situation.contours,
    ),
    Action(
        "view.split_nothing",
        "One map",
        "view.split_nothing",
        Menu.SPLIT,
        Group.MAP,
        "Show all cells on one map.",
        enabled_when=with_map,
        checked_when=lambda situation: not situation.split,
    ),
    Action(
        "view.split_phenotype",
        "By phenotype",
        "view.split_phenotype",
        Menu.SPLIT,
        Group.MAP,
        "Show one map for each level of the phenotype, all looking at the same place.",
        enabled_when=with_map,
    ),
    Action(
        "view.split_sample",
        "By sample",
        "view.split_sample",
        Menu.SPLIT,
        Group.MAP,
        "Show one map for each sample, of at most the 12 largest.",
        enabled_when=with_map,
    ),
    Action(
        "view.split_modality",
        "By measured modalities",
        "view.split_modality",
        Menu.SPLIT,
        Group.MAP,
        "Show one map for each combination of modalities that was measured in cells.",
        enabled_when=with_map,
        checked_when=lambda situation: situation.split == SPLIT_BY_MODALITY,
    ),
    Action(
        "view.points_bigger",
        "Bigger points",
        "view.points_bigger",
        Menu.POINTS,
        Group.MAP,
        "Draw the cells one pixel bigger.",
        "Ctrl++",
        "points-bigger",
        enabled_when=with_map,
    ),
    Action(
        "view.points_smaller",
        "Smaller points",
        "view.points_smaller",
        Menu.POINTS,
        Group.MAP,
        "Draw the cells one pixel smaller.",
        "Ctrl+-",
        "points-smaller",
        enabled_when=with_map,
    ),
    Action(
        "view.points_auto",
        "Automatic",
        "view.points_auto",
        Menu.POINTS,
        Group.MAP,
        "Choose the point size from the density of the cells.",
        "Ctrl+0",
        "point",
        enabled_when=with_map,
    ),
    _theme(ThemeChoice.SYSTEM, "Like the desktop", "system", "Follow the desktop's light or dark setting."),
    _theme(ThemeChoice.LIGHT, "Light", "sun", "Dark text on a light window."),
    _theme(ThemeChoice.DARK, "Dark", "moon", "Light text on a dark window."),
    Action(
        "view.toggle_theme",
        "Switch between light and dark",
        "view.toggle_theme",
        Menu.THEME,
        Group.PANELS,
        "Use the other theme.",
        "Ctrl+Shift+T",
        "moon",
    ),
    Action(
        "view.reset_layout",
        "Reset layout",
        "view.reset_layout",
        Menu.VIEW,
        Group.PANELS,
        "Put every panel back where it belongs.",
        icon="layout",
        enabled_when=with_cohort,
    ),
    Action(
        "view.full_screen",
        "Full screen",
        "view.toggle_full_screen",
        Menu.VIEW,
        Group.LOOK,
        "Let the window fill the screen.",
        "F11",
        checked_when=lambda situation: situation.full_screen,
    ),
)
