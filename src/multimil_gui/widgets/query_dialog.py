"""Asks what the columns of a new file mean for a fit, and says how well the file fits to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from multimil_gui.core.options import QueryOptions
from multimil_gui.data.check import check_columns
from multimil_gui.data.cohort import Columns, Problem, Severity
from multimil_gui.data.findings import examples
from multimil_gui.data.index import ColumnKind
from multimil_gui.data.prepare_query import FeatureMatch, match_features, matching_matrices
from multimil_gui.data.propose import propose
from multimil_gui.data.store import Store
from multimil_gui.jobs.fit import Fit
from multimil_gui.widgets._mapping_fields import MARKS, Answer, Choice, column_words, in_words
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, WheelGuard, label
from multimil_gui.widgets.run_forms import options_form

_COVARIATE = "covariate."
_KNOWN = "target.column"


@dataclass(frozen=True)
class QueryAnswers:
    """What the user answered.

    Attributes
    ----------
    columns
        Sample, donor and cell type of the new file, and the columns that stand for the fit's covariates, in the fit's
        order; no target.
    known
        The obs column in which the fit's main target is known already, to compare with; None when it is not.
    options
        How the new cells are mapped.
    """

    columns: Columns
    known: str | None
    options: QueryOptions


class QueryPanel(QWidget):
    """The questions and what they lead to, without the dialog around them.

    Parameters
    ----------
    store
        The new data.
    fit
        What they are mapped onto.

    Signals
    -------
    changed(bool)
        An answer changed; True when the answers can be used.
    """

    changed = Signal(bool)

    def __init__(self, store: Store, fit: Fit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("query_panel")
        self._store, self._fit = store, fit
        self._guard = WheelGuard(self)
        self._problems: tuple[Problem, ...] = ()
        self._make_fields()
        self._lay_out()
        self._fill()
        for choice in (self.sample, self.donor, self.cell_type, self.known, *self.covariates.values()):
            choice.currentIndexChanged.connect(self._check)
        self.form.changed.connect(self._check)
        self._check()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        inputs, head = self._fit.inputs, self._fit.head
        self.sample = Choice(self._guard, "", self)
        self.donor = Choice(self._guard, "Every sample is its own donor", self)
        self.cell_type = Choice(self._guard, "None", self)
        answers = [
            Answer("data.sample", "Sample", "The column that names the sample.", self.sample),
            Answer("data.donor", "Donor", "The column that names the person.", self.donor),
        ]
        self.covariates: dict[str, Choice] = {}
        for name in [name for name, _ in inputs.covariates] + [name for name, *_ in inputs.continuous]:
            self.covariates[name] = Choice(self._guard, "", self)
            tip = f"The column that says what {name} was in the fit, whose effect is removed from the new cells too."
            answers.append(Answer(f"{_COVARIATE}{name}", f"Covariate {name}", tip, self.covariates[name]))
        tip = "Cell types that are known already; the transferred labels are compared with them."
        answers.append(Answer("data.cell_type", "Known cell types", tip, self.cell_type))
        self.known = Choice(self._guard, "Not known", self)
        self.known.setVisible(head is not None)
        if head is not None:
            tip = f"The column with {head.targets[0].column}, where it is known: shown beside the predictions, never used."
            answers.append(Answer(_KNOWN, f"Known {head.targets[0].column}", tip, self.known))
        self.answers = tuple(answers)
        self.form = options_form(QueryOptions, (), self)

    def _lay_out(self) -> None:
        page = QWidget(self)
        form = QVBoxLayout(page)
        form.setContentsMargins(0, 0, 10, 0)
        form.setSpacing(9)
        width = max(self.fontMetrics().horizontalAdvance(answer.caption.text()) for answer in self.answers) + 6
        for answer in self.answers:
            form.addWidget(answer.line(width))
        self._others = QVBoxLayout()
        self._others.setSpacing(3)
        form.addLayout(self._others)
        form.addWidget(label("How", Role.HEADING, page))
        form.addWidget(self.form)
        form.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self._found())
        layout.addWidget(area, 1)

    def _found(self) -> QWidget:
        """Say what is mapped onto what, and how the features fit."""
        box = QFrame(self)
        box.setObjectName("found")
        box.setFrameShape(QFrame.Shape.StyledPanel)
        inside = QVBoxLayout(box)
        inside.setSpacing(3)
        index = self._store.index
        words = f"{index.source_name}: {index.n_cells:,} cells, to be mapped onto {reference_in_words(self._fit)}"
        inside.addWidget(label(words, Role.HEADING, box, wrap=True))
        self._matches = matches(self._store, self._fit)
        for fitted in self._fit.inputs.modalities:
            match = self._matches.get(fitted.name)
            if match is None:
                kind = "counts" if fitted.counts else "transformed values"
                line = f"{fitted.name}: not in this file (as {kind}); the cells are mapped without it."
            else:
                line = match_in_words(match)
            full = match is not None and match.missing == 0
            inside.addWidget(MarkedLine(Mark.OK if full else Mark.WARNING, line, box))
        return box

    def _fill(self) -> None:
        proposed = propose(self._store).columns
        columns = self._store.index.obs
        entries = [(column_words(info), info.name) for info in columns if info.kind is not ColumnKind.NUMBER]
        numbers = [(column_words(info), info.name) for info in columns if info.kind is ColumnKind.NUMBER]
        self.sample.fill([*entries, *numbers], proposed.sample or None)
        self.donor.fill([*entries, *numbers], proposed.donor)
        self.cell_type.fill(entries, proposed.cell_type)
        continuous = {name for name, *_ in self._fit.inputs.continuous}
        for name, choice in self.covariates.items():
            choice.fill(numbers if name in continuous else [*entries, *numbers], name)
        head = self._fit.head
        self.known.fill([*entries, *numbers], None if head is None else head.targets[0].column)

    # -- answering -----------------------------------------------------------------------------------------------------

    def answers_given(self) -> QueryAnswers:
        """Return the present answers, right or wrong; Refusal when an option is not valid."""
        return QueryAnswers(self._columns(), self.known.value(), self.form.options())

    def problems(self) -> tuple[Problem, ...]:
        """Return what is to be put right, errors first."""
        return self._problems

    def is_valid(self) -> bool:
        """Return whether the answers can be used."""
        return self.form.is_valid() and not any(problem.severity is Severity.ERROR for problem in self._problems)

    def _columns(self) -> Columns:
        inputs = self._fit.inputs
        return Columns(
            sample=self.sample.value() or "",
            donor=self.donor.value(),
            cell_type=self.cell_type.value(),
            covariates=tuple(self.covariates[name].value() or "" for name, _ in inputs.covariates),
            continuous=tuple(self.covariates[name].value() or "" for name, *_ in inputs.continuous),
        )

    def _check(self, *_: object) -> None:
        columns = self._columns()
        chosen = replace(
            columns,
            covariates=tuple(name for name in columns.covariates if name),
            continuous=tuple(name for name in columns.continuous if name),
        )
        found = [*self._covariate_problems(), *self._feature_problems(), *check_columns(self._store, chosen)]
        self._problems = tuple(sorted(found, key=lambda problem: list(Severity).index(problem.severity)))
        known = {answer.key for answer in self.answers}
        for answer in self.answers:
            answer.set_problems([problem for problem in self._problems if problem.field == answer.key])
            if answer.key.startswith(_COVARIATE):
                answer.set_reason(self._levels_in_words(answer.key.removeprefix(_COVARIATE)))
        while self._others.count():
            item = self._others.takeAt(0)
            line = item.widget() if item is not None else None
            if line is not None:
                line.hide()
                line.deleteLater()
        for problem in self._problems:
            if problem.field not in known:
                self._others.addWidget(MarkedLine(MARKS[problem.severity], in_words(problem), self))
        self.changed.emit(self.is_valid())

    def _covariate_problems(self) -> list[Problem]:
        error = partial(Problem, Severity.ERROR)
        return [
            error(
                f"The fit removes the effect of {name}: say which column means it.",
                "",
                "The sample column will do when the samples were measured one by one.",
                f"{_COVARIATE}{name}",
            )
            for name, choice in self.covariates.items()
            if not choice.value()
        ]

    def _feature_problems(self) -> list[Problem]:
        if not self._matches:
            return [
                Problem(Severity.ERROR, "The file has none of the modalities of the fit.", "", "Open another file.")
            ]
        least = self.form.options().min_overlap if self.form.is_valid() else 0.0
        return [
            Problem(
                Severity.ERROR,
                f"{match.modality}: {match.overlap:.0%} of the features are too few.",
                f"At least {least:.0%} are wanted.",
                "Map a file whose features have the same names.",
            )
            for match in self._matches.values()
            if match.overlap < least
        ]

    def _levels_in_words(self, name: str) -> str:
        """Say which levels of a covariate the fit knows already: a name that means something else there would mislead."""
        column = self.covariates[name].value()
        levels: Mapping[str, tuple[str, ...]] = dict(self._fit.inputs.covariates)
        if not column or name not in levels:
            return ""
        here = self._store.labelling(column).levels
        new = [level for level in here if level not in levels[name]]
        known = [level for level in here if level in levels[name]]
        parts = [f"New, to be learnt: {examples(new)}."] if new else ["Nothing new to learn."]
        if known:
            parts.append(f"Known from the fit: {examples(known)}; make sure that they mean the same there.")
        return " ".join(parts)


class QueryDialog(QDialog):
    """Asks what the columns of a new file mean; ``Map`` can be pressed once nothing is wrong.

    Parameters
    ----------
    store
        The new data.
    fit
        What they are mapped onto.
    """

    def __init__(self, store: Store, fit: Fit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("query_dialog")
        self.setWindowTitle("Map new samples onto a fit")
        self.panel = QueryPanel(store, fit, self)
        self._verdict = label("", Role.NOTE, self, wrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.accept_button = buttons.addButton("Map", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        bottom = QHBoxLayout()
        bottom.addWidget(self._verdict, 1)
        bottom.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(10)
        layout.addWidget(self.panel, 1)
        layout.addLayout(bottom)
        self.panel.changed.connect(self._on_changed)
        self._on_changed(self.panel.is_valid())
        self.resize(640, 640)

    def _on_changed(self, valid: bool) -> None:
        words = "The result takes the place of what is open." if valid else "Put right what is marked first."
        self._verdict.setText(words)
        if self.accept_button is not None:
            self.accept_button.setEnabled(valid)
            self.accept_button.setDefault(valid)
            self.accept_button.setToolTip("Runs in the background; it can be cancelled" if valid else words)


def matches(store: Store, fit: Fit) -> dict[str, FeatureMatch]:
    """Return how the features of each modality that the file has fit to those of the fit."""
    layers = matching_matrices(store, fit.inputs)
    return {
        fitted.name: match_features(fitted.name, fitted.features, store.features(fitted.name, layers[fitted.name]))
        for fitted in fit.inputs.modalities
        if fitted.name in layers
    }


def match_in_words(match: FeatureMatch) -> str:
    """Say how many features of the fit a file has, and which it lacks."""
    total = match.matched + match.missing
    if not match.missing:
        return f"{match.modality}: all {total:,} features of the fit are in the file."
    text = (
        f"{match.modality}: {match.matched:,} of {total:,} features of the fit are in the file; the others count as 0"
    )
    text += f" ({examples(match.examples, match.missing)})."
    if match.similar:
        pairs = examples([f"{wanted} and {found}" for wanted, found in match.similar], match.n_similar)
        text += f" Nearly the same names count as missing: {pairs}."
    return text


def reference_in_words(fit: Fit) -> str:
    """Say what a fit was made on and what it predicts."""
    about = fit.provenance
    words = str(about.get("source", "a reference"))
    if isinstance(about.get("n_cells"), int):
        words += f" ({about['n_cells']:,} cells of {about.get('n_donors')} donors)"
    if fit.head is not None:
        words += f", which predicts {', '.join(target.column for target in fit.head.targets)}"
    return f"{words}."
