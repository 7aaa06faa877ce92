"""What the dialogs that select cells share: how the cells meet the selection, refusals in words."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QVBoxLayout, QWidget

from multimil_gui.state.selection import Combine
from multimil_gui.state.session import Session
from multimil_gui.widgets._ui import Notice, Role, WheelGuard, label

_COMBINE = (
    (Combine.REPLACE, "replace the selection", "Only these cells will be selected"),
    (Combine.ADD, "add to the selection", "As with Shift: selected cells stay selected"),
    (Combine.SUBTRACT, "take away from the selection", "As with Alt: these cells will not be selected"),
    (Combine.INTERSECT, "keep what is in both", "As with Shift and Alt: selected cells that are also among these"),
)


class SelectionDialog(QDialog):
    """A form, a line that says what would be selected, and "Select"; subclasses say what.

    Parameters
    ----------
    title, name
        Window title and object name.
    session
        The session; changed when the user presses "Select", by one undoable command.
    """

    def __init__(self, title: str, name: str, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setObjectName(name)
        self.setMinimumWidth(440)
        self._session = session
        self._guard = WheelGuard(self)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(12)
        self.form.setVerticalSpacing(8)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.combine_choice = QComboBox(self)
        self.combine_choice.setObjectName("select_combine")
        self.combine_choice.setAccessibleName("These cells")
        for combine, words, tip in _COMBINE:
            self.combine_choice.addItem(words, combine)
            self.combine_choice.setItemData(self.combine_choice.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.combine_choice.setToolTip("How these cells meet the cells that are selected now")
        self._guard.watch(self.combine_choice)
        self.combine_choice.setEnabled(not session.selection.empty)
        self.count = label("", Role.BODY, self, wrap=True)
        self.count.setObjectName("select_count")
        self._notice = Notice(self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        accept = buttons.addButton("Select", QDialogButtonBox.ButtonRole.AcceptRole)
        assert accept is not None
        self.accept_button = accept
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(16, 14, 16, 12)
        self._layout.setSpacing(10)
        self._layout.addLayout(self.form)
        for part in (self.count, self._notice):
            self._layout.addWidget(part)
        self._layout.addWidget(buttons)

    def combine(self) -> Combine:
        """Return how the cells meet the selection."""
        return Combine(self.combine_choice.currentData())

    def add_field(self, caption: str, field: QWidget) -> None:
        """Add a captioned row."""
        words = label(caption, Role.BODY, self)
        words.setBuddy(field)
        self.form.addRow(words, field)

    def accept(self) -> None:
        """Select the cells; stays open and says why when that cannot be done."""
        if self._notice.attempt(self._select):
            super().accept()

    def _select(self) -> None:
        """Select the cells in the session."""
        raise NotImplementedError
