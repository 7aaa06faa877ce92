"""How good the shown fit is, in words and a few numbers, and what its numbers rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from multimil_gui.analysis.result import MILResult, ModelScores
from multimil_gui.core.options import MILOptions
from multimil_gui.data.cohort import Cohort
from multimil_gui.state.runs import RunRecord
from multimil_gui.state.session import Session
from multimil_gui.widgets._fields import value_in_words
from multimil_gui.widgets._plain_table import fill_table, fit_height, plain_table
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, Subscriptions, label

NOTHING = "Nothing was run yet. What a run leaves is judged here."
_MOST_ROWS = 16
_SEED = 0
#: Findings of the audit that call a result in question begin with one of these.
_DOUBTS = ("Confounded", "Leak")


class QualityPage(QScrollArea):
    """The verdict on the active prediction, on the integration behind the map, and on new samples mapped onto a fit.

    Parameters
    ----------
    session
        The session; nothing is changed here.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("quality_page")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._session = session
        self._shown: tuple[object, ...] | None = None
        self._subscriptions = Subscriptions(self)
        self._subscriptions.add(session.runs.changed, self.refresh)
        self._subscriptions.add(session.view.changed, self.refresh)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Judge what is shown now: nothing is computed while nobody looks."""
        super().showEvent(event)
        self._build()

    def refresh(self) -> None:
        """Follow the session."""
        if self.isVisible():
            self._build()

    def _build(self) -> None:
        runs, cohort = self._session.runs.value, self._session.target_cohort()
        shared = runs.shared_latent(self._session.view.map_key)
        now = (runs.mil, cohort, shared)
        if self._shown is not None and all(a is b for a, b in zip(now, self._shown, strict=True)):
            return
        self._shown = now
        page = _Page(self)
        if runs.mil is not None and runs.active is not None and cohort is not None:
            _add_prediction(page, runs.active, runs.mil, cohort)
        if shared is not None and shared.integration is not None:
            _add_integration(page, shared)
        if shared is not None and shared.query is not None:
            _add_query(page, shared)
        page.end()
        self.setWidget(page)


class _Page(QWidget):
    """Headings, lines and tables below each other."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 8, 8, 8)
        self._layout.setSpacing(6)

    def heading(self, words: str) -> None:
        """Add a heading."""
        self._layout.addWidget(label(words, Role.HEADING, self, wrap=True))

    def line(self, words: str, role: Role = Role.BODY) -> None:
        """Add a line; nothing when it is empty."""
        if words:
            self._layout.addWidget(label(words, role, self, wrap=True))

    def marked(self, mark: Mark, words: str) -> None:
        """Add a line behind a mark."""
        self._layout.addWidget(MarkedLine(mark, words, self))

    def table(
        self,
        name: str,
        titles: tuple[str, ...],
        rows: Sequence[tuple[str, ...]],
        tips: Sequence[tuple[str, ...]],
        bold: int | None = None,
    ) -> None:
        """Add a table whose first column is wide; one row may be bold."""
        table = plain_table(titles, name, self, titles[:1])
        fill_table(table, rows, tips, right=range(1, len(titles)))
        for column in range(len(titles) if bold is not None else 0):
            item = table.item(bold or 0, column)
            if item is not None:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
        fit_height(table, _MOST_ROWS)
        self._layout.addWidget(table)

    def end(self) -> None:
        """Fill the rest; say so when there is nothing above."""
        if not self._layout.count():
            self._layout.addWidget(label(NOTHING, Role.EMPTY, self))
        self._layout.addStretch(1)


def _add_prediction(page: _Page, run: RunRecord, mil: MILResult, cohort: Cohort) -> None:
    from multimil_gui.analysis import neighbors
    from multimil_gui.analysis.query_words import predicted_by
    from multimil_gui.analysis.words import verdict

    page.heading(f"Prediction of {mil.column}" if mil.column else "Prediction")
    page.line(f"{run.name}, judged by {predicted_by(mil)}", Role.NOTE)
    if mil.scores:
        page.line(verdict(mil.scores, cohort.samples, _SEED, mil.column))
        _add_models(page, mil.scores)
    else:
        page.line("Too few phenotypes are known to say how good it is.")
    page.line(neighbors.words(mil.neighbors))
    whole = run.mil
    if whole is not None and whole.searched:
        page.line("Options found by the search", Role.NOTE)
        for name, found in whole.searched.items():
            page.line(_searched(name, found))
    if mil.audit:
        page.line("The design", Role.NOTE)
    for finding in mil.audit:
        page.marked(Mark.WARNING if finding.startswith(_DOUBTS) else Mark.NOTE, finding)


def _add_models(page: _Page, scores: Sequence[ModelScores]) -> None:
    """Add the models with the metric that they are ranked by, best first; the others are in the tooltips."""
    from multimil_gui.analysis.metrics import first_metric
    from multimil_gui.analysis.words import interval

    ranked_by = first_metric(scores[0])
    ranked = sorted(scores, key=lambda model: -np.nan_to_num(model.metrics[ranked_by].value, nan=-np.inf))
    tips = ["\n".join((m.name, *(f"{name}: {interval(value)}" for name, value in m.metrics.items()))) for m in ranked]
    page.line(f"Models by {ranked_by}; hover for all metrics and their 95 % intervals.", Role.NOTE)
    page.table(
        "Models compared",
        ("Model", "Value"),
        [(model.name, interval(model.metrics[ranked_by]).partition(" ")[0]) for model in ranked],
        [(tip, tip) for tip in tips],
        bold=next(row for row, model in enumerate(ranked) if model is scores[0]),
    )


def _searched(name: str, found: Mapping[str, object]) -> str:
    """Say which options a search chose for a fold, and how much better they were."""
    number = name.removeprefix("fold")
    fold = f"Fold {int(number) + 1}" if number.isdigit() else "Final fit"
    options = found.get("options")
    chosen = MILOptions.model_validate(options if isinstance(options, Mapping) else {})
    fields = MILOptions.model_fields
    values = [f"{fields[key].title} {value_in_words(getattr(chosen, key))}" for key in sorted(chosen.model_fields_set)]
    better = f"loss {found.get('loss'):.3f}, with the options as given {found.get('loss_as_given'):.3f}"
    return f"{fold}: {', '.join(values)}; {better}."


def _add_integration(page: _Page, run: RunRecord) -> None:
    from multimil_gui.analysis.scib import SHOWN

    integration = run.integration
    assert integration is not None
    page.heading("Integration")
    page.line(f"{run.name}: {integration.latent.shape[1]} latent dimensions, {run.latent_key}", Role.NOTE)
    scib = integration.details.get("scib")
    if not isinstance(scib, Mapping):
        page.line("Not judged: that needs a cell type column, and “Judge it by the scIB metrics”.")
        return
    page.line(str(scib.get("words", "")))
    page.line(f"Cell types: {scib.get('cell_type_column')}; batches: {scib.get('batch_column')}. 1 is best.", Role.NOTE)
    known = [(key, value) for key in SHOWN if isinstance(value := scib.get(key), (int, float))]
    rows = [(SHOWN[key][0], f"{value:.2f}") for key, value in known]
    page.table("scIB metrics", ("Metric", "Value"), rows, [(SHOWN[key][1],) * 2 for key, _ in known])


def _add_query(page: _Page, run: RunRecord) -> None:
    from multimil_gui.analysis.query_words import query_in_words

    assert run.query is not None
    page.heading(f"New samples on {run.query.reference}")
    for words in query_in_words(run.query):
        page.line(words)
