"""Mapping new samples onto a fit: from the file to what the window shows, or back to what was open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QDialog

from multimil_gui.app.dialogs import ask_data_file, ask_fit_file, ask_new_fit
from multimil_gui.app.notifications import Kind, Notification, Offer
from multimil_gui.app.query_jobs import (
    FIT_NAME,
    MappedSamples,
    Prepared,
    SessionFit,
    prepare_job,
    query_job,
    session_fit,
    write_fit_job,
)
from multimil_gui.jobs.states import JobState
from multimil_gui.state.view import ColorBy, ColorKind, QueryColor

if TYPE_CHECKING:
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.widgets.query_dialog import QueryAnswers

NO_FIT = "There is no fit to map onto: run Integration first, or choose the fit.safetensors of an earlier run."


class QueryCommands(QObject):
    """What the entries about new samples do.

    Signals
    -------
    asked(object)
        The dialog about the columns is open (it is the argument).
    mapped()
        The new samples are shown.
    """

    asked = Signal(object)
    mapped = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._services = window.services

    def onto_this(self) -> None:
        """Ask for a data file and map its samples onto the session's fit."""
        fit = session_fit(self._window.session)
        if fit is None:
            self._services.notifications.warn(NO_FIT)
            return
        path = ask_data_file(self._window, self._services.settings)
        if path is not None:
            self.start(fit, path)

    def onto_file(self) -> None:
        """Ask for a fit and a data file, and map its samples onto the fit."""
        fit = ask_fit_file(self._window, self._services.settings)
        path = None if fit is None else ask_data_file(self._window, self._services.settings)
        if fit is not None and path is not None:
            self.start(fit, path)

    def save_fit(self) -> None:
        """Ask where to save the session's fit, and save it."""
        fit = session_fit(self._window.session)
        if fit is None:
            self._services.notifications.warn(NO_FIT)
            return
        path = ask_new_fit(self._window, self._services.settings, self._window.files.name or "fit")
        if path is not None:
            title = f"Saving {path.name}"
            self._window.tasks.submit(write_fit_job, fit, path, title=title, done=self._window.tell_saved)

    def start(self, fit: SessionFit | Path, path: Path) -> None:
        """Map the samples of a file onto a fit: import, questions, mapping; what is open stays until the end."""
        if self._window.runner.busy:
            self._services.notifications.info("Something is still running. Wait for it to end, or cancel it first.")
            return
        if not self._window.files.may_leave():
            return
        name = fit.name if isinstance(fit, Path) else FIT_NAME

        def done(prepared: Prepared) -> None:
            self._ask(prepared, name)

        title = f"Opening {path.name}"
        job_id = self._window.tasks.submit(
            prepare_job, fit, path, self._services.stores, title=title, done=done, ended=self._on_ended
        )
        self._window.show_busy(job_id, title)

    def _ask(self, prepared: Prepared, name: str) -> None:
        from multimil_gui.widgets.query_dialog import QueryDialog

        dialog = QueryDialog(prepared.store, prepared.fit, self._window)

        def on_finished(result: int) -> None:
            accepted = result == QDialog.DialogCode.Accepted
            answers = dialog.panel.answers_given() if accepted else None
            dialog.deleteLater()
            if answers is None:
                self._window.show_what_is_open()
            else:
                self._map(prepared, answers, name)

        dialog.finished.connect(on_finished)
        dialog.open()
        self.asked.emit(dialog)

    def _map(self, prepared: Prepared, answers: QueryAnswers, name: str) -> None:
        title = f"Mapping {prepared.store.index.source_name}"
        job_id = self._window.tasks.submit(
            query_job, prepared, answers, name, title=title, done=self._show, ended=self._on_ended
        )
        self._window.show_busy(job_id, title)

    def _show(self, mapped: MappedSamples) -> None:
        """Show the new samples in the place of what was open."""
        window, query = self._window, mapped.result.query
        assert query is not None
        window.files.project.release()
        window.session.open_store(mapped.store)
        window.session.set_cohort(mapped.cohort, mapped.columns, mapped.given)
        window.session.add_run(mapped.result, name=f"Mapped onto {query.reference}")
        if query.levels:
            window.session.color_by(ColorBy(ColorKind.QUERY, QueryColor.LABEL))
        # How the map is coloured at first is no work that could be undone.
        window.session.commands.clear()
        window.files.show_as(Path(mapped.store.index.source_name).stem)
        if mapped.result.mil is not None:
            window.workspace.show_panel("dock_patients")
        self._tell(mapped)
        self.mapped.emit()

    def _tell(self, mapped: MappedSamples) -> None:
        query, mil = mapped.result.query, mapped.result.mil
        assert query is not None
        far = f"{query.far.mean():.0%} of the cells lie farther from {query.reference} than its own do."
        words = f"{len(query.far):,} cells mapped. {far}"
        if mil is None:
            self._services.notifications.post(Notification(Kind.SUCCESS, words))
            return
        words += f" {mil.column}: predicted by models trained on {query.reference}."
        offer = Offer("Show patients", lambda: self._window.workspace.show_panel("dock_patients"))
        self._services.notifications.post(Notification(Kind.SUCCESS, words, offer=offer))

    def _on_ended(self, state: JobState) -> None:
        if state in (JobState.CANCELLED, JobState.FAILED):
            self._window.show_what_is_open()
