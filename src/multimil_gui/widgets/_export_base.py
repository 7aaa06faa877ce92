"""What every export asks: where to write, and consent before anything is replaced."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.widgets._ui import Mark, MarkedLine, Notice, Role, WheelGuard, button, label, row
from multimil_gui.widgets.export import ExportPlan, OutFile


class ExportDialog(QDialog):
    """Where to write, what will be written, and consent before anything is replaced. Subclasses say what.

    Parameters
    ----------
    title
        Window title.
    folder
        Folder proposed.
    """

    def __init__(self, title: str, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(520)
        self._guard = WheelGuard(self)
        self.folder = QLineEdit(str(folder), self)
        self.folder.setObjectName("export_folder")
        self.folder.setAccessibleName("Folder")
        browse = button("Browse…", "Choose the folder", "export_browse", self._browse)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(12)
        self.form.setVerticalSpacing(8)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._add_fields()
        where = row(self.folder, browse, parent=self)
        self.add_field("Folder", where)
        self.files = label("", Role.NOTE, self, wrap=True)
        self.files.setObjectName("export_files")
        self.add_field("Files", self.files)
        self.replace = QCheckBox("Replace files of the same name", self)
        self.replace.setObjectName("export_replace")
        self._clash = MarkedLine(Mark.WARNING, "", self)
        self._notice = Notice(self)
        self.buttons = buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.accept_button = buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        # What a kind of export shows beside its fields, see add_beside.
        self._columns = QHBoxLayout(self)
        self._columns.setContentsMargins(16, 14, 16, 12)
        self._columns.setSpacing(14)
        layout = QVBoxLayout()
        self._columns.addLayout(layout)
        layout.setSpacing(10)
        layout.addLayout(self.form)
        for part in (self._clash, self.replace, self._notice):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.folder.textChanged.connect(self.refresh)
        self.replace.toggled.connect(self.refresh)
        self.refresh()

    def _add_fields(self) -> None:
        """Add the fields of this export."""
        raise NotImplementedError

    def _out_files(self, folder: Path) -> tuple[OutFile, ...]:
        """Return the files to write into ``folder``."""
        raise NotImplementedError

    def add_beside(self, part: QWidget) -> None:
        """Show ``part`` at the right of the fields; it takes the room that is left."""
        self._columns.addWidget(part, 1)

    def add_field(self, caption: str, field: QWidget) -> None:
        """Add a captioned row."""
        words = label(caption, Role.BODY, self)
        words.setBuddy(field)
        self.form.addRow(words, field)

    def plan(self) -> ExportPlan:
        """Return what will be written."""
        return ExportPlan(self._out_files(Path(self.folder.text()).expanduser()), self.replace.isChecked())

    def refresh(self) -> None:
        """Show which files will be written, and ask before any is replaced."""
        folder = Path(self.folder.text()).expanduser()
        files = self._out_files(folder)
        there = [entry.path.name for entry in files if entry.path.exists()]
        self.files.setText("\n".join(entry.path.name for entry in files) or "Choose at least one kind of file.")
        self._clash.set_words(f"Already there: {', '.join(there)}.")
        self._clash.setVisible(bool(there))
        self.replace.setVisible(bool(there))
        if not folder.is_dir():
            self._notice.say("This folder does not exist.")
        else:
            self._notice.clear()
        ready = bool(files) and folder.is_dir() and (not there or self.replace.isChecked())
        if self.accept_button is not None:
            self.accept_button.setEnabled(ready)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder to export to", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _line(self, name: str, caption: str, text: str) -> QLineEdit:
        field = QLineEdit(text, self)
        field.setObjectName(name)
        field.setAccessibleName(caption)
        field.textChanged.connect(self._refresh_if_ready)
        self.add_field(caption, field)
        return field

    def _tick(self, name: str, words: str, tip: str, *, on: bool = True) -> QCheckBox:
        box = QCheckBox(words, self)
        box.setObjectName(name)
        box.setToolTip(tip)
        box.setChecked(on)
        box.toggled.connect(self._refresh_if_ready)
        self.form.addRow("", box)
        return box

    def _refresh_if_ready(self) -> None:
        if hasattr(self, "accept_button"):
            self.refresh()
