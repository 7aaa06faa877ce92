"""The two pages of the run panel: what to run, as a recipe, or the reason why it cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from multimil_gui.core.options import IntegrateOptions, MILOptions
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.splits import donors_per_class
from multimil_gui.jobs.recipe import (
    AnalysisSection,
    CVSection,
    DataSection,
    LatentSection,
    Recipe,
    TargetSection,
)
from multimil_gui.state.session import Session
from multimil_gui.widgets._modality_table import ModalityTable
from multimil_gui.widgets._ui import Role, WheelGuard, button, label
from multimil_gui.widgets.run_forms import options_form

NO_DATA = "Open data first."
NO_COHORT = "Say which column holds the sample first."


class RunSection(QWidget):
    """A page: a scrolling form, and below it the Run button with the reason when it cannot be pressed.

    Signals
    -------
    run_requested()
        Run was pressed and the form is valid.
    """

    run_requested = Signal()

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
        self._page.addWidget(self.with_map)
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
        names = ", ".join(columns.covariates) if columns is not None else ""
        self._covariates.setText(f"Covariates removed: {names}." if names else "No covariates are removed.")
        self._covariates.setVisible(columns is not None)
        self.enable()

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
        sections = self.modalities.sections()
        return Recipe(
            data=data_section(self._session, sections),
            target=target_section(self._session),
            integrate=self.form.options(),
            analysis=AnalysisSection(map=self.with_map.isChecked()),
        )


class PhenotypeSection(RunSection):
    """Predicts the phenotype from a latent space."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, "Run Phenotype", "phenotype", parent)
        self._guard = WheelGuard(self)
        self.latent = QComboBox(self)
        self.latent.setObjectName("phenotype_latent")
        self.latent.setAccessibleName("Latent")
        self.latent.setToolTip("The space the phenotype is predicted from")
        self._guard.watch(self.latent)
        self._target = label("", Role.BODY, self, wrap=True)
        top = QFormLayout()
        top.setHorizontalSpacing(10)
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for caption, field in (("Predict", self._target), ("From latent", self.latent)):
            words = label(caption, Role.BODY, self)
            words.setBuddy(field)
            top.addRow(words, field)
        self._page.addLayout(top)
        self._heading("Model")
        self.form = options_form(MILOptions, (), self)
        self._page.addWidget(self.form)
        self._heading("Judged by donors never seen")
        self.cv = options_form(CVSection, (), self, fold_advanced=False)
        self._page.addWidget(self.cv)
        self.baselines = QCheckBox("Compare with simple models", self)
        self.baselines.setObjectName("phenotype_baselines")
        self.baselines.setToolTip(
            "Logistic regression and random forest on simple summaries of the samples, in the same folds"
        )
        self.baselines.setChecked(True)
        self.with_map = QCheckBox("Draw a map of this latent", self)
        self.with_map.setObjectName("phenotype_map")
        self.with_map.setToolTip("Computes a 2-D UMAP of the latent; not needed when the file has a map")
        for part in (self.baselines, self.with_map):
            self._page.addWidget(part)
        self._page.addStretch(1)
        for form in (self.form, self.cv):
            form.changed.connect(self.enable)
        self._had: tuple[str, ...] = ()
        self._cohort: Cohort | None = None
        self.refresh()

    def refresh(self) -> None:
        """Follow the opened data and the latents there are."""
        data = self._session.data
        if data.cohort is not self._cohort:
            self._cohort = data.cohort
            self._offer_folds()
        names = tuple(data.latents)
        if names != self._had:
            fresh = [name for name in names if name not in self._had]
            before = self.latent.currentData()
            self.latent.clear()
            for name in names:
                self.latent.addItem(name, name)
            # A latent that was just learnt is what one goes on with.
            wanted = fresh[-1] if self._had and fresh else before
            self.choose_latent(wanted if wanted in names else (names[0] if names else None))
            self._had = names
            self.with_map.setChecked(not len(data.maps))
        target = data.cohort.target if data.cohort is not None else None
        self._target.setText(f"{target.column}: {', '.join(target.classes)}" if target is not None else "–")
        self.enable()

    def _offer_folds(self) -> None:
        """Offer as many folds as the rarest class has donors, when that is fewer than usual."""
        if self._cohort is None or self._cohort.target is None:
            return
        usual = self.cv.options()
        most = int(donors_per_class(self._cohort.samples).min())
        self.cv.set_options(usual.model_copy(update={"folds": max(2, min(CVSection().folds, most))}))

    def choose_latent(self, name: str | None) -> None:
        """Choose the latent to predict from."""
        self.latent.setCurrentIndex(self.latent.findData(name))

    def latent_name(self) -> str:
        """Return the chosen latent."""
        return str(self.latent.currentData())

    def problem(self) -> str:
        """Return why the prediction cannot run now."""
        cohort = self._session.data.cohort
        if self._session.data.store is None:
            return NO_DATA
        if cohort is None:
            return NO_COHORT
        if cohort.target is None:
            return "No phenotype column was chosen: change the columns first."
        if not self.latent.count():
            return "There is no latent yet: run Integration first."
        if not (self.form.is_valid() and self.cv.is_valid()):
            return "Correct the marked field."
        return too_few_donors(cohort, self.cv.options().folds)

    def recipe(self) -> Recipe:
        """Return the recipe of a prediction."""
        name = self.latent_name()
        learnt = integration_of(self._session, name)
        modalities = learnt.get("modalities") if learnt is not None else None
        return Recipe(
            data=data_section(self._session, modalities if isinstance(modalities, Mapping) else {}),
            latent=LatentSection(use=None if learnt is not None else name),
            integrate=IntegrateOptions.model_validate(learnt["integrate"]) if learnt is not None else None,
            target=target_section(self._session),
            mil=self.form.options(),
            cv=self.cv.options(),
            analysis=AnalysisSection(map=self.with_map.isChecked(), baselines=self.baselines.isChecked()),
        )


