"""A page of the run panel: what to run, as a recipe, or the reason why it cannot run; and the page of the integration."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from multimil_gui.core.options import IntegrateOptions
from multimil_gui.jobs.recipe import AnalysisSection, Recipe
from multimil_gui.state.session import Session
from multimil_gui.widgets._modality_table import ModalityTable
from multimil_gui.widgets._run_reasons import integration_reasons
from multimil_gui.widgets._run_recipes import data_section, target_sections
from multimil_gui.widgets._ui import Role, button, label
from multimil_gui.widgets.run_forms import options_form

NO_DATA = "Open data first."
NO_COHORT = "Say which column holds the sample first."


class RunSection(QWidget):
    """A page: a scrolling form, and below it the Run button with the reason when it cannot be pressed.

    Signals
    -------
    run_requested()
        Run was pressed and the form is valid.
    looked()
        Whether it can run was looked at again, because something was chosen.
    """

    run_requested = Signal()
    looked = Signal()

    def __init__(self, session: Session, run_words: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._session = session
        self.run = button(run_words, "", f"{name}_run", self.run_requested)
        self.run.setProperty("primary", True)
        self.reason = label("", Role.NOTE, self, wrap=True)
        self.reason.setObjectName(f"{name}_reason")
        page = QWidget(self)
        self._page = QVBoxLayout(page)
        self._page.setContentsMargins(0, 8, 8, 8)
        self._page.setSpacing(8)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 0, 8, 6)
        layout.setSpacing(6)
        layout.addWidget(area, 1)
        layout.addWidget(self.reason)
        layout.addWidget(self.run)

    def _heading(self, text: str) -> None:
        self._page.addWidget(label(text, Role.HEADING, self))

    def problem(self) -> str:
        """Return why this cannot run now, in words; empty when it can."""
        raise NotImplementedError

    def recipe(self) -> Recipe:
        """Return the recipe of the run; Refusal when a field is not valid."""
        raise NotImplementedError

    def enable(self) -> None:
        """Let Run be pressed, or say why not."""
        problem = self.problem()
        self.run.setEnabled(not problem)
        self.run.setToolTip(problem or "Runs in the background; you can go on working")
        self.reason.setText(problem)
        self.reason.setVisible(bool(problem))
        self.looked.emit()


class IntegrationSection(RunSection):
    """Learns a latent space from the modalities of the file."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, "Run Integration", "integration", parent)
        self._store: object = None
        self._heading("What is integrated")
        self.modalities = ModalityTable(self)
        self._page.addWidget(self.modalities)
        self._covariates = label("", Role.NOTE, self, wrap=True)
        self._page.addWidget(self._covariates)
        self._heading("Model")
        self.form = options_form(IntegrateOptions, (), self)
        self._page.addWidget(self.form)
        self.with_map = QCheckBox("Draw a map afterwards", self)
        self.with_map.setObjectName("integration_map")
        self.with_map.setToolTip("Computes a 2-D UMAP of the new latent and shows it")
        self.with_map.setChecked(True)
        self.judge = QCheckBox("Judge it by the scIB metrics", self)
        self.judge.setObjectName("integration_judge")
        self.judge.setChecked(AnalysisSection().integration_metrics)
        for part in (self.with_map, self.judge):
            self._page.addWidget(part)
        self._page.addStretch(1)
        self.form.changed.connect(self.enable)
        self.modalities.changed.connect(self.enable)
        self.refresh()

    def refresh(self) -> None:
        """Follow the opened data."""
        store, columns = self._session.data.store, self._session.data.columns
        if store is not self._store:
            self._store = store
            self.modalities.set_store(store)
        names = ", ".join((*columns.covariates, *columns.continuous)) if columns is not None else ""
        self._covariates.setText(f"Covariates removed: {names}." if names else "No covariates are removed.")
        self._covariates.setVisible(columns is not None)
        self.enable()

    def enable(self) -> None:
        """Let Run be pressed, or say why not; grey out what does not apply."""
        columns = self._session.data.columns
        has_types = columns is not None and columns.cell_type is not None
        self.judge.setEnabled(has_types)
        tip = AnalysisSection.model_fields["integration_metrics"].description or ""
        self.judge.setToolTip(tip if has_types else f"There is no cell type column.\n{tip}")
        if columns is not None and not self.modalities.problem():
            reasons = integration_reasons(self.form, self.modalities.sections(), columns.covariates, columns.continuous)
            self.form.disable(reasons)
        super().enable()

    def problem(self) -> str:
        """Return why integration cannot run now."""
        data = self._session.data
        if data.store is None:
            return NO_DATA
        if not self.modalities.names():
            return "The file has no measured features to integrate, only an embedding: go on with Phenotype."
        if data.cohort is None:
            return NO_COHORT
        if problem := self.modalities.problem():
            return problem
        return "" if self.form.is_valid() else "Correct the marked field."

    def recipe(self) -> Recipe:
        """Return the recipe of an integration."""
        targets = target_sections(self._session)
        return Recipe(
            data=data_section(self._session, self.modalities.sections()),
            target=targets[0] if targets else None,
            further_targets=targets[1:],
            integrate=self.form.options(),
            analysis=AnalysisSection(map=self.with_map.isChecked(), integration_metrics=self.judge.isChecked()),
        )
