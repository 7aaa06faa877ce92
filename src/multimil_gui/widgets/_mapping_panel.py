"""Which column means what: shows what a file holds, proposes answers with reasons, and checks them as you choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from multimil_gui.data.check import check_columns
from multimil_gui.data.cohort import Columns, Problem, Severity, TargetColumn
from multimil_gui.data.index import ColumnInfo, ColumnKind
from multimil_gui.data.propose import Proposal, propose
from multimil_gui.data.store import Store
from multimil_gui.widgets._further_targets import FurtherTargets
from multimil_gui.widgets._mapping_fields import MARKS, Answer, CheckList, Choice, column_words, in_words
from multimil_gui.widgets._mapping_preview import MappingPreview
from multimil_gui.widgets._target_fields import TargetFields
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, WheelGuard, label

LEARN_HERE = "Learn it here (run Integration)"

#: Answers that come with the reason why they were proposed.
_PROPOSED = frozenset(
    {
        *("data.sample", "data.donor", "target.column", "target.reference", "data.cell_type", "data.covariates"),
        "latent.use",
    }
)


@dataclass(frozen=True)
class Mapping:
    """What the user answered.

    Attributes
    ----------
    columns
        What each obs column means.
    latent
        The obsm key (or ``"X"``) to predict from, None to learn a latent by integration.
    """

    columns: Columns
    latent: str | None


class MappingPanel(QWidget):
    """The questions, the checker and the preview, without the dialog around them.

    Parameters
    ----------
    store
        The opened data.
    columns, latent
        Answers given before, to be changed; None starts from the proposal.

    Signals
    -------
    changed(bool)
        An answer changed; True when the answers can be used.
    """

    changed = Signal(bool)

    def __init__(
        self,
        store: Store,
        columns: Columns | None = None,
        latent: str | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("mapping_panel")
        self._store = store
        self._proposal: Proposal = propose(store)
        self._start = columns or self._proposal.columns
        self._guard = WheelGuard(self)
        self._problems: tuple[Problem, ...] = ()
        self._make_fields()
        self._lay_out()
        self._fill(self._start, latent if columns is not None else self._proposal.latent)
        for answer in self.answers:
            if columns is None and answer.key in self._proposal.reasons:
                answer.set_reason(self._proposal.reasons[answer.key])
        if columns is not None:
            # What the phenotype is predicted from is chosen where it is run.
            self.answers[-1].set_shown(False)
        self._connect()
        self._check()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.sample = Choice(self._guard, "", self)
        self.donor = Choice(self._guard, "Every sample is its own donor", self)
        self.target = TargetFields(self._store, "target", self._guard, "None: integration only", self)
        self.further = FurtherTargets(self._store, self._guard, self)
        self.cell_type = Choice(self._guard, "None", self)
        self.covariates = CheckList(self)
        self.continuous = CheckList(self)
        self.latent_choice = Choice(self._guard, LEARN_HERE, self)
        self.answers = (
            Answer("data.sample", "Sample", "The column that names the sample: cells with one phenotype.", self.sample),
            Answer("data.donor", "Donor", "The column that names the person; folds never split a donor.", self.donor),
            *self.target.answers,
            Answer("data.cell_type", "Cell type", "For colours, summaries and baselines.", self.cell_type),
            Answer(
                "data.covariates",
                "Covariates",
                "Columns whose effect the integration removes, e.g. the batch. Never the phenotype.",
                self.covariates,
            ),
            Answer(
                "data.continuous_covariates",
                "Covariates (numbers)",
                "Columns with a number per cell whose effect the integration removes, e.g. the part of mitochondrial "
                "counts. Never the phenotype.",
                self.continuous,
            ),
            Answer(
                "latent.use",
                "Latent",
                "The space the phenotype is predicted from: one that the file has, or one learnt here.",
                self.latent_choice,
            ),
        )

    def _lay_out(self) -> None:
        page = QWidget(self)
        form = QVBoxLayout(page)
        form.setContentsMargins(0, 0, 10, 0)
        form.setSpacing(9)
        metrics = self.fontMetrics()
        width = max(metrics.horizontalAdvance(answer.caption.text()) for answer in self.answers) + 6
        for answer in self.answers:
            form.addWidget(answer.line(width))
            if answer is self.target.answers[-1]:
                form.addWidget(self.further)
        self._others = QVBoxLayout()
        self._others.setSpacing(3)
        form.addLayout(self._others)
        form.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        area.setMinimumWidth(470)
        self.preview = MappingPreview(self)
        self.preview.setMinimumWidth(330)
        sides = QHBoxLayout()
        sides.setSpacing(16)
        sides.addWidget(area, 3)
        sides.addWidget(self.preview, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self._found())
        layout.addLayout(sides, 1)

    def _found(self) -> QWidget:
        box = QFrame(self)
        box.setObjectName("found")
        box.setFrameShape(QFrame.Shape.StyledPanel)
        inside = QVBoxLayout(box)
        inside.setSpacing(3)
        index = self._store.index
        inside.addWidget(label(f"{index.source_name}: {index.n_cells:,} cells", Role.HEADING, box))
        inside.addWidget(label(found_in_words(self._store), Role.BODY, box, wrap=True))
        if index.note:
            inside.addWidget(MarkedLine(Mark.NOTE, index.note, box))
        for warning in index.warnings[:5]:
            inside.addWidget(MarkedLine(Mark.WARNING, warning, box))
        if len(index.warnings) > 5:
            inside.addWidget(label(f"… and {len(index.warnings) - 5} more warnings", Role.NOTE, box))
        return box

    def _fill(self, columns: Columns, latent: str | None) -> None:
        index = self._store.index
        named = {columns.sample, columns.donor, columns.cell_type, *columns.covariates}
        named |= {target.column for target in columns.targets}
        entries = [
            (column_words(info), info.name)
            for info in index.obs
            if _may_name(info, index.n_cells) or info.name in named
        ]
        numbers = [(column_words(info), info.name) for info in index.obs if info.kind is ColumnKind.NUMBER]
        main = next(iter(columns.targets), None)
        self.sample.fill(entries, columns.sample or None)
        self.donor.fill(entries, columns.donor)
        self.target.fill(entries, main)
        self.further.fill(_may_be_predicted(self._store, entries, columns.sample), columns.further)
        self.cell_type.fill(entries, columns.cell_type)
        self.covariates.fill(entries, columns.covariates)
        self.continuous.fill(numbers, columns.continuous)
        next(answer for answer in self.answers if answer.key == "data.continuous_covariates").set_shown(bool(numbers))
        self.latent_choice.fill([(_latent_words(self._store, key), key) for key in self._store.latents()], latent)

    def _connect(self) -> None:
        for choice in (self.sample, self.donor, self.cell_type, self.latent_choice):
            choice.currentIndexChanged.connect(self._on_answer)
        self.target.changed.connect(self._on_answer)
        self.further.changed.connect(self._on_answer)
        for ticks in (self.covariates, self.continuous):
            ticks.ticked.connect(self._on_answer)

    # -- answering -----------------------------------------------------------------------------------------------------

    def mapping(self) -> Mapping:
        """Return the present answers, right or wrong."""
        target = self.target.target() or TargetColumn("")
        columns = Columns(
            sample=self.sample.value() or "",
            donor=self.donor.value(),
            cell_type=self.cell_type.value(),
            covariates=self.covariates.values(),
            target=target.column or None,
            kind=target.kind,
            order=target.order,
            reference=target.reference,
            ignore=target.ignore,
            further=self.further.targets() if target.column else (),
            continuous=self.continuous.values(),
        )
        return Mapping(columns, self.latent_choice.value())

    def problems(self) -> tuple[Problem, ...]:
        """Return what the checker says about the present answers, errors first."""
        return self._problems

    def is_valid(self) -> bool:
        """Return whether the answers can be used."""
        return not any(problem.severity is Severity.ERROR for problem in self._problems)

    def _on_answer(self) -> None:
        for answer in self.answers:
            if answer.key in _PROPOSED and not self._as_proposed(answer.key):
                answer.set_reason("")
        self._check()

    def _as_proposed(self, key: str) -> bool:
        now, then = self.mapping(), self._proposal.columns
        return {
            "data.sample": now.columns.sample == then.sample,
            "data.donor": now.columns.donor == then.donor,
            "target.column": now.columns.target == then.target,
            "target.reference": now.columns.reference == then.reference,
            "data.cell_type": now.columns.cell_type == then.cell_type,
            "data.covariates": set(now.columns.covariates) == set(then.covariates),
            "latent.use": now.latent == self._proposal.latent,
        }[key]

    def _check(self) -> None:
        columns = self.mapping().columns
        self._problems = check_columns(self._store, columns)
        self.further.setVisible(columns.target is not None)
        self.further.offer((columns.target, columns.sample, columns.donor))
        known = self.target.place(self._problems) | self.further.place(self._problems)
        for answer in self.answers:
            if answer.key not in known:
                answer.set_problems([problem for problem in self._problems if problem.field == answer.key])
        known |= {answer.key for answer in self.answers}
        while self._others.count():
            item = self._others.takeAt(0)
            line = item.widget() if item is not None else None
            if line is not None:
                line.hide()
                line.deleteLater()
        for problem in self._problems:
            if problem.field not in known:
                self._others.addWidget(MarkedLine(MARKS[problem.severity], in_words(problem), self))
        self.preview.show_columns(self._store, columns)
        self.changed.emit(self.is_valid())


def found_in_words(store: Store) -> str:
    """Say what a file holds: modalities with their features and kind of values, columns, maps, latents."""
    index = store.index
    parts = []
    for name, info in index.modalities.items():
        values = "counts" if info.counts else ("an embedding" if info.embedding else "transformed values")
        cells = "" if info.n_cells == index.n_cells else f", measured in {info.n_cells:,} cells"
        parts.append(f"{name} ({info.n_features:,} features, {values}{cells})")
    lines = ["Modalities: " + ", ".join(parts) + "."]
    maps = ", ".join(store.maps()) or "none (one can be computed)"
    latents = ", ".join(store.latents()) or "none (one can be learnt)"
    lines.append(f"Columns: {len(index.obs)}. Maps: {maps}. Latents: {latents}.")
    return "\n".join(lines)


def _may_name(info: ColumnInfo, n_cells: int) -> bool:
    """Leave out measurements: nearly every cell has its own number."""
    return info.kind is not ColumnKind.NUMBER or info.n_levels * 4 <= n_cells


def _may_be_predicted(store: Store, entries: list[tuple[str, str]], sample: str) -> list[tuple[str, str]]:
    """Return the entries with one value per sample and more than one altogether; all when there is no sample column."""
    if store.index.column(sample) is None:
        return entries
    of_cell = store.labelling(sample)
    n_samples = len(of_cell.levels)

    def may(name: str) -> bool:
        info = store.index.column(name)
        # The cheap question first: columns can be many, and cells too.
        if info is None or not 1 < info.n_levels <= n_samples:
            return False
        return _one_per_sample(of_cell.codes, store.labelling(name).codes, n_samples)

    return [(words, name) for words, name in entries if may(name)]


def _one_per_sample(sample: np.ndarray, codes: np.ndarray, n_samples: int) -> bool:
    """Whether the cells of each sample have one code, those without (-1) aside."""
    known = (sample >= 0) & (codes >= 0)
    first, last = np.full(n_samples, np.iinfo(np.int64).max), np.full(n_samples, -1)
    np.minimum.at(first, sample[known], codes[known])
    np.maximum.at(last, sample[known], codes[known])
    return bool((first[last >= 0] == last[last >= 0]).all())


def _latent_words(store: Store, key: str) -> str:
    size = store.index.obsm.get(key)
    return f"{key}  ·  {size} dimensions" if size else f"{key}  ·  the matrix itself"
