"""Opening and saving: data through a checked mapping, projects exactly as they were left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QDialog

from multimil_gui.app.dialogs import (
    Leave,
    Recover,
    ask_data_file,
    ask_leave,
    ask_new_project,
    ask_project,
    ask_recover,
    data_path,
)
from multimil_gui.app.drafts import Draft, find_drafts, remove_draft_folder
from multimil_gui.app.opening import DEMO_NAME, cohort_job, demo_job, import_job
from multimil_gui.app.project_keeper import OpenedProject, ProjectKeeper, open_project_job
from multimil_gui.core.errors import Refusal
from multimil_gui.jobs.states import JobState
from multimil_gui.project.project import SUFFIX
from multimil_gui.widgets.start_page import DATA_SUFFIXES, OPENED

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.data.cohort import Cohort
    from multimil_gui.data.store import Store
    from multimil_gui.widgets.mapping_dialog import Mapping


class FileCommands(QObject):
    """What the File menu does, but the exports.

    Signals
    -------
    mapping_asked(object)
        The mapping dialog is open (it is the argument).
    opened()
        A cohort or project is open now.
    """

    mapping_asked = Signal(object)
    opened = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._services = window.services
        self.project = ProjectKeeper(window.session, window.services.notifications, self._services.drafts, self)
        self.name = ""
        self._train_demo = False

    # -- asking --------------------------------------------------------------------------------------------------------

    def open_data(self) -> None:
        """Ask for a data file and open it."""
        path = ask_data_file(self._window, self._services.settings)
        if path is not None:
            self.open_path(path)

    def open_project(self) -> None:
        """Ask for a project and open it."""
        path = ask_project(self._window, self._services.settings)
        if path is not None:
            self.open_path(path)

    def open_path(self, path: Path) -> None:
        """Open a data file or a project; says so when it is neither, or while something else is being opened."""
        path = data_path(path)
        if self._window.runner.busy:
            self._services.notifications.info("Something is still running. Wait for it to end, or cancel it first.")
        elif not path.exists():
            self._services.notifications.warn(f"“{path.name}” is no longer there: {path.parent}")
        elif path.suffix.lower() == SUFFIX or path.name == "project.json":
            self._open_project_path(path.parent if path.name == "project.json" else path)
        elif not (path.is_dir() or path.name.lower().endswith(DATA_SUFFIXES)):
            what = f"“{path.name}” is no file this program opens. It opens {OPENED}, and {SUFFIX} projects."
            self._services.notifications.warn(what)
        elif self.may_leave():
            self._import(path, import_job, path, self._services.stores)

    def open_demo(self) -> None:
        """Open the demo cohort and train on it."""
        if self.may_leave():
            self._train_demo = True
            self._import(Path(DEMO_NAME), demo_job, self._services.stores)

    def open_demo_by_hand(self) -> None:
        """Open the demo cohort as if it were the user's file: with the mapping dialog, and without training."""
        if self.may_leave():
            self._import(Path(DEMO_NAME), demo_job, self._services.stores, ask=True)

    # -- data ----------------------------------------------------------------------------------------------------------

    def _import(self, source: Path, function: Callable[..., Store], *arguments: object, ask: bool = False) -> None:
        is_demo = function is demo_job
        title = "Opening the demo cohort" if is_demo else f"Opening {source.name}"

        def done(store: Store) -> None:
            self._ask_mapping(store, None if is_demo else source, ask or not is_demo)

        job_id = self._window.tasks.submit(function, *arguments, title=title, done=done, ended=self._on_ended)
        self._window.show_busy(job_id, title)

    def _ask_mapping(self, store: Store, source: Path | None, ask: bool) -> None:
        from multimil_gui.widgets.mapping_dialog import MappingDialog

        dialog = MappingDialog(store, parent=self._window)

        def on_finished(result: int) -> None:
            mapping = dialog.mapping()
            dialog.deleteLater()
            if result == QDialog.DialogCode.Accepted:
                self._build(store, mapping, source)
            else:
                self._train_demo = False
                self._window.show_what_is_open()

        dialog.finished.connect(on_finished)
        if not ask and dialog.panel.is_valid():
            # The demo's own columns need no questions.
            dialog.accept()
            return
        dialog.open()
        self.mapping_asked.emit(dialog)

    def _build(self, store: Store, mapping: Mapping, source: Path | None) -> None:
        def done(cohort: Cohort) -> None:
            self.project.release()
            self._window.session.open_store(store)
            self._window.session.set_cohort(cohort, mapping.columns)
            # Opening is no work that could be lost.
            self._window.session.mark_saved()
            self.show_as(source.stem if source is not None else "Demo cohort")
            self._window.runs.start_from(mapping.latent)
            if source is not None:
                self._services.settings.add_recent(source)
            self._after_opening()

        job_id = self._window.tasks.submit(
            cohort_job, store, mapping.columns, title="Checking the cohort", done=done, ended=self._on_ended
        )
        self._window.show_busy(job_id, "Checking the cohort")

    def _after_opening(self) -> None:
        train, self._train_demo = self._train_demo, False
        self.opened.emit()
        if train:
            self._window.runs.start_demo()

    def _on_ended(self, state: JobState) -> None:
        if state in (JobState.CANCELLED, JobState.FAILED):
            self._train_demo = False
            self._window.show_what_is_open()

    # -- projects ------------------------------------------------------------------------------------------------------

    def _open_project_path(self, path: Path) -> None:
        if not self.may_leave():
            return

        def done(opened: OpenedProject) -> None:
            self.project.adopt(opened)
            self.show_as(opened.project.name)
            self._window.arrangement.restore(opened.opened.session.layout)
            self._services.settings.add_recent(opened.project.path)
            self._tell_findings(opened)
            self.opened.emit()

        title = f"Opening {path.stem}"
        if self.project.path == path.resolve():
            # Its own lock would make the project read-only.
            self.project.release()
        job_id = self._window.tasks.submit(open_project_job, path, title=title, done=done, ended=self._on_ended)
        self._window.show_busy(job_id, title)

    def offer_drafts(self) -> None:
        """Offer the unsaved work of a program that ended without asking, the newest first."""
        for draft in find_drafts(self._services.drafts):
            answer = ask_recover(self._window, draft.source, draft.changed)
            if answer is Recover.DISCARD:
                remove_draft_folder(draft.path)
            elif answer is Recover.OPEN:
                self._recover(draft)
                return

    def _recover(self, draft: Draft) -> None:
        def done(opened: OpenedProject) -> None:
            self.project.adopt(opened)
            self.show_as(Path(draft.source).stem)
            self._window.arrangement.restore(opened.opened.session.layout)
            self._services.notifications.info("Your unsaved work is here again. Save it to keep it.")
            self.opened.emit()

        title = f"Recovering {draft.source}"
        job_id = self._window.tasks.submit(open_project_job, draft.path, title=title, done=done, ended=self._on_ended)
        self._window.show_busy(job_id, title)

    def _tell_findings(self, opened: OpenedProject) -> None:
        # The least urgent first: what is told last is read first.
        if opened.checked.remark():
            self._services.notifications.info(opened.checked.remark(), details=opened.checked.report())
        if opened.opened.recovered:
            self._services.notifications.info(
                "Edits that were not saved before the program ended are here again. Save to keep them."
            )
        if opened.project.read_only:
            reason = opened.project.read_only_reason
            self._services.notifications.warn(f"This project is open for reading only: {reason}")
        for note in opened.opened.notes:
            if note != opened.project.read_only_reason:
                self._services.notifications.warn(note)

    def save(self) -> bool:
        """Save the project, asking for a name the first time; return whether it was saved."""
        if self.project.path is None or self.project.read_only:
            return self.save_as()
        return self._saved(self.project.save)

    def save_as(self) -> bool:
        """Save under a new name; return whether it was saved."""
        path = ask_new_project(self._window, self._services.settings, self.name or "project")
        return path is not None and self.save_to(path)

    def save_to(self, path: Path) -> bool:
        """Save into a new project at ``path``; return whether it was saved."""

        def save() -> None:
            self.project.save_as(path)

        if not self._saved(save):
            return False
        self.show_as(path.stem)
        self._services.settings.add_recent(path)
        return True

    def _saved(self, save: Callable[[], None]) -> bool:
        self._window.arrangement.keep()
        try:
            save()
        except Refusal as error:
            self._services.notifications.warn(f"Not saved. {error}")
            return False
        path = self.project.path
        if path is not None:
            self._window.tell_saved(path)
        return True

    # -- leaving -------------------------------------------------------------------------------------------------------

    def may_leave(self) -> bool:
        """Return whether what is open may be replaced; asks when there are unsaved changes worth asking about."""
        if not self._window.session.modified:
            return True
        answer = ask_leave(self._window, self.name)
        if answer is Leave.SAVE:
            return self.save()
        if answer is Leave.DISCARD:
            self.project.discard_changes()
        return answer is Leave.DISCARD

    def close_session(self) -> None:
        """Go back to the start page."""
        if self._window.may_stop_jobs() and self.may_leave():
            self.project.release()
            self.name = ""
            self._window.forget_session()

    def show_as(self, name: str) -> None:
        """Show the workspace; what is open has this name."""
        self.name = name
        self._window.show_workspace()
