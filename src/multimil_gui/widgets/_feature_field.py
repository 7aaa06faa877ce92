"""A line edit that finds one of tens of thousands of genes while you type."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QCompleter, QLineEdit, QWidget

from multimil_gui.state.feature_search import Feature, FeatureSearch, feature_search
from multimil_gui.widgets._ui import tooltip

if TYPE_CHECKING:
    from multimil_gui.data.store import Store


class _Matches(QAbstractListModel):
    """The few matches on offer; completing writes the name alone, the list names the modality too."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.features: tuple[Feature, ...] = ()
        self.with_modality = False

    def show(self, features: tuple[Feature, ...]) -> None:
        """Offer these."""
        if features != self.features:
            self.beginResetModel()
            self.features = features
            self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of matches."""
        return 0 if parent is not None and parent.isValid() else len(self.features)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a match as shown or as written."""
        if not index.isValid():
            return None
        feature = self.features[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{feature.name}   ·  {feature.modality}" if self.with_modality else feature.name
        if role == Qt.ItemDataRole.EditRole:
            return feature.name
        return tooltip(feature.name) if role == Qt.ItemDataRole.ToolTipRole else None


class FeatureField(QLineEdit):
    """Chooses a feature by name: any part of the name, any case; Down shows what was chosen before.

    Signals
    -------
    feature_chosen(str)
        A name of the list, written as in the data: picked from the list or typed and confirmed with Return.
    picked(object)
        The same as a :class:`Feature`, which names its modality too.
    feature_unknown(str)
        Return was pressed on a text that no name contains.
    """

    feature_chosen = Signal(str)
    picked = Signal(object)
    feature_unknown = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("feature_field")
        self.setAccessibleName("Gene, protein or peak")
        self.setPlaceholderText("Type a part of the name, e.g. IFI")
        self.setClearButtonEnabled(True)
        self._names: tuple[str, ...] = ()
        self._store: Store | None = None
        self._search: FeatureSearch | None = FeatureSearch({})
        self._model = _Matches(self)
        # The completer sees the best matches only; a list of 60,000 names would stall it at every key.
        completer = QCompleter(self._model, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(12)
        completer.activated[QModelIndex].connect(self._on_activated)
        self.setCompleter(completer)
        self.textEdited.connect(self._offer)
        self.returnPressed.connect(self._on_return)

    # -- what is on offer ----------------------------------------------------------------------------------------------

    def set_features(self, names: Sequence[str]) -> None:
        """Offer these names; the same tuple again costs nothing."""
        if names is self._names:
            return
        self._names, self._store = tuple(names), None
        self._search = FeatureSearch({"": self._names})
        self._model.with_modality = False

    def set_store(self, store: Store) -> None:
        """Offer the features of all modalities of a store; made ready in a thread, so that the first key does not wait."""
        if store is self._store:
            return
        self._names, self._store, self._search = (), store, None
        self._model.with_modality = len(store.index.modalities) > 1
        threading.Thread(target=feature_search, args=(store,), name="multimil-features", daemon=True).start()

    def names(self) -> tuple[str, ...]:
        """Return the names given by :meth:`set_features`."""
        return self._names

    def matches(self, text: str, limit: int = 20) -> tuple[Feature, ...]:
        """Return what is offered for a text, best first."""
        return self._found().matches(text, limit)

    def show_feature(self, name: str) -> None:
        """Show a name without choosing it."""
        if self.text() != name:
            self.setText(name)

    def _found(self) -> FeatureSearch:
        if self._search is None:
            assert self._store is not None
            self._search = feature_search(self._store)
        return self._search

    # -- choosing ------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Show the list with Down."""
        completer = self.completer()
        if event is not None and event.key() == Qt.Key.Key_Down and completer is not None:
            self._offer(self.text())
            if self._model.features:
                completer.complete()
                return
        super().keyPressEvent(event)

    def _offer(self, text: str) -> None:
        self._model.show(self._found().matches(text))

    def _on_activated(self, index: QModelIndex) -> None:
        source = self._model.features
        if index.isValid() and index.row() < len(source):
            self._choose(source[index.row()])

    def _on_return(self) -> None:
        completer, text = self.completer(), self.text().strip()
        popup = None if completer is None else completer.popup()
        if not text or (popup is not None and popup.isVisible() and popup.currentIndex().isValid()):
            # What is marked in the list is chosen by the list.
            return
        found = self._found().exact(text) or self._found().matches(text, 1)
        if not found:
            self.feature_unknown.emit(text)
            return
        if popup is not None:
            popup.hide()
        self._choose(found[0])

    def _choose(self, feature: Feature) -> None:
        self._found().remember(feature)
        self.setText(feature.name)
        self.feature_chosen.emit(feature.name)
        self.picked.emit(feature)
