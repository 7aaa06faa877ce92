"""Fields of the colour panel that are about genes: a gene set, and two features at once."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from multimil_gui.data.store import Store
from multimil_gui.data.words import counted, listing, verb
from multimil_gui.state.color_kinds import blended_features
from multimil_gui.state.feature_search import Feature
from multimil_gui.state.gene_lists import gene_set
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.widgets._feature_field import FeatureField
from multimil_gui.widgets._ui import WheelGuard, button


def missing_genes(session: Session) -> str:
    """Return in words which genes of the set that is shown the data lack, "" when it has all of them."""
    store, color = session.data.store, session.view.color
    item = gene_set(session, color.key)
    if store is None or color.kind is not ColorKind.SCORE or item is None:
        return ""
    if color.modality not in store.index.modalities:
        return ""
    known = store.gene_major.positions(color.modality)
    missing = [gene for gene in item.genes if gene not in known]
    if not missing:
        return ""
    of = f"{counted(len(missing), 'gene')} of {len(item.genes):,}"
    return f"{of} {verb(len(missing), 'is', 'are')} not in {color.modality} and left out: {listing(missing)}."


class GeneSetField(QWidget):
    """Chooses one of the session's gene sets; a button beside it manages them.

    Signals
    -------
    chosen()
        The user chose a set.
    manage_wanted()
        The user wants to see, make or import gene sets.
    """

    chosen = Signal()
    manage_wanted = Signal()

    def __init__(self, guard: WheelGuard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.combo = QComboBox(self)
        self.combo.setObjectName("color_gene_set")
        self.combo.setAccessibleName("Gene set")
        self.combo.setToolTip("The set whose score is shown: its mean level minus that of random genes of like levels")
        self.combo.setMaxVisibleItems(20)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(3)
        self.combo.setMinimumWidth(44)
        self.combo.activated.connect(self.chosen)
        guard.watch(self.combo)
        self.manage = button(
            "Sets…", "Make, paste, import and change gene sets", "manage_gene_sets", self.manage_wanted
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.manage)

    def show_sets(self, names: tuple[str, ...]) -> None:
        """Offer these sets; the choice stays where it can."""
        if names != tuple(self.combo.itemText(i) for i in range(self.combo.count())):
            before = self.combo.currentText()
            self.combo.clear()
            self.combo.addItems(list(names))
            self.combo.setCurrentIndex(max(self.combo.findText(before), 0 if names else -1))
        self.combo.setEnabled(bool(names))

    def show_set(self, name: str) -> None:
        """Show a set without choosing it; one that is not there is shown as nothing."""
        self.combo.setCurrentIndex(self.combo.findText(name))

    def name(self) -> str:
        """Return the chosen set, "" for none."""
        return self.combo.currentText()


class BlendFields(QWidget):
    """Chooses two features, of one modality or of two.

    Signals
    -------
    picked(object)
        Both are chosen: the :class:`ColorBy` of their blend.
    feature_unknown(str)
        Return was pressed on a text that no name contains.
    """

    picked = Signal(object)
    feature_unknown = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.second = FeatureField(self), FeatureField(self)
        self._features: list[Feature | None] = [None, None]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        words = (("first", "First gene (blue)"), ("second", "Second gene (orange)"))
        for i, (field, (name, caption)) in enumerate(zip((self.first, self.second), words, strict=True)):
            field.setObjectName(f"blend_{name}")
            field.setAccessibleName(caption)
            field.setPlaceholderText(caption)
            field.picked.connect(lambda feature, i=i: self._on_picked(i, feature))
            field.feature_unknown.connect(self.feature_unknown)
            layout.addWidget(field)

    def set_store(self, store: Store) -> None:
        """Offer the features of this store."""
        for field in (self.first, self.second):
            field.set_store(store)

    def show_color(self, color: ColorBy) -> None:
        """Show the features of a blend; of another colour that is a feature, the first."""
        if color.kind is ColorKind.BLEND:
            self._features = [Feature(*feature) for feature in blended_features(color)]
        elif color.kind is ColorKind.FEATURE:
            self._features = [Feature(color.key, color.modality), self._features[1]]
        for field, feature in zip((self.first, self.second), self._features, strict=True):
            field.show_feature("" if feature is None else feature.name)

    def color(self) -> ColorBy | None:
        """Return the blend, None while a feature is missing."""
        first, second = self._features
        if first is None or second is None or not second.name:
            return None
        same = first.modality == second.modality
        modality = first.modality if same else f"{first.modality}\t{second.modality}"
        return ColorBy(ColorKind.BLEND, f"{first.name}\t{second.name}", modality)

    def _on_picked(self, which: int, feature: Feature) -> None:
        self._features[which] = feature
        color = self.color()
        if color is not None:
            self.picked.emit(color)
        elif which == 0:
            self.second.setFocus()
