"""Says how a list of cells fits the data, and makes a selection or cell sets of it when the user agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qtpy.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from multimil_gui.data.cell_listing import CellListing, ListMatch
from multimil_gui.data.words import listing as listed_words
from multimil_gui.state.recipes import pack_mask
from multimil_gui.state.selection import SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.widgets._selection_dialog import SelectionDialog
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, label

_ONE_SET, _SELECT = "one set", "select"
_SHOWN = 6


class ImportCellsDialog(SelectionDialog):
    """The report of a list that was read, and what is to be made of it.

    Parameters
    ----------
    session
        The session.
    listing
        The list, matched with the cells of the session's data.
    """

    def __init__(self, session: Session, listing: CellListing, parent: QWidget | None = None) -> None:
        super().__init__("Cells of a list", "import_cells", session, parent)
        self.setMinimumWidth(520)
        self._listing = listing
        self.add_field("File", label(listing.name, Role.BODY, self, wrap=True))
        for remark in listing.remarks:
            self.form.addRow("", MarkedLine(Mark.NOTE, remark, self))
        self.way = self._choice("import_way", "Match", "How the listed names are compared with the names of the cells")
        for match in listing.matches:
            self.way.addItem(f"{match.how}: {match.n_found:,} found", None)
        self.report = {name: MarkedLine(mark, "", self) for name, mark in _REPORT}
        lines = QVBoxLayout()
        lines.setSpacing(3)
        for line in self.report.values():
            lines.addWidget(line)
        self._layout.insertLayout(1, lines)
        self.unclear = self._choice(
            "import_unclear", "Unclear names", "What becomes of names that several cells of the data have"
        )
        self.unclear.addItem("leave them out", False)
        self.unclear.addItem("take every cell of the name", True)
        self.make = self._choice("import_make", "Make", "What the found cells become")
        self.make.addItem("one cell set", _ONE_SET)
        for column in listing.set_columns():
            n = len(listing.groups(column))
            self.make.addItem(
                f"a cell set for each value of “{column}” ({n:,})" if n != 1 else f"“{column}”", (column,)
            )
        self.make.addItem("a selection", _SELECT)
        self.name = QLineEdit(Path(listing.name).stem, self)
        self.name.setObjectName("import_name")
        self.name.setAccessibleName("Name of the cell set")
        self.name.setToolTip("Name of the cell set; a taken name gets a number")
        self.add_field("Name", self.name)
        self.add_field("These cells", self.combine_choice)
        for part in (self.way, self.unclear, self.make):
            part.activated.connect(self.refresh)
        self.name.textEdited.connect(self.refresh)
        self.refresh()

    def _choice(self, name: str, words: str, tip: str) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName(name)
        combo.setAccessibleName(words)
        combo.setToolTip(tip)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(24)
        self._guard.watch(combo)
        self.add_field(words, combo)
        return combo

    # -- showing -------------------------------------------------------------------------------------------------------

    @property
    def match(self) -> ListMatch:
        """The chosen way to match."""
        return self._listing.matches[self.way.currentIndex()]

    def refresh(self) -> None:
        """Report the chosen way, and say what would be made."""
        match, n = self.match, len(self._listing.names)
        n_repeated = self._listing.n_repeated
        self._say("found", f"{match.n_found:,} of {n:,} listed cells are in the data." if match.n_found else "")
        missing = f"{match.n_missing:,} {_are(match.n_missing)} not, for example {listed_words(list(match.missing))}."
        self._say("missing", missing if match.n_missing else "")
        unclear = f"{match.n_ambiguous:,} {_are(match.n_ambiguous)} the name of several cells, for example "
        self._say("unclear", f"{unclear}{listed_words(list(match.ambiguous))}." if match.n_ambiguous else "")
        self._say("repeated", f"{n_repeated:,} {_are(n_repeated)} listed more than once." if n_repeated else "")
        kind = self.make.currentData()
        self._offer(self.unclear, match.n_ambiguous > 0)
        self._offer(self.name, kind == _ONE_SET)
        self._offer(self.combine_choice, kind == _SELECT and not self._session.selection.empty)
        parts = [(name, int(np.count_nonzero(mask))) for name, mask, _ in self._parts()]
        made = [(name, count) for name, count in parts if count]
        self.count.setText(_made_words(made, kind == _SELECT))
        self.accept_button.setText("Select" if kind == _SELECT else "Make cell set" + ("s" if len(made) > 1 else ""))
        self.accept_button.setEnabled(bool(made) and (kind != _ONE_SET or bool(self.name.text().strip())))
        self.adjustSize()

    def _offer(self, field: QWidget, on: bool) -> None:
        """Show a field with its caption only where it means something."""
        caption = self.form.labelForField(field)
        field.setVisible(on)
        if caption is not None:
            caption.setVisible(on)

    def _say(self, name: str, words: str) -> None:
        self.report[name].set_words(words)
        self.report[name].setVisible(bool(words))

    # -- doing ---------------------------------------------------------------------------------------------------------

    def _parts(self) -> list[tuple[str, np.ndarray, SelectionRecipe]]:
        """Return name, (n_cells,) bool mask and recipe of everything that would be made."""
        kind = self.make.currentData()
        if kind in (_ONE_SET, _SELECT):
            return [(self.name.text(), *self._part(None, ""))]
        groups = self._listing.groups(kind[0])
        return [(name, *self._part(chosen, name)) for name, chosen in groups.items()]

    def _part(self, chosen: np.ndarray | None, label: str) -> tuple[np.ndarray, SelectionRecipe]:
        match = self.match
        take_all = bool(self.unclear.currentData()) and match.n_ambiguous > 0
        mask = match.mask(self._session.data.n_cells, take_all, chosen)
        parameters: dict[str, object] = {
            "file": self._listing.name,
            "listed": len(match.rows) if chosen is None else int(np.count_nonzero(chosen)),
            "found": int(np.count_nonzero(mask)),
            "matched": match.how,
            "cells": pack_mask(mask),
        }
        if label:
            parameters["label"] = label
        return mask, SelectionRecipe(SelectionKind.BARCODES, parameters)

    def _select(self) -> None:
        parts = self._parts()
        if self.make.currentData() == _SELECT:
            _, mask, recipe = parts[0]
            self._session.select(mask, recipe, self.combine())
        else:
            self._session.add_listed(parts)


_REPORT = (("found", Mark.OK), ("missing", Mark.WARNING), ("unclear", Mark.WARNING), ("repeated", Mark.NOTE))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _made_words(made: list[tuple[str, int]], select: bool) -> str:
    if not made:
        return "No listed cell is in the data: choose another way to match, or another list."
    if len(made) == 1:
        cells = f"{made[0][1]:,} cell{'s' if made[0][1] != 1 else ''}"
        return f"{cells} will be selected." if select else f"A set of {cells} will be made."
    told = ", ".join(f"{name} ({count:,})" for name, count in made[:_SHOWN])
    more = f" and {len(made) - _SHOWN:,} more" if len(made) > _SHOWN else ""
    return f"{len(made):,} sets will be made: {told}{more}."