def too_few_donors(cohort: Cohort, folds: int) -> str:
    """Say which class has fewer donors than folds; empty when none has."""
    if cohort.target is None:
        return ""
    for name, donors in zip(cohort.target.classes, donors_per_class(cohort.samples), strict=True):
        if donors < folds:
            return (
                f"“{name}” has {donors} donor{'s' if donors != 1 else ''}, fewer than {folds} folds: lower the folds."
            )
    return ""


def data_section(session: Session, modalities: Mapping[str, object]) -> DataSection:
    """Return the recipe's ``[data]`` as the session has it."""
    columns, store = session.data.columns, session.data.store
    assert columns is not None
    assert store is not None
    return DataSection.model_validate(
        {
            "path": Path(store.index.source_name),
            "sample": columns.sample,
            "donor": columns.donor,
            "cell_type": columns.cell_type,
            "covariates": columns.covariates,
            "modalities": dict(modalities),
        }
    )


def target_section(session: Session) -> TargetSection | None:
    """Return the recipe's ``[target]`` as the session has it, None without a phenotype."""
    columns = session.data.columns
    if columns is None or columns.target is None:
        return None
    return TargetSection(column=columns.target, kind=columns.kind, order=columns.order, reference=columns.reference)


def integration_of(session: Session, latent: str) -> dict[str, object] | None:
    """Return ``integrate`` and ``modalities`` of the run that learnt a latent, None when the file has it.

    The recipe of a prediction says where its latent came from: the audit depends on it, and a rerun needs it.
    """
    for record in session.runs.records:
        if record.latent_key == latent and record.integration is not None and record.recipe.get("integrate"):
            data = record.recipe.get("data")
            modalities = data.get("modalities") if isinstance(data, Mapping) else None
            return {"integrate": record.recipe["integrate"], "modalities": modalities}
    return None
