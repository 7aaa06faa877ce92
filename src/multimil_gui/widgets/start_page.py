"""The first page: open data, open a project, try the demo cohort, or go on with a recent file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QIcon, QKeyEvent
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.widgets._ui import Role, label, set_property, tooltip

#: Of data files; folders may be called anything, the import says what it finds in them.
DATA_SUFFIXES = (".h5ad", ".h5mu", ".zarr", ".h5", ".zarr.zip", ".mtx", ".mtx.gz")
OPENED = ".h5ad, .h5mu, .zarr (also zipped), 10x .h5 and .mtx"
PROJECT_SUFFIX = ".multimil"


class _Card(QPushButton):
    """A large button: what it does, and below it the words that explain."""

    def __init__(self, text: str, words: str, tooltip: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self.setAccessibleName(text)
        self.setAccessibleDescription(words)
        self.setToolTip(tooltip)
        self.setAutoDefault(True)
        self.setMinimumWidth(350)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        inside = QVBoxLayout(self)
        inside.setContentsMargins(14, 8, 14, 9)
        inside.setSpacing(1)
        for part in (label(text, Role.HEADING, self), label(words, Role.NOTE, self, wrap=True)):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            inside.addWidget(part)
        self.setFixedHeight(inside.totalHeightForWidth(350))


class StartPage(QFrame):
    """Where every session begins; it only asks, the host opens.

    Parameters
    ----------
    recent
        Files and projects opened before, newest first.
    logo
        Shown above the title; None shows the title alone.

    Signals
    -------
    open_data_requested(), open_project_requested(), demo_requested()
        A button was pressed.
    path_chosen(object)
        A ``Path`` of data or of a project: from the recent list or dropped.
    drop_refused(str)
        Something was dropped that cannot be opened; the words say why.
    """

    open_data_requested = Signal()
    open_project_requested = Signal()
    demo_requested = Signal()
    path_chosen = Signal(object)
    drop_refused = Signal(str)

    def __init__(self, recent: Sequence[Path] = (), logo: QIcon | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("start_page")
        self.setAcceptDrops(True)
        self.setAccessibleName("Start page")
        outer = QHBoxLayout(self)
        outer.setContentsMargins(24, 24, 24, 24)
        outer.addStretch(1)
        outer.addLayout(self._column(logo), 0)
        outer.addStretch(1)
        self.set_recent(recent)

    def _column(self, logo: QIcon | None) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(2)
        if logo is not None and not logo.isNull():
            picture = QLabel(self)
            picture.setObjectName("logo")
            picture.setPixmap(logo.pixmap(QSize(72, 72)))
            column.addWidget(picture)
        column.addWidget(label("MultiMIL", Role.TITLE, self))
        column.addWidget(label("Which cells make these patients sick, and how sure can we be?", Role.NOTE, self))
        column.addSpacing(10)
        columns = QHBoxLayout()
        columns.setSpacing(28)
        columns.addLayout(self._actions())
        columns.addLayout(self._recent_list())
        column.addLayout(columns)
        column.addWidget(self._drop_zone())
        column.addStretch(3)
        return column

    def _actions(self) -> QVBoxLayout:
        actions = QVBoxLayout()
        actions.setSpacing(8)
        for name, text, words, shortcut, signal in (
            (
                "open_data",
                "Open data…",
                "An .h5ad, .h5mu or .zarr file, or a 10x .h5 or .mtx",
                "Ctrl+O",
                self.open_data_requested,
            ),
            (
                "open_project",
                "Open project…",
                "Go on where you stopped: a .multimil folder",
                "Ctrl+Shift+O",
                self.open_project_requested,
            ),
            (
                "try_demo",
                "Try the demo cohort",
                "24 semi-simulated donors, truth known; needs no file and no network",
                "",
                self.demo_requested,
            ),
        ):
            card = _Card(text, words, f"{words} ({shortcut})" if shortcut else words, self)
            card.setObjectName(name)
            card.clicked.connect(signal)
            actions.addWidget(card)
        actions.addStretch(1)
        return actions

    def _recent_list(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(label("Recent", Role.HEADING, self))
        self.recent = QListWidget(self)
        self.recent.setObjectName("recent_list")
        self.recent.setAccessibleName("Recent files and projects")
        self.recent.setFixedWidth(300)
        self.recent.setMinimumHeight(150)
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.recent.itemActivated.connect(self._on_recent)
        self.recent.itemClicked.connect(self._on_recent)
        self._no_recent = label("Files and projects you open appear here.", Role.EMPTY, self)
        self._no_recent.setFixedWidth(300)
        self._no_recent.setMinimumHeight(150)
        column.addWidget(self.recent, 1)
        column.addWidget(self._no_recent, 1)
        return column

    def _drop_zone(self) -> QFrame:
        self.drop_zone = QFrame(self)
        self.drop_zone.setObjectName("drop_zone")
        self.drop_zone.setFrameShape(QFrame.Shape.StyledPanel)
        self.drop_zone.setMinimumHeight(72)
        inside = QVBoxLayout(self.drop_zone)
        inside.addWidget(label("or drop a file or a project anywhere on this page", Role.EMPTY, self.drop_zone))
        return self.drop_zone

    def set_recent(self, paths: Sequence[Path]) -> None:
        """Show these recent files and projects, newest first; those that are gone are greyed."""
        self.recent.clear()
        for path in paths:
            item = QListWidgetItem(f"{path.name}\n{path.parent}")
            item.setData(Qt.ItemDataRole.UserRole, str(path))
            item.setToolTip(tooltip(str(path)))
            if not path.exists():
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setToolTip(tooltip(f"{path}\nThis file is no longer there."))
            self.recent.addItem(item)
        self.recent.setVisible(bool(paths))
        self._no_recent.setVisible(not paths)

    def _on_recent(self, item: QListWidgetItem) -> None:
        self.path_chosen.emit(Path(str(item.data(Qt.ItemDataRole.UserRole))))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Open the current recent entry on Return, also where the platform has no activation key."""
        item = self.recent.currentItem()
        if (
            event is not None
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and self.recent.hasFocus()
            and item
        ):
            self._on_recent(item)
            return
        super().keyPressEvent(event)

    # -- drag and drop -------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept files; the zone shows that they may be dropped."""
        data = None if event is None else event.mimeData()
        if event is not None and data is not None and data.hasUrls():
            event.acceptProposedAction()
            self._set_dragging(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        """Stop showing that something may be dropped."""
        self._set_dragging(False)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped, or say why it cannot be opened."""
        self._set_dragging(False)
        data = None if event is None else event.mimeData()
        if event is None or data is None:
            return
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        event.acceptProposedAction()
        if len(paths) != 1:
            self.drop_refused.emit(f"Drop one file or project at a time; these were {len(paths)}.")
        elif not (paths[0].is_dir() or paths[0].name.lower().endswith(DATA_SUFFIXES)):
            self.drop_refused.emit(
                f"“{paths[0].name}” is no file this program opens. It opens {OPENED}, and {PROJECT_SUFFIX} projects."
            )
        else:
            self.path_chosen.emit(paths[0])

    def _set_dragging(self, dragging: bool) -> None:
        set_property(self.drop_zone, "dragging", dragging)
