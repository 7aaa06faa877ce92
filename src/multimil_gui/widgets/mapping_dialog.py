"""Which column means what: shows what a file holds, proposes answers with reasons, and checks them as you choose."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.data.check import check_columns
from multimil_gui.data.cohort import Columns, Problem, Severity
from multimil_gui.data.index import ColumnInfo, ColumnKind
from multimil_gui.data.propose import Proposal, propose
from multimil_gui.data.store import Store
from multimil_gui.widgets._mapping_fields import MARKS, Answer, CheckList, Choice, column_words, in_words
from multimil_gui.widgets._mapping_preview import MappingPreview
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, WheelGuard, label

LEARN_HERE = "Learn it here (run Integration)"


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
            answer.set_reason("" if columns is not None else self._proposal.reasons.get(answer.key, ""))
        self._connect()
        self._check()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.sample = Choice(self._guard, "", self)
        self.donor = Choice(self._guard, "Every sample is its own donor", self)
        self.target = Choice(self._guard, "None: integration only", self)
        self.reference = Choice(self._guard, "None", self)
        self.cell_type = Choice(self._guard, "None", self)
        self.covariates = CheckList(self)
        self.latent_choice = Choice(self._guard, LEARN_HERE, self)
        self.answers = (
            Answer("data.sample", "Sample", "The column that names the sample: cells with one phenotype.", self.sample),
            Answer("data.donor", "Donor", "The column that names the person; folds never split a donor.", self.donor),
            Answer("target.column", "Phenotype", "What is predicted; one value per sample.", self.target),
            Answer("target.reference", "Control class", "The healthy or untreated samples.", self.reference),
            Answer("data.cell_type", "Cell type", "For colours, summaries and baselines.", self.cell_type),
            Answer(
                "data.covariates",
                "Covariates",
                "Columns whose effect the integration removes, e.g. the batch. Never the phenotype.",
                self.covariates,
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
        form = QFormLayout(page)
        form.setContentsMargins(0, 0, 10, 0)
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(9)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for answer in self.answers:
            form.addRow(answer.caption, answer)
        self._others = QVBoxLayout()
        self._others.setSpacing(3)
        form.addRow(self._others)
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
        named = {columns.sample, columns.donor, columns.target, columns.cell_type, *columns.covariates}
        entries = [
            (column_words(info), info.name)
            for info in self._store.index.obs
            if _may_name(info, self._store.index.n_cells) or info.name in named
        ]
        self.sample.fill(entries, columns.sample or None)
        self.donor.fill(entries, columns.donor)
        self.target.fill(entries, columns.target)
        self.cell_type.fill(entries, columns.cell_type)
        self.covariates.fill(entries, columns.covariates)
        self._fill_reference(columns.reference)
        self.latent_choice.fill([(_latent_words(self._store, key), key) for key in self._store.latents()], latent)

    def _fill_reference(self, chosen: str | None) -> None:
        target = self.target.value()
        levels = self._store.labelling(target).levels[:200] if target else ()
        self.reference.fill([(level, level) for level in levels], chosen)
        self.reference.setEnabled(bool(levels))

    def _connect(self) -> None:
        for choice in (self.sample, self.donor, self.reference, self.cell_type, self.latent_choice):
            choice.currentIndexChanged.connect(self._on_answer)
        self.target.currentIndexChanged.connect(self._on_target)
        self.covariates.ticked.connect(self._on_answer)

    # -- answering -----------------------------------------------------------------------------------------------------

    def mapping(self) -> Mapping:
        """Return the present answers, right or wrong."""
        same_target = self.target.value() == self._start.target
        columns = replace(
            self._start,
            sample=self.sample.value() or "",
            donor=self.donor.value(),
            target=self.target.value(),
            cell_type=self.cell_type.value(),
            covariates=self.covariates.values(),
            reference=self.reference.value() if self.target.value() else None,
            order=self._start.order if same_target else (),
        )
        return Mapping(columns, self.latent_choice.value())

    def problems(self) -> tuple[Problem, ...]:
        """Return what the checker says about the present answers, errors first."""
        return self._problems

    def is_valid(self) -> bool:
        """Return whether the answers can be used."""
        return not any(problem.severity is Severity.ERROR for problem in self._problems)

    def _on_target(self) -> None:
        self._fill_reference(None)
        self._on_answer()

    def _on_answer(self) -> None:
        for answer in self.answers:
            if not self._as_proposed(answer.key):
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
        known = {answer.key for answer in self.answers}
        for answer in self.answers:
            answer.set_problems([problem for problem in self._problems if problem.field == answer.key])
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


class MappingDialog(QDialog):
    """Asks which column means what; ``Open`` can be pressed once nothing is wrong.

    Parameters
    ----------
    store
        The opened data.
    columns, latent
        Answers given before, to be changed; None starts from the proposal.
    """

    def __init__(
        self,
        store: Store,
        columns: Columns | None = None,
        latent: str | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("mapping_dialog")
        self.setWindowTitle("What the columns mean")
        self.panel = MappingPanel(store, columns, latent, self)
        self._verdict = label("", Role.NOTE, self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.accept_button = buttons.addButton("Open", QDialogButtonBox.ButtonRole.AcceptRole)
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
        self.resize(1040, 660)

    def mapping(self) -> Mapping:
        """Return what the user answered."""
        return self.panel.mapping()

    def _on_changed(self, valid: bool) -> None:
        count = sum(problem.severity is Severity.ERROR for problem in self.panel.problems())
        words = (
            "Everything needed is there." if valid else f"{count} thing{'s' if count != 1 else ''} to put right first."
        )
        self._verdict.setText(words)
        if self.accept_button is not None:
            self.accept_button.setEnabled(valid)
            self.accept_button.setDefault(valid)
            self.accept_button.setToolTip("" if valid else words)


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


def _latent_words(store: Store, key: str) -> str:
    size = store.index.obsm.get(key)
    return f"{key}  ·  {size} dimensions" if size else f"{key}  ·  the matrix itself"
