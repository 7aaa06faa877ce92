"""Asks which cells get a map and clusters of their own, and how these are computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.core.errors import Refusal
from multimil_gui.jobs.subset import FEWEST, SubsetOptions
from multimil_gui.project.slug import file_slug
from multimil_gui.state.recipes import bounded, to_plain
from multimil_gui.state.session import Session
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, WheelGuard, label

SELECTION, EVERYTHING = "selection", "all"
_MOST_SEED = 2**31 - 1
_NOTHING = "Tick a map, clusters, or both."
_ABOUT = "The other cells keep their places on the other maps; on the new one they are not drawn."


@dataclass(frozen=True, eq=False)
class SubsetRequest:
    """What the dialog was answered.

    Attributes
    ----------
    cells
        (n_cells,) bool, None for all.
    latent
        Name of the latent space.
    options
        What is computed, and how.
    map_name, labels_name
        What the map and the clusters will be called.
    provenance
        How the clusters were made, plain JSON values.
    """

    cells: np.ndarray | None
    latent: str
    options: SubsetOptions
    map_name: str
    labels_name: str
    provenance: Mapping[str, object]


class SubsetDialog(QDialog):
    """Which cells, which latent, and the settings of UMAP and Leiden.

    Parameters
    ----------
    session
        The session; nothing is changed here.
    cells
        What is proposed: :data:`SELECTION`, :data:`EVERYTHING`, or the id of a cell set.
    embed, cluster
        What is ticked.

    Raises
    ------
    Refusal
        When there is no latent space.
    """

    def __init__(
        self,
        session: Session,
        cells: str | int = SELECTION,
        parent: QWidget | None = None,
        *,
        embed: bool = True,
        cluster: bool = True,
    ) -> None:
        if not len(session.data.latents):
            raise Refusal("There is no latent space yet.", "", "Run Integration first, or open a file with a PCA.")
        super().__init__(parent)
        self.setObjectName("subset_dialog")
        self.setWindowTitle("Re-embed and cluster" if embed else "Cluster cells (Leiden)")
        self.setMinimumWidth(460)
        self._session = session
        self._guard = WheelGuard(self)
        self._make_fields(embed, cluster)
        self._make_frame()
        self._choose(cells)
        self._refresh()

    # -- building ------------------------------------------------------------------------------------------------------

    def _make_fields(self, embed: bool, cluster: bool) -> None:
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(12)
        self.form.setVerticalSpacing(8)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.cells = self._choice("subset_cells", "Cells", "Which cells are looked at; all others are left out")
        self._fill_cells()
        self.latent = self._choice("subset_latent", "Latent", "The space in which cells are near each other")
        for name in self._session.data.latents:
            self.latent.addItem(name, name)
        run = self._session.runs.value.shared_latent(self._session.view.map_key)
        self.latent.setCurrentIndex(max(-1 if run is None else self.latent.findData(run.latent_key), 0))
        self.name = QLineEdit(self)
        self._add("subset_name", "Name", "What the map and the clusters are called", self.name)
        self.embed = self._tick("subset_embed", "Map (UMAP)", "Draw these cells on a map of their own", embed)
        self.cluster = self._tick(
            "subset_cluster", "Clusters (Leiden)", "Group the cells by their nearest cells", cluster
        )
        tip = "Cells that each cell is compared with: few show fine structure, many the large one"
        self.neighbors = self._number("subset_neighbors", "Neighbours", tip, 2, 200, SubsetOptions().neighbors)
        tip = "How close UMAP may place cells, 0 to 1: small values make dense clumps; changes the map only"
        self.min_dist = self._real("subset_min_dist", "Smallest distance", tip, (0.0, 1.0), SubsetOptions().min_dist)
        tip = "Leiden's resolution: more gives more and smaller clusters; changes the clusters only"
        self.resolution = self._real("subset_resolution", "Resolution", tip, (0.01, 20.0), SubsetOptions().resolution)
        tip = "Start of the random numbers: the same seed gives the same map and clusters again"
        self.seed = self._number("subset_seed", "Seed", tip, 0, _MOST_SEED, SubsetOptions().seed)

    def _make_frame(self) -> None:
        self._about = label(_ABOUT, Role.NOTE, self, wrap=True)
        self._problem = MarkedLine(Mark.WARNING, "", self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        start = buttons.addButton("Start", QDialogButtonBox.ButtonRole.AcceptRole)
        assert start is not None
        self.accept_button = start
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(10)
        layout.addLayout(self.form)
        for part in (self._about, self._problem):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.cells.currentIndexChanged.connect(self._propose_name)
        for signal in (self.cells.currentIndexChanged, self.embed.toggled, self.cluster.toggled, self.name.textChanged):
            signal.connect(self._refresh)

    def _fill_cells(self) -> None:
        session = self._session
        if not session.selection.empty:
            self.cells.addItem(f"selected cells ({session.selection.count:,})", SELECTION)
        self.cells.addItem(f"all cells ({session.data.n_cells:,})", EVERYTHING)
        for item in session.cell_sets.items:
            self.cells.addItem(f"cell set “{item.name}” ({item.count:,})", item.id)

    def _choose(self, cells: str | int) -> None:
        self.cells.setCurrentIndex(max(self.cells.findData(cells), 0))
        self._propose_name()

    def _add(self, name: str, caption: str, tip: str, field: QWidget) -> None:
        field.setObjectName(name)
        field.setAccessibleName(caption)
        field.setToolTip(tip)
        words = label(caption, Role.BODY, self)
        words.setBuddy(field)
        words.setToolTip(tip)
        self.form.addRow(words, field)

    def _choice(self, name: str, caption: str, tip: str) -> QComboBox:
        box = QComboBox(self)
        self._guard.watch(box)
        self._add(name, caption, tip, box)
        return box

    def _tick(self, name: str, words: str, tip: str, on: bool) -> QCheckBox:
        box = QCheckBox(words, self)
        box.setObjectName(name)
        box.setToolTip(tip)
        box.setChecked(on)
        self.form.addRow("", box)
        return box

    def _number(self, name: str, caption: str, tip: str, low: int, high: int, value: int) -> QSpinBox:
        box = QSpinBox(self)
        box.setRange(low, high)
        box.setValue(value)
        self._guard.watch(box)
        self._add(name, caption, tip, box)
        return box

    def _real(self, name: str, caption: str, tip: str, limits: tuple[float, float], value: float) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.setDecimals(2)
        box.setRange(*limits)
        box.setSingleStep(0.1)
        box.setValue(value)
        self._guard.watch(box)
        self._add(name, caption, tip, box)
        return box

    # -- answering -----------------------------------------------------------------------------------------------------

    def request(self) -> SubsetRequest:
        """Return the answers."""
        options = SubsetOptions(
            embed=self.embed.isChecked(),
            cluster=self.cluster.isChecked(),
            neighbors=self.neighbors.value(),
            min_dist=self.min_dist.value(),
            resolution=self.resolution.value(),
            seed=self.seed.value(),
        )
        name, latent = self.name.text().strip(), str(self.latent.currentData())
        return SubsetRequest(
            cells=self._mask(),
            latent=latent,
            options=options,
            map_name=f"X_umap_{file_slug(name)}",
            labels_name=f"clusters of {name}",
            provenance=self._provenance(latent, options),
        )

    def _mask(self) -> np.ndarray | None:
        chosen = self.cells.currentData()
        if chosen == EVERYTHING:
            return None
        return self._session.selection.mask if chosen == SELECTION else self._session.cell_sets.get(int(chosen)).mask

    def _n_cells(self) -> int:
        mask = self._mask()
        return self._session.data.n_cells if mask is None else int(np.count_nonzero(mask))

    def _provenance(self, latent: str, options: SubsetOptions) -> dict[str, object]:
        chosen, session = self.cells.currentData(), self._session
        made: dict[str, object] = {
            **session.provenance(),
            "method": "leiden",
            "latent": latent,
            "n_cells": self._n_cells(),
            "neighbors": options.neighbors,
            "resolution": options.resolution,
            "seed": options.seed,
        }
        if chosen == SELECTION:
            made["cells"] = to_plain(bounded(session.selection.current.recipe))
        elif chosen != EVERYTHING:
            item = session.cell_sets.get(int(chosen))
            made["cells"] = {"set": item.name, "recipe": to_plain(bounded(item.recipe))}
        return made

    def _propose_name(self) -> None:
        chosen = self.cells.currentData()
        names = {SELECTION: "selected cells", EVERYTHING: "all cells"}
        self.name.setText(names.get(chosen) or self._session.cell_sets.get(int(chosen)).name)

    def _refresh(self) -> None:
        """Enable what matters, and say what is missing."""
        self.min_dist.setEnabled(self.embed.isChecked())
        self.resolution.setEnabled(self.cluster.isChecked())
        self._about.setVisible(self.embed.isChecked() and self.cells.currentData() != EVERYTHING)
        n_cells = self._n_cells()
        problem = "" if self.embed.isChecked() or self.cluster.isChecked() else _NOTHING
        if not self.name.text().strip():
            problem = "Type a name."
        if n_cells < FEWEST:
            problem = f"These are {n_cells} cells; at least {FEWEST} are needed."
        self._problem.set_words(problem)
        self._problem.setVisible(bool(problem))
        self.accept_button.setEnabled(not problem)
