"""The View menu: tools, point size, theme and layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from multimil_gui.app.roles import ThemeName
from multimil_gui.app.theme import ThemeChoice
from multimil_gui.state.view import SPLIT_BY_MODALITY, Drawing
from multimil_gui.views.canvas import Tool

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow

_START_SIZE = 4.0
_SIZES = (1.0, 24.0)


class ViewCommands(QObject):
    """What the View menu does."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    def fit(self) -> None:
        """Show all cells."""
        self._window.workspace.map.fit()

    def use_pan(self) -> None:
        """Let dragging move the map."""
        self._use(Tool.PAN)

    def use_lasso(self) -> None:
        """Let dragging draw a lasso."""
        self._use(Tool.LASSO)

    def use_rectangle(self) -> None:
        """Let dragging draw a rectangle."""
        self._use(Tool.RECTANGLE)

    def use_polygon(self) -> None:
        """Let clicks draw a polygon."""
        self._use(Tool.POLYGON)

    def use_brush(self) -> None:
        """Let dragging paint."""
        self._use(Tool.BRUSH)

    def draw_points(self) -> None:
        """Draw every cell as a point."""
        self._window.session.set_view(drawing=Drawing.POINTS)

    def draw_density(self) -> None:
        """Draw squares by their number of cells."""
        self._window.session.set_view(drawing=Drawing.DENSITY)

    def draw_mean(self) -> None:
        """Draw squares by the mean of the shown value."""
        self._window.session.set_view(drawing=Drawing.MEAN)

    def toggle_contours(self) -> None:
        """Draw contours, or none."""
        session = self._window.session
        session.set_view(contours=not session.view.contours)

    def split_nothing(self) -> None:
        """Show one map."""
        self._window.session.set_view(split="")

    def split_phenotype(self) -> None:
        """Show one map for each level of the phenotype."""
        columns = self._window.session.data.columns
        self._window.session.set_view(split=(columns.target if columns is not None else None) or "")

    def split_sample(self) -> None:
        """Show one map for each sample."""
        columns = self._window.session.data.columns
        self._window.session.set_view(split=columns.sample if columns is not None else "")

    def split_modality(self) -> None:
        """Show one map for each combination of measured modalities."""
        self._window.session.set_view(split=SPLIT_BY_MODALITY)

    def points_bigger(self) -> None:
        """Draw the cells a pixel bigger."""
        self._resize_points(1.0)

    def points_smaller(self) -> None:
        """Draw the cells a pixel smaller."""
        self._resize_points(-1.0)

    def points_auto(self) -> None:
        """Choose the point size from the density."""
        self._window.session.set_view(point_size=None)

    def theme_system(self) -> None:
        """Follow the desktop."""
        self._choose(ThemeChoice.SYSTEM)

    def theme_light(self) -> None:
        """Use the light theme."""
        self._choose(ThemeChoice.LIGHT)

    def theme_dark(self) -> None:
        """Use the dark theme."""
        self._choose(ThemeChoice.DARK)

    def toggle_theme(self) -> None:
        """Use the other theme."""
        dark = self._window.services.theme.name is ThemeName.DARK
        self._choose(ThemeChoice.LIGHT if dark else ThemeChoice.DARK)

    def reset_layout(self) -> None:
        """Put every panel back."""
        self._window.arrangement.reset()

    def toggle_full_screen(self) -> None:
        """Fill the screen, or stop doing so."""
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()
        self._window.refresh_actions()

    def _use(self, tool: Tool) -> None:
        self._window.workspace.map.set_tool(tool)
        self._window.refresh_actions()

    def _resize_points(self, step: float) -> None:
        now = self._window.session.view.point_size or _START_SIZE
        self._window.session.set_view(point_size=min(max(now + step, _SIZES[0]), _SIZES[1]))

    def _choose(self, choice: ThemeChoice) -> None:
        self._window.services.settings.set(theme=choice)
        self._window.services.theme.apply(choice)
        self._window.refresh_actions()
