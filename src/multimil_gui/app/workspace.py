"""The map and the panels round it, made when the first cohort is opened so that the window itself starts fast."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QMainWindow

from multimil_gui.app.decorate import decorate
from multimil_gui.app.docks import PanelDock
from multimil_gui.app.roles import Roles
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.state.session import Session
from multimil_gui.views.factory import Backend
from multimil_gui.widgets.cell_sets_panel import CellSetsPanel
from multimil_gui.widgets.color_panel import ColorPanel
from multimil_gui.widgets.distribution_panel import DistributionPanel
from multimil_gui.widgets.latent_map import LatentMap
from multimil_gui.widgets.patient_panel import PatientPanel
from multimil_gui.widgets.run_panel import RunPanel


class Workspace(QObject):
    """The parts of the workspace; the window decides where they stand.

    Parameters
    ----------
    session, runner, window
        What is shown, who runs the jobs, and where.
    training
        Folder in which unfinished training is kept.
    safe
        Draw the map by the processor, whatever graphics card there is.

    Attributes
    ----------
    map
        The central map.
    color, distribution, cell_sets, patients, run
        The panels.
    docks
        All docks.
    """

    def __init__(
        self, session: Session, runner: JobRunner, training: Path, window: QMainWindow, *, safe: bool = False
    ) -> None:
        super().__init__(window)
        self.map = LatentMap(session, Backend.RASTER if safe else None)
        self.color = ColorPanel(session)
        self.distribution = DistributionPanel(session)
        self.cell_sets = CellSetsPanel(session)
        self.patients = PatientPanel(session)
        self.run = RunPanel(session, runner, resume=training)
        self.docks = (
            PanelDock("dock_color", "Colour", self.color, window, scroll=True),
            # The map's own side column (title, colour bar, legend) has more room as a panel.
            PanelDock("dock_legend", "Legend", self.map.side, window),
            PanelDock("dock_cell_sets", "Cell sets", self.cell_sets, window),
            PanelDock("dock_patients", "Patients", self.patients, window),
            PanelDock("dock_run", "Run", self.run, window),
            PanelDock("dock_distribution", "Distribution", self.distribution, window),
        )
        self.dock("dock_patients").dockLocationChanged.connect(self._turn_patients)

    def dock(self, name: str) -> PanelDock:
        """Return the dock with this object name.

        Raises
        ------
        KeyError
            When there is none.
        """
        for dock in self.docks:
            if dock.objectName() == name:
                return dock
        raise KeyError(name)

    def _turn_patients(self, area: Qt.DockWidgetArea) -> None:
        """Put table and map of the patients side by side above or below the map, one over the other beside it."""
        flat = area in (Qt.DockWidgetArea.TopDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.patients.set_upright(not flat)

    def show_panel(self, name: str) -> None:
        """Open a panel and bring it to the front."""
        dock = self.dock(name)
        dock.show()
        dock.raise_()

    def recolor(self, roles: Roles) -> None:
        """Draw all icons in the theme's colours."""
        decorate(self.map, roles)
        for dock in self.docks:
            dock.recolor(roles)
            decorate(dock, roles)
