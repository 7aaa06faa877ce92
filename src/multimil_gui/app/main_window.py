"""The window: a start page, a page while something opens, and the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QIcon
from qtpy.QtWidgets import QMainWindow, QMenu, QSizePolicy, QStackedWidget, QTabWidget, QToolBar, QToolButton, QWidget

from multimil_gui.app.arrangement import Arrangement
from multimil_gui.app.assets import logo
from multimil_gui.app.bound_actions import BoundActions
from multimil_gui.app.busy_page import BusyPage
from multimil_gui.app.column_commands import ColumnCommands
from multimil_gui.app.dialogs import ask_stop_job
from multimil_gui.app.edit_commands import EditCommands
from multimil_gui.app.export_commands import ExportCommands
from multimil_gui.app.figure_commands import FigureCommands
from multimil_gui.app.file_commands import FileCommands
from multimil_gui.app.help_commands import HelpCommands
from multimil_gui.app.icons import icon
from multimil_gui.app.layout import SMALLEST
from multimil_gui.app.menus import RecentMenu
from multimil_gui.app.query_commands import QueryCommands
from multimil_gui.app.roles import Roles
from multimil_gui.app.run_commands import RunCommands
from multimil_gui.app.services import Services
from multimil_gui.app.situation import situation
from multimil_gui.app.status_bar import StatusBar
from multimil_gui.app.subset_commands import SubsetCommands
from multimil_gui.app.tasks import Tasks
from multimil_gui.app.toasts import ToastStack
from multimil_gui.app.view_commands import ViewCommands
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.state.session import Session
from multimil_gui.views.canvas import Tool
from multimil_gui.widgets.start_page import StartPage

if TYPE_CHECKING:
    from multimil_gui.app.workspace import Workspace
    from multimil_gui.views.plot_export import PlotWish

TITLE = "MultiMIL"


class MainWindow(QMainWindow):
    """The main window.

    Parameters
    ----------
    services
        What the program has once.

    Attributes
    ----------
    session, runner, tasks
        What is open; the job runner; the window's own jobs.
    files, edit, view, runs, exports, figures, queries, subsets, columns, help
        What the menus do.
    """

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowIcon(QIcon(logo(128)))
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setMinimumSize(*SMALLEST)
        self.services = services
        self.session = Session()
        self.runner = JobRunner(self)
        self.tasks = Tasks(self.runner, services.notifications, self)
        self._workspace: Workspace | None = None
        self._leaving = False
        self._make_pages()
        self._make_commands()
        self._make_frame()
        self._connect()
        self.arrangement = Arrangement(self)
        self.arrangement.place_window()
        self._recolor(services.theme.roles)
        self.show_start()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_pages(self) -> None:
        self.pages = QStackedWidget(self)
        self.start_page = StartPage(self.services.settings.recent, QIcon(logo(144)), self)
        self.busy_page = BusyPage(self.runner, self)
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.busy_page)
        self.setCentralWidget(self.pages)

    def _make_commands(self) -> None:
        self.actions_bound = BoundActions(self)
        self.files = FileCommands(self)
        self.edit = EditCommands(self)
        self.view = ViewCommands(self)
        self.runs = RunCommands(self)
        self.exports = ExportCommands(self)
        self.figures = FigureCommands(self)
        self.queries = QueryCommands(self)
        self.subsets = SubsetCommands(self)
        self.columns = ColumnCommands(self)
        self.help = HelpCommands(self)

    def _make_frame(self) -> None:
        self.actions_bound.fill_menu_bar()
        self.recent_menu = RecentMenu(self)
        self.panels_menu = QMenu("&Panels", self)
        self.recent_menu.place(self.actions_bound)
        self.toolbar = QToolBar("Toolbar", self)
        self.toolbar.setObjectName("toolbar")
        self.toolbar.setMovable(False)
        self.toolbar.setIconSize(QSize(20, 20))
        self.toolbar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.actions_bound.fill_toolbar(self.toolbar)
        for action_id in ("run.integrate", "run.predict"):
            button = self.toolbar.widgetForAction(self.actions_bound.qaction(action_id))
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        gap = QWidget(self)
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.toolbar.addWidget(gap)
        self.toolbar.addWidget(self._search_button())
        self.toolbar.addAction(self.actions_bound.qaction("view.toggle_theme"))
        self.addToolBar(self.toolbar)
        self.status_bar = StatusBar(self.runner, self)
        self.setStatusBar(self.status_bar)
        self.toasts = ToastStack(self, self.services.notifications, self.services.theme)

    def _search_button(self) -> QToolButton:
        action = self.actions_bound.qaction("help.palette")
        self._search = QToolButton(self)
        self._search.setObjectName("searchActions")
        self._search.setText(f"Find an action    {action.shortcut().toString(action.shortcut().NativeText)}")
        self._search.setToolTip(action.toolTip())
        self._search.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._search.setIconSize(QSize(15, 15))
        self._search.clicked.connect(action.trigger)
        return self._search

    def _connect(self) -> None:
        page = self.start_page
        page.open_data_requested.connect(self.files.open_data)
        page.open_project_requested.connect(self.files.open_project)
        page.demo_requested.connect(self.files.open_demo)
        page.path_chosen.connect(self.files.open_path)
        page.drop_refused.connect(self.services.notifications.warn)
        self.busy_page.cancel_requested.connect(self.runner.cancel)
        self.status_bar.cancel_requested.connect(self.runner.cancel)
        self.status_bar.job_clicked.connect(self.runs.show_panel)
        self.status_bar.messages_requested.connect(self.help.messages)
        self.runner.state_changed.connect(self._on_job_state)
        # Many changes make one refresh of the actions.
        self._refresh_soon = QTimer(self)
        self._refresh_soon.setSingleShot(True)
        self._refresh_soon.setInterval(0)
        self._refresh_soon.timeout.connect(self.refresh_actions)
        self.session.changed.connect(self._on_session)
        self.session.commands.changed.connect(self._on_session)
        self.session.modified_changed.connect(self._on_modified)
        self.services.theme.changed.connect(self._recolor)
        self.services.settings.changed.connect(self._on_settings)

    # -- pages ---------------------------------------------------------------------------------------------------------

    @property
    def workspace(self) -> Workspace:
        """The workspace; made when it is asked for first."""
        if self._workspace is None:
            self._workspace = self._make_workspace()
        return self._workspace

    def _make_workspace(self) -> Workspace:
        # Plots and forms are slow to import and not on the first page.
        from multimil_gui.app.workspace import Workspace

        made = Workspace(self.session, self.runner, self.services.training, self, safe=self.services.safe)
        self.pages.addWidget(made.map)
        made.map.status.connect(self.status_bar.show_map)
        made.map.tool_changed.connect(self._on_session)
        made.color.run_requested.connect(self.runs.show_panel)
        made.cell_sets.export_requested.connect(self.exports.cell_sets)
        made.cell_sets.overlap_requested.connect(self.edit.overlap)
        made.cell_sets.import_requested.connect(self.edit.import_cells)
        for dock in made.docks:
            dock.visibilityChanged.connect(self.toasts.keep_on_top)
        self._fill_panels_menu(made)
        made.recolor(self.services.theme.roles)
        return made

    def _fill_panels_menu(self, workspace: Workspace) -> None:
        for dock in workspace.docks:
            toggle = dock.toggleViewAction()
            if toggle is not None:
                toggle.setToolTip(f"Show or hide the panel {dock.windowTitle()}")
                self.panels_menu.addAction(toggle)

    def show_start(self) -> None:
        """Show the start page."""
        self._show_page(self.start_page)

    def show_busy(self, job_id: int, title: str) -> None:
        """Show that something is being opened."""
        self.busy_page.watch(job_id, title)
        self._show_page(self.busy_page)

    def show_workspace(self) -> None:
        """Show the map and its panels."""
        first = self._workspace is None
        workspace = self.workspace
        if first:
            self.runs.watch()
        self._show_page(workspace.map)
        if first:
            self.arrangement.begin()
        self.status_bar.show_map(workspace.map.status_text())

    def show_what_is_open(self) -> None:
        """Go back from the busy page."""
        if self.session.data.cohort is None:
            self.show_start()
        else:
            self.show_workspace()

    def _show_page(self, page: QWidget) -> None:
        working = self._workspace is not None and page is self._workspace.map
        if self._workspace is not None:
            for dock in self._workspace.docks:
                self._show_dock(dock, working)
        self.panels_menu.setEnabled(working)
        self.toolbar.setVisible(working)
        self.pages.setCurrentWidget(page)
        if not working:
            self.status_bar.show_map("")
        self._on_modified(self.session.modified)
        self.refresh_actions()

    def _show_dock(self, dock: QWidget, working: bool) -> None:
        """Hide a dock outside the workspace; show it again only if the user had it open."""
        if not working and not dock.isHidden():
            dock.setProperty("wanted", True)
            dock.hide()
        elif working and dock.property("wanted"):
            dock.setProperty("wanted", False)
            dock.show()

    def forget_session(self) -> None:
        """Close what is open and show the start page."""
        self.session.restore(Session().snapshot(), saved=True)
        self.show_start()

    # -- following -----------------------------------------------------------------------------------------------------

    def refresh_actions(self) -> None:
        """Enable and check the actions for what can be done now."""
        self.actions_bound.update(
            situation(
                self.session,
                self.runner.state(self.runner.current) if self.runner.current is not None else None,
                self._workspace.map.tool if self._workspace is not None else Tool.PAN,
                self.services.settings.values.theme,
                self.isFullScreen(),
            )
        )

    def export_plot(self, plot: QWidget, wish: PlotWish) -> None:
        """Ask how to write the picture or the numbers of a plot; plots call it, see ``views.plot_export``."""
        self.figures.of_plot(plot, wish)

    def tell_saved(self, path: Path) -> None:
        """Say that something was saved, with a way to its folder."""
        from multimil_gui.app.folders import saved_notification

        self.services.notifications.post(saved_notification(path))

    def _on_session(self, *_: object) -> None:
        self._refresh_soon.start()

    def _on_job_state(self, job_id: int, state: object) -> None:
        self._refresh_soon.start()

    def _on_modified(self, modified: bool) -> None:
        name = self.files.name if self.session.data.cohort is not None else ""
        self.setWindowTitle(f"{name}[*] – {TITLE}" if name else f"{TITLE}[*]")
        self.setWindowModified(modified and bool(name))

    def _on_settings(self) -> None:
        self.start_page.set_recent(self.services.settings.recent)
        self.recent_menu.fill()

    def _recolor(self, roles: Roles) -> None:
        self.actions_bound.recolor(roles)
        self.status_bar.recolor(roles)
        self._search.setIcon(icon("search", roles, roles.muted))
        if self._workspace is not None:
            self._workspace.recolor(roles)

    def changeEvent(self, event: QEvent | None) -> None:
        """Keep the full-screen action in step with the window."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.WindowStateChange:
            self._refresh_soon.start()

    # -- dropping files ------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept files anywhere on the window."""
        data = None if event is None else event.mimeData()
        if event is not None and data is not None and data.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped, as the menu would."""
        data = None if event is None else event.mimeData()
        if event is None or data is None:
            return
        event.acceptProposedAction()
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if len(paths) == 1:
            self.files.open_path(paths[0])
        else:
            self.services.notifications.warn(f"Drop one file or project at a time; these were {len(paths)}.")

    # -- leaving -------------------------------------------------------------------------------------------------------

    def may_stop_jobs(self) -> bool:
        """Return whether nothing runs any more; asks before a running job is cancelled."""
        current = self.runner.current
        if current is None:
            return True
        if not ask_stop_job(self, self.runner.title(current)):
            return False
        for job_id in (*self.runner.queued, current):
            self.runner.cancel(job_id)
        return True

    def close_without_asking(self) -> None:
        """Close, whatever is unsaved or running."""
        self._leaving = True
        self.close()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Ask only when something would be lost; then end the jobs and leave nothing behind."""
        if event is None:
            return
        unasked = self._leaving
        if not unasked and not (self.may_stop_jobs() and self.files.may_leave()):
            event.ignore()
            return
        self._leaving = True
        self.arrangement.remember(shown=self.pages.currentWidget() not in (self.start_page, self.busy_page))
        self.runner.shutdown()
        self.files.project.end(keep_draft=unasked)
        self._refresh_soon.stop()
        self.toasts.clear()
        self._disconnect()
        event.accept()

    def _disconnect(self) -> None:
        for signal, slot in (
            (self.session.changed, self._on_session),
            (self.session.commands.changed, self._on_session),
            (self.session.modified_changed, self._on_modified),
            (self.services.theme.changed, self._recolor),
            (self.services.settings.changed, self._on_settings),
        ):
            signal.disconnect(slot, missing_ok=True)
