"""The page of the run panel that predicts the phenotype."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QWidget

from multimil_gui.core.options import IntegrateOptions, MILOptions, SearchOptions, TargetKind, Training
from multimil_gui.data.cohort import Cohort, Target
from multimil_gui.data.target_findings import donor_shortage
from multimil_gui.jobs.recipe import AnalysisSection, CVSection, LatentSection, Recipe
from multimil_gui.state.session import Session
from multimil_gui.widgets._fields import OptionField
from multimil_gui.widgets._run_reasons import NO_JOINT_SEARCH, head_reasons, search_reasons
from multimil_gui.widgets._run_recipes import data_section, integration_of, saw_phenotype, target_sections
from multimil_gui.widgets._run_sections import NO_COHORT, NO_DATA, IntegrationSection, RunSection
from multimil_gui.widgets._section import Section
from multimil_gui.widgets._ui import Role, WheelGuard, label
from multimil_gui.widgets.run_forms import caption_width, options_form

_BASELINES = (
    "Random forest, logistic regression and a small network on four summaries of the samples, in the same folds; and how "
    "well the nearest samples of other donors tell the phenotype"
)
_TOGETHER = "Learns its own latent space from the modalities and with the model of the Integration page, once per fold."
_LEAK = (
    "“{}” was learnt together with the phenotype of every donor: a prediction from it would look too good. Choose another "
    "latent."
)


class PhenotypeSection(RunSection):
    """Predicts the phenotype from a latent space, or together with learning one.

    Parameters
    ----------
    session
        The session.
    integration
        The page whose modalities and options are used when both are trained together.
    """

    def __init__(self, session: Session, integration: IntegrationSection, parent: QWidget | None = None) -> None:
        super().__init__(session, "Run Phenotype", "phenotype", parent)
        self._integration = integration
        self._guard = WheelGuard(self)
        self.latent = QComboBox(self)
        self.latent.setObjectName("phenotype_latent")
        self.latent.setAccessibleName("Latent")
        self._guard.watch(self.latent)
        self.training = OptionField("training", MILOptions.model_fields["training"], self._guard)
        self.training.set_value(Training.TWO_STEP)
        self._target = label("", Role.BODY, self, wrap=True)
        self._target.setObjectName("phenotype_targets")
        top = QFormLayout()
        top.setHorizontalSpacing(10)
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._heading("What is predicted")
        self._page.addWidget(self._target)
        for caption, field in (("Training", self.training.native), ("From latent", self.latent)):
            words = label(caption, Role.BODY, self)
            words.setBuddy(field)
            words.setToolTip(field.toolTip())
            words.setFixedWidth(caption_width(self))
            top.addRow(words, field)
        self._page.addLayout(top)
        self._together_words = label(_TOGETHER, Role.NOTE, self, wrap=True)
        self._page.addWidget(self._together_words)
        self._heading("Model")
        self.form = options_form(MILOptions, ("training",), self)
        self._page.addWidget(self.form)
        self._add_search()
        self._add_judging()
        self._page.addStretch(1)
        self._had: tuple[str, ...] = ()
        self._cohort: Cohort | None = None
        self.training.widget.changed.connect(self.enable)
        for form in (self.form, self.search, self.cv):
            form.changed.connect(self.enable)
        integration.looked.connect(self.enable)
        self.refresh()

    def _add_search(self) -> None:
        self.search = options_form(SearchOptions, (), self, fold_advanced=False)
        tip = "Lets each fold try other options on its own training donors first; the donors it predicts play no part"
        self.search_box = Section("Search for better options", self.search, tip, self)
        self.search_box.setObjectName("search")
        self._page.addWidget(self.search_box)

    def _add_judging(self) -> None:
        self._heading("Judged by donors never seen")
        self.cv = options_form(CVSection, (), self, fold_advanced=False)
        self._page.addWidget(self.cv)
        self.baselines = QCheckBox("Compare with simple models", self)
        self.baselines.setObjectName("phenotype_baselines")
        self.baselines.setToolTip(_BASELINES)
        self.baselines.setChecked(AnalysisSection().baselines)
        self.with_map = QCheckBox("Draw a map of this latent", self)
        self.with_map.setObjectName("phenotype_map")
        self.with_map.setToolTip("Computes a 2-D UMAP of the latent; not needed when the file has a map")
        for part in (self.baselines, self.with_map):
            self._page.addWidget(part)

    # -- showing -------------------------------------------------------------------------------------------------------

    @property
    def together(self) -> bool:
        """Whether latent space and prediction are trained together."""
        return self.training.value() is Training.END_TO_END

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
        targets = [cohort.target for cohort in data.value.by_target if cohort.target is not None]
        self._target.setText("\n".join(target_words(target) for target in targets) or "–")
        self.enable()

    def enable(self) -> None:
        """Let Run be pressed, or say why not; grey out what does not apply."""
        together = self.together
        kinds = [target.kind for cohort in self._session.data.value.by_target if (target := cohort.target) is not None]
        self.form.disable(head_reasons(self.form, kinds or list(TargetKind), together=together))
        self.search.disable(search_reasons(self.search, together=together))
        trials = self.search.value("trials")
        state = f"{trials} tried" if trials and not together else "off"
        self.search_box.setText(f"Search for better options ({state})")
        self._together_words.setVisible(together)
        self.latent.setEnabled(not together)
        self.latent.setToolTip(_TOGETHER if together else "The space the phenotype is predicted from")
        super().enable()

    def _offer_folds(self) -> None:
        """Offer as many folds as the donors allow, when that is fewer than usual."""
        if self._cohort is None or self._cohort.target is None:
            return
        usual = CVSection().folds
        folds = next((folds for folds in range(usual, 2, -1) if not too_few_donors(self._cohort, folds)), 2)
        self.cv.set_options(self.cv.options().model_copy(update={"folds": folds}))

    def choose_latent(self, name: str | None) -> None:
        """Choose the latent to predict from."""
        self.latent.setCurrentIndex(self.latent.findData(name))

    def latent_name(self) -> str:
        """Return the chosen latent."""
        return str(self.latent.currentData())

    # -- running -------------------------------------------------------------------------------------------------------

    def problem(self) -> str:
        """Return why the prediction cannot run now."""
        cohort = self._session.data.cohort
        if self._session.data.store is None:
            return NO_DATA
        if cohort is None:
            return NO_COHORT
        if cohort.target is None:
            return "No phenotype column was chosen: change the columns first."
        if self._session.data.value.given:
            return "The targets of these samples are those of a reference: change the columns to train on them here."
        if not all(form.is_valid() for form in (self.form, self.search, self.cv)):
            return "Correct the marked field."
        return self._latent_problem() or too_few_donors(cohort, self.cv.options().folds)

    def _latent_problem(self) -> str:
        if self.together:
            if self.search.options().trials:
                return f"{NO_JOINT_SEARCH} Set the options tried to 0."
            problem = self._integration.problem()
            return f"On the Integration page: {problem}" if problem else ""
        if not self.latent.count():
            return "There is no latent yet: run Integration first."
        name = self.latent_name()
        return _LEAK.format(name) if saw_phenotype(self._session, name) else ""

    def recipe(self) -> Recipe:
        """Return the recipe of a prediction."""
        mil = self.form.options().model_copy(update={"training": self.training.value()})
        main, *further = target_sections(self._session)
        sections = {"mil": mil, "search": self.search.options(), "cv": self.cv.options(), **self._source()}
        return Recipe.model_validate({"target": main, "further_targets": tuple(further), **sections})

    def _source(self) -> dict[str, object]:
        """Return the sections that say where the latent comes from and what is computed besides."""
        baselines = self.baselines.isChecked()
        if self.together:
            integration = self._integration.recipe()
            analysis = integration.analysis.model_copy(update={"baselines": baselines})
            return {"data": integration.data, "integrate": integration.integrate, "analysis": analysis}
        name = self.latent_name()
        learnt = integration_of(self._session, name)
        modalities = learnt.get("modalities") if learnt is not None else None
        return {
            "data": data_section(self._session, modalities if isinstance(modalities, Mapping) else {}),
            "latent": LatentSection(use=None if learnt is not None else name),
            "integrate": IntegrateOptions.model_validate(learnt["integrate"]) if learnt is not None else None,
            "analysis": AnalysisSection(map=self.with_map.isChecked(), baselines=baselines),
        }


def too_few_donors(cohort: Cohort, folds: int) -> str:
    """Say why there are too few donors for so many folds; empty when there are enough."""
    if cohort.target is None:
        return ""
    return " ".join(str(problem) for problem in donor_shortage(cohort.samples, cohort.target, folds, "target"))


def target_words(target: Target) -> str:
    """Return a target in words, e.g. ``"stage: none < mild < severe"``."""
    if target.kind is TargetKind.REGRESSION:
        return f"{target.column}: a number"
    return f"{target.column}: {(' < ' if target.kind is TargetKind.ORDINAL else ', ').join(target.classes)}"
