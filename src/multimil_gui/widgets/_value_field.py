"""Chooses one number per cell: a gene, a protein, a column, attention, a contribution, a score."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from multimil_gui.core.options import TargetKind
from multimil_gui.data.index import ColumnKind
from multimil_gui.state.coloring import Coloring
from multimil_gui.state.feature_search import Feature
from multimil_gui.state.resolve import coloring_of
from multimil_gui.state.session import Session
from multimil_gui.state.targets import VALUE, prediction_keys
from multimil_gui.state.view import ColorBy, ColorKind, QueryColor
from multimil_gui.widgets._feature_field import FeatureField
from multimil_gui.widgets._ui import WheelGuard

FEATURE = "Gene, protein or peak…"


def number_colors(session: Session) -> list[tuple[str, ColorBy]]:
    """Return every number that cells have besides their features: words and colour, what is shown now first."""
    found: list[tuple[str, ColorBy]] = [*_of_fit(session), *_of_latent(session), *_of_columns(session)]
    for modality in session.data.store.index.modalities if session.data.store is not None else ():
        for item in session.view.gene_sets:
            found.append((f"score of {item.name} ({modality})", ColorBy(ColorKind.SCORE, item.name, modality)))
    now = session.view.color
    if session.data.store is not None and now.kind is not ColorKind.FEATURE:
        found.sort(key=lambda entry: entry[1] != now)
    return found


def _of_fit(session: Session) -> list[tuple[str, ColorBy]]:
    mil = session.mil()
    if mil is None:
        return []
    found = [("attention", ColorBy(ColorKind.ATTENTION))]
    found += [(f"contribution to {name}", ColorBy(ColorKind.CONTRIBUTION, name)) for name in mil.outcomes]
    value = "predicted value" if mil.kind is TargetKind.REGRESSION else "expected rank"
    for key in prediction_keys(mil):
        found.append((value if key == VALUE else f"probability of {key}", ColorBy(ColorKind.PREDICTION, key)))
    return found


def _of_latent(session: Session) -> list[tuple[str, ColorBy]]:
    run = session.runs.value.shared_latent(session.view.map_key)
    latent = None if run is None else run.integration or run.query
    if run is None or latent is None:
        return []
    found = []
    if len(latent.modalities) > 1:
        found = [(f"share of {name}", ColorBy(ColorKind.MODALITY, name)) for name in latent.modalities]
    if run.query is not None:
        found.append(("confidence of the label", ColorBy(ColorKind.QUERY, QueryColor.CONFIDENCE)))
        found.append(("distance to the reference", ColorBy(ColorKind.QUERY, QueryColor.DISTANCE)))
    return found


def _of_columns(session: Session) -> list[tuple[str, ColorBy]]:
    store = session.data.store
    if store is None:
        return []
    named = [info.name for info in store.index.obs if info.kind is ColumnKind.NUMBER]
    for view in session.data.value.by_target:
        # A target may be read otherwise than its column: numbers as classes, or text as numbers.
        if view.target is not None:
            named = [name for name in named if name != view.target.column]
            named += [view.target.column] if view.samples.value is not None else []
    return [(name, ColorBy(ColorKind.OBS, name)) for name in named]


class ValueField(QWidget):
    """Chooses one number per cell.

    Parameters
    ----------
    session
        The session.
    guard
        Keeps the wheel from changing values in passing.

    Signals
    -------
    changed()
        Another value was chosen.
    """

    changed = Signal()

    def __init__(self, session: Session, guard: WheelGuard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._color: ColorBy | None = None
        self.what = QComboBox(self)
        self.what.setObjectName("value_what")
        self.what.setAccessibleName("Value")
        self.what.setToolTip("The number of each cell that is compared with the limits")
        self.what.setMaxVisibleItems(20)
        self.what.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.what.setMinimumContentsLength(20)
        guard.watch(self.what)
        self.feature = FeatureField(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.what)
        layout.addWidget(self.feature)
        self._fill()
        self.what.activated.connect(self._on_what)
        self.feature.picked.connect(self._on_feature)
        self.feature.textEdited.connect(self._on_edited)

    def _fill(self) -> None:
        store, now = self._session.data.store, self._session.view.color
        measured = store is not None and bool(store.index.modalities)
        if store is not None and measured:
            self.what.addItem(FEATURE, None)
            self.feature.set_store(store)
        offered = number_colors(self._session)
        for words, color in offered:
            self.what.addItem(words, (color.kind.value, color.key, color.modality))
        if now.kind is ColorKind.FEATURE:
            self.feature.show_feature(now.key)
            self._color = now
        elif now in [color for _, color in offered]:
            # What is shown now comes first.
            self.what.setCurrentIndex(int(measured))
            self._color = now
        else:
            self._color = self._chosen()
        self.feature.setVisible(measured and self.what.currentData() is None)

    def color(self) -> ColorBy | None:
        """Return the chosen value, None before a feature is named."""
        return self._color

    def set_color(self, color: ColorBy) -> None:
        """Choose a value that is on offer; the gate plot keeps its axes when other values come on offer."""
        is_feature = color.kind is ColorKind.FEATURE
        wanted = None if is_feature else (color.kind.value, color.key, color.modality)
        # Not findData: Qt compares Python tuples by identity.
        places = (place for place in range(self.what.count()) if self.what.itemData(place) == wanted)
        self.what.setCurrentIndex(next(places, 0))
        self.feature.setVisible(is_feature)
        if is_feature:
            self.feature.show_feature(color.key)
        self._set(color)

    def coloring(self) -> Coloring | None:
        """Return the values of the cells, None before a feature is named."""
        return None if self._color is None else coloring_of(self._session, self._color)

    def _chosen(self) -> ColorBy | None:
        data = self.what.currentData()
        return None if data is None else ColorBy(ColorKind(data[0]), data[1], data[2])

    def _on_what(self) -> None:
        chosen = self._chosen()
        self.feature.setVisible(chosen is None)
        if chosen is None:
            self.feature.clear()
            self.feature.setFocus()
        self._set(chosen)

    def _on_feature(self, feature: Feature) -> None:
        self._set(ColorBy(ColorKind.FEATURE, feature.name, feature.modality))

    def _on_edited(self) -> None:
        """Forget the feature while another one is being typed."""
        self._set(None)

    def _set(self, color: ColorBy | None) -> None:
        if color != self._color:
            self._color = color
            self.changed.emit()
