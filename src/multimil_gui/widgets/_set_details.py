"""What is in a cell set: how it was made, and its cells per condition and cell type."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from multimil_gui.state.cell_sets import CellSet
from multimil_gui.state.palettes import MISSING, category_colors
from multimil_gui.state.recipes import describe
from multimil_gui.state.session import Session
from multimil_gui.state.summary import LevelCount, summarise
from multimil_gui.views.bars import Bar, Bars
from multimil_gui.widgets._set_check import SetCheck
from multimil_gui.widgets._set_notes import SetNotes
from multimil_gui.widgets._ui import Role, label


def count_words(part: LevelCount) -> str:
    """Return e.g. ``"120 (10 %)"``: cells in the set, and their share of the level."""
    return f"{part.count:,} ({100 * part.count / part.total:.0f} %)" if part.total else f"{part.count:,}"


def bars_of(counts: tuple[LevelCount, ...]) -> list[Bar]:
    """Return one bar per level, as long as its number of cells in the set."""
    colors = category_colors(len(counts))
    return [
        Bar(
            label=part.level or "(missing)",
            parts=(float(part.count),),
            colors=(colors[i] if part.level else MISSING,),
            text=count_words(part),
        )
        for i, part in enumerate(counts)
    ]


class SetDetails(QScrollArea):
    """Details of one cell set, or of the present selection."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("set_details")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._session = session
        page = QWidget(self)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(5)
        self.recipe = label("", Role.BODY, page, wrap=True)
        self.recipe.setObjectName("recipe")
        self.recipe.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.rests_on = label("", Role.NOTE, page, wrap=True)
        self.check = SetCheck(self._session, page)
        self.notes = SetNotes(self._session, page)
        self._per_condition = label("", Role.HEADING, page)
        self.conditions = Bars(page)
        self._per_type = label("Per cell type, and share of its cells", Role.HEADING, page)
        self.cell_types = Bars(page)
        for part in (
            self.recipe,
            self.rests_on,
            self.check,
            self.notes,
            self._per_condition,
            self.conditions,
            self._per_type,
            self.cell_types,
        ):
            layout.addWidget(part)
        layout.addStretch(1)
        self.setWidget(page)
        self.show_set(None)

    def show_set(self, item: CellSet | None) -> None:
        """Show a cell set; None shows nothing."""
        cohort = self._session.target_cohort()
        summary = summarise(item.mask, cohort) if item is not None and cohort is not None else None
        self.recipe.setText(f"Made by: {describe(item.recipe)}" if item is not None else "")
        self.rests_on.setText(_provenance_words(item))
        self.rests_on.setVisible(bool(self.rests_on.text()))
        self.check.show_set(item)
        self.notes.show_set(item)
        self.notes.setVisible(item is not None)
        conditions = summary.conditions if summary is not None else ()
        types = summary.cell_types if summary is not None else ()
        name = cohort.target.column if cohort is not None and cohort.target is not None else "condition"
        self._per_condition.setText(f"Per {name}, and share of its cells")
        of_set = "selected cells" if item is None else f"cells of {item.name}"
        self.conditions.set_meaning(f"{of_set} per {name}", name, ("cells",))
        self.cell_types.set_meaning(f"{of_set} per cell type", "cell type", ("cells",))
        self.conditions.set_bars(bars_of(conditions))
        self.cell_types.set_bars(bars_of(types))
        for part, counts in (
            (self._per_condition, conditions),
            (self.conditions, conditions),
            (self._per_type, types),
            (self.cell_types, types),
        ):
            part.setVisible(bool(counts))


def _provenance_words(item: CellSet | None) -> str:
    if item is None or "run" not in item.provenance:
        return ""
    scores = "held-out scores" if item.provenance.get("scores") == "held_out" else "scores of the final model"
    return f"Rests on {scores} of “{item.provenance['run']}”."
