"""Asks which column means what: the panel of questions with the buttons around it."""

from __future__ import annotations

from qtpy.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from multimil_gui.data.cohort import Columns, Severity
from multimil_gui.data.store import Store
from multimil_gui.widgets._mapping_panel import Mapping, MappingPanel, found_in_words
from multimil_gui.widgets._ui import Role, label

__all__ = ["Mapping", "MappingDialog", "MappingPanel", "found_in_words"]


class MappingDialog(QDialog):
    """Asks which column means what; ``Open`` (or ``Apply``) can be pressed once nothing is wrong.

    Parameters
    ----------
    store
        The opened data.
    columns, latent
        Answers given before, to be changed; None starts from the proposal.
    consequence
        What changing the answers costs, in words.
    """

    def __init__(
        self,
        store: Store,
        columns: Columns | None = None,
        latent: str | None = None,
        parent: QWidget | None = None,
        *,
        consequence: str = "",
    ) -> None:
        super().__init__(parent)
        self._consequence = consequence
        self.setObjectName("mapping_dialog")
        self.setWindowTitle("What the columns mean")
        self.panel = MappingPanel(store, columns, latent, self)
        self._verdict = label("", Role.NOTE, self, wrap=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        words = "Open" if columns is None else "Apply"
        self.accept_button = buttons.addButton(words, QDialogButtonBox.ButtonRole.AcceptRole)
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
            f"Everything needed is there. {self._consequence}".strip()
            if valid
            else f"{count} thing{'s' if count != 1 else ''} to put right first."
        )
        self._verdict.setText(words)
        if self.accept_button is not None:
            self.accept_button.setEnabled(valid)
            self.accept_button.setDefault(valid)
            self.accept_button.setToolTip("" if valid else words)
