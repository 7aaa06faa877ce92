"""Every action by a few letters: a line to type in, a list below, all from the keyboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QFont, QFontMetrics, QKeyEvent, QKeySequence, QPainter, QPalette
from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.app.actions import ACTIONS, Action
from multimil_gui.app.bound_actions import BoundActions

WIDTH = 560
_ROWS = 10


@dataclass(frozen=True)
class Match:
    """An action that fits what was typed.

    Attributes
    ----------
    action
        The action.
    letters
        Positions in :func:`label_of` of the letters that fit.
    """

    action: Action
    letters: frozenset[int]


def label_of(action: Action) -> str:
    """Return the words of the palette: menu and title."""
    menu = action.menu.value.replace("&", "").replace("/", " › ")
    return f"{menu} › {action.title}"


def find(query: str, actions: tuple[Action, ...] = ACTIONS) -> tuple[Match, ...]:
    """Return the actions that hold every word of ``query``, those whose title starts with it first.

    Words are looked for in menu and title; case does not matter.
    """
    words = query.lower().split()
    found: list[tuple[tuple[int, int], Match]] = []
    for position, action in enumerate(actions):
        text = label_of(action).lower()
        places = [text.find(word) for word in words]
        if min(places, default=0) < 0:
            continue
        letters = frozenset(
            index for word, start in zip(words, places, strict=True) for index in range(start, start + len(word))
        )
        rank = 0 if words and action.title.lower().startswith(words[0]) else 1
        found.append(((rank, position), Match(action, letters)))
    return tuple(match for _, match in sorted(found, key=lambda entry: entry[0]))


class _Matches(QAbstractListModel):
    MATCH = Qt.ItemDataRole.UserRole

    def __init__(self, actions: BoundActions, parent: QWidget) -> None:
        super().__init__(parent)
        self._actions = actions
        self._matches: tuple[Match, ...] = ()

    def show(self, matches: tuple[Match, ...]) -> None:
        self.beginResetModel()
        # What cannot be done now is shown, but last.
        self._matches = tuple(sorted(matches, key=lambda match: not self._actions.enabled(match.action)))
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return len(self._matches)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        match = self._matches[index.row()]
        if role == self.MATCH:
            return match
        if role == Qt.ItemDataRole.DisplayRole:
            return label_of(match.action)
        return match.action.tooltip if role == Qt.ItemDataRole.ToolTipRole else None

    def flags(self, index: QModelIndex) -> Any:
        if not self._actions.enabled(self._matches[index.row()].action):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class _Painter(QStyledItemDelegate):
    """Draws matched letters bold, and the shortcut at the right."""

    def __init__(self, actions: BoundActions, parent: QWidget) -> None:
        super().__init__(parent)
        self._actions = actions

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(100, QFontMetrics(option.font).height() + 14)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        if painter is None:
            return
        match: Match = index.data(_Matches.MATCH)
        self._paint_row(painter, option, index)
        usable = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
        group = QPalette.ColorGroup.Active if usable else QPalette.ColorGroup.Disabled
        painter.save()
        room = option.rect.adjusted(10, 0, -10, 0)
        picture = self._actions.qaction(match.action.id).icon()
        picture.paint(
            painter,
            QRect(room.left(), room.center().y() - 8, 17, 17),
            mode=picture.Mode.Normal if usable else picture.Mode.Disabled,
        )
        painter.setPen(option.palette.color(group, QPalette.ColorRole.Text))
        self._paint_label(painter, option, room.adjusted(27, 0, 0, 0), match)
        painter.setFont(option.font)
        painter.setPen(
            option.palette.color(group, QPalette.ColorRole.PlaceholderText if usable else QPalette.ColorRole.Text)
        )
        keys = QKeySequence(match.action.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, keys)
        painter.restore()

    def _paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        background = QStyleOptionViewItem(option)
        self.initStyleOption(background, index)
        background.text = ""
        style = option.widget.style() if option.widget is not None else None
        if style is not None:
            style.drawControl(QStyle.ControlElement.CE_ItemViewItem, background, painter, option.widget)

    @staticmethod
    def _paint_label(painter: QPainter, option: QStyleOptionViewItem, room: QRect, match: Match) -> None:
        bold = QFont(option.font)
        bold.setWeight(QFont.Weight.DemiBold)
        bold.setUnderline(True)
        x = room.left()
        for position, letter in enumerate(label_of(match.action)):
            font = bold if position in match.letters else option.font
            painter.setFont(font)
            width = QFontMetrics(font).horizontalAdvance(letter)
            painter.drawText(
                QRect(x, room.top(), width + 4, room.height()),
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                letter,
            )
            x += width


class CommandPalette(QFrame):
    """Finds and does any action; lies over the top of its window.

    Parameters
    ----------
    actions
        The window's actions.
    window
        The window it lies over.
    """

    def __init__(self, actions: BoundActions, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("commandPalette")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Find an action")
        self._actions = actions
        self._before: QWidget | None = None
        self.line = QLineEdit(self)
        self.line.setPlaceholderText("Type what you want to do…")
        self.line.setAccessibleName("Find an action")
        self.list = QListView(self)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMouseTracking(True)
        self._model = _Matches(actions, self)
        self.list.setModel(self._model)
        self.list.setItemDelegate(_Painter(actions, self))
        self._nothing = QLabel("No action has these words.", self)
        self._nothing.setProperty("role", "empty")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        for widget in (self.line, self._nothing, self.list):
            layout.addWidget(widget)
        self.line.textChanged.connect(self._on_typed)
        self.line.installEventFilter(self)
        self.list.clicked.connect(self._on_clicked)
        self.hide()

    def open(self) -> None:
        """Show it with an empty line."""
        self._before = QApplication.focusWidget()
        self.line.clear()
        self._on_typed("")
        self.show()
        self.raise_()
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def dismiss(self) -> None:
        """Hide it and give the focus back."""
        self.hide()
        before, self._before = self._before, None
        # The window it was in may have been closed and deleted meanwhile.
        if any(before is widget for widget in QApplication.allWidgets()) and before is not None and before.isVisible():
            before.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let the arrows walk the list, Return do the action, Escape close."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._on_key(event)
        if event is not None and event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.hide()
        return False

    def _on_key(self, event: QKeyEvent) -> bool:
        key = event.key()
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: _ROWS,
            Qt.Key.Key_PageUp: -_ROWS,
        }
        if key in steps:
            self._move(steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._do(self.list.currentIndex())
        elif key == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            return False
        return True

    def _move(self, step: int) -> None:
        rows = [row for row in range(self._model.rowCount()) if self._model.flags(self._model.index(row))]
        if rows:
            here = self.list.currentIndex().row()
            place = rows.index(here) + step if here in rows else 0
            wrapped = place % len(rows) if abs(step) == 1 else min(max(place, 0), len(rows) - 1)
            self.list.setCurrentIndex(self._model.index(rows[wrapped]))

    def _on_typed(self, text: str) -> None:
        self._model.show(find(text))
        first = self._model.index(0)
        self.list.setCurrentIndex(first if first.isValid() and self._model.flags(first) else QModelIndex())
        empty = self._model.rowCount() == 0
        self._nothing.setVisible(empty)
        self.list.setVisible(not empty)
        self._place()

    def _on_clicked(self, index: QModelIndex) -> None:
        self._do(index)

    def _do(self, index: QModelIndex) -> None:
        if index.isValid() and self._model.flags(index):
            match: Match = index.data(_Matches.MATCH)
            self.dismiss()
            self._actions.trigger(match.action.id)

    def _place(self) -> None:
        window = self.parentWidget()
        if window is None:
            return
        row = QFontMetrics(self.font()).height() + 14
        width = min(WIDTH, window.width() - 40)
        rows = min(max(self._model.rowCount(), 1), _ROWS)
        height = min(rows * row + 70, window.height() - 80)
        self.resize(width, height)
        self.move(QPoint((window.width() - width) // 2, 64))
