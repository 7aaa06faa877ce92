"""A line edit that finds one of tens of thousands of genes while you type."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QStringListModel, Qt, Signal
from qtpy.QtWidgets import QCompleter, QLineEdit, QWidget


class FeatureField(QLineEdit):
    """Chooses a feature by name: any part of the name, any case.

    Signals
    -------
    feature_chosen(str)
        A name of the list, written as in the data: picked from the list or typed and confirmed with Return.
    feature_unknown(str)
        Return was pressed on a text that no name contains.
    """

    feature_chosen = Signal(str)
    feature_unknown = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("feature_field")
        self.setAccessibleName("Gene, protein or peak")
        self.setPlaceholderText("Type a part of the name, e.g. IFI")
        self.setClearButtonEnabled(True)
        self._names: tuple[str, ...] = ()
        self._exact: dict[str, str] = {}
        self._model = QStringListModel(self)
        # A list model with the contains filter scans 60,000 names in a few milliseconds; nothing is built per key press.
        completer = QCompleter(self._model, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setMaxVisibleItems(12)
        completer.activated[str].connect(self._choose)
        self.setCompleter(completer)
        self.returnPressed.connect(self._on_return)

    def set_features(self, names: Sequence[str]) -> None:
        """Offer these names; the same tuple again costs nothing."""
        if names is self._names:
            return
        self._names = tuple(names)
        self._exact = {name.lower(): name for name in reversed(self._names)}
        self._model.setStringList(list(self._names))

    def names(self) -> tuple[str, ...]:
        """Return the names on offer."""
        return self._names

    def matches(self, text: str, limit: int = 20) -> tuple[str, ...]:
        """Return names that contain ``text``, those that begin with it first."""
        wanted = text.lower()
        found = [name for name in self._names if wanted in name.lower()]
        return tuple(sorted(found, key=lambda name: not name.lower().startswith(wanted))[:limit])

    def show_feature(self, name: str) -> None:
        """Show a name without choosing it."""
        if self.text() != name:
            self.setText(name)

    def _on_return(self) -> None:
        text = self.text().strip()
        if not text:
            return
        name = self._exact.get(text.lower())
        if name is None:
            found = self.matches(text, 1)
            name = found[0] if found else None
        if name is None:
            self.feature_unknown.emit(text)
        else:
            self._choose(name)

    def _choose(self, name: str) -> None:
        self.setText(name)
        self.feature_chosen.emit(name)
