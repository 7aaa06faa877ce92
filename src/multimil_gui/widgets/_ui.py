"""Small parts that several widgets share: labels that never read data as markup, painted marks, subscriptions."""

from __future__ import annotations

import html
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from multimil_gui.core.errors import Refusal


class Role(StrEnum):
    """What a label is, so that the theme can style it (dynamic property ``role``)."""

    TITLE = "title"
    HEADING = "heading"
    NOTE = "note"
    ERROR = "error"
    WARNING = "warning"
    EMPTY = "empty"
    BODY = "body"


class Mark(StrEnum):
    """A small painted sign; its shape says it too, not its colour alone."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    OK = "ok"


_MARK_COLORS = {Mark.ERROR: "#c8372d", Mark.WARNING: "#b97a00", Mark.NOTE: "#3b7dc4", Mark.OK: "#2e8b57"}


def label(text: str = "", role: Role = Role.BODY, parent: QWidget | None = None, *, wrap: bool = False) -> QLabel:
    """Return a plain-text label (text from a file is never read as markup)."""
    result = QLabel(parent)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setProperty("role", role.value)
    result.setWordWrap(wrap)
    result.setText(text)
    font = result.font()
    if role is Role.TITLE:
        font.setPointSizeF(font.pointSizeF() * 1.7)
        font.setWeight(font.Weight.DemiBold)
    elif role is Role.HEADING:
        font.setWeight(font.Weight.DemiBold)
    result.setFont(font)
    if role is Role.EMPTY:
        result.setAlignment(Qt.AlignmentFlag.AlignCenter)
        result.setWordWrap(True)
    return result


def mark_pixmap(mark: Mark, size: int = 16, ratio: float = 1.0) -> QPixmap:
    """Return the painted mark, ``size`` logical pixels wide."""
    pixmap = QPixmap(QSize(size, size) * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / 16, size / 16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(_MARK_COLORS[mark]))
    if mark is Mark.WARNING:
        painter.drawPolygon(QPolygonF([QPointF(8, 1), QPointF(15.5, 14.5), QPointF(0.5, 14.5)]))
    else:
        painter.drawEllipse(QRectF(1, 1, 14, 14))
    pen = QPen(QColor("white"), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    for start, end in _STROKES[mark]:
        painter.drawLine(QPointF(*start), QPointF(*end))
    painter.end()
    return pixmap


_STROKES: dict[Mark, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    Mark.ERROR: (((5.4, 5.4), (10.6, 10.6)), ((10.6, 5.4), (5.4, 10.6))),
    Mark.WARNING: (((8, 6), (8, 9.6)), ((8, 12.2), (8, 12.2))),
    Mark.NOTE: (((8, 7.4), (8, 11.4)), ((8, 4.6), (8, 4.6))),
    Mark.OK: (((4.8, 8.2), (7.1, 10.6)), ((7.1, 10.6), (11.2, 5.6))),
}


def mark_icon(mark: Mark) -> QIcon:
    """Return the mark as an icon, sharp on high-density screens too."""
    return _icon(*(mark_pixmap(mark, 16, ratio) for ratio in (1.0, 2.0)))


def _icon(*pixmaps: QPixmap) -> QIcon:
    """Return an icon that keeps its colours in a selected row, where Qt would tint it."""
    icon = QIcon()
    for pixmap in pixmaps:
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
            icon.addPixmap(pixmap, mode)
    return icon


def swatch_icon(rgb: tuple[int, int, int], *, filled: bool = True) -> QIcon:
    """Return a colour swatch as an icon."""
    return _icon(swatch(rgb, 12, filled=filled))


def swatch(rgb: tuple[int, int, int], size: int = 12, *, filled: bool = True, ratio: float = 2.0) -> QPixmap:
    """Return a rounded colour swatch; an outline only when ``filled`` is False (the level is hidden)."""
    pixmap = QPixmap(QSize(size, size) * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    color = QColor(*rgb)
    painter.setPen(QPen(color.darker(130), 1.2))
    painter.setBrush(color if filled else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(0.8, 0.8, size - 1.6, size - 1.6), 2.5, 2.5)
    painter.end()
    return pixmap


class MarkedLine(QWidget):
    """One line of words behind a mark: a problem, a warning, a reason."""

    def __init__(self, mark: Mark, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        sign = QLabel(self)
        sign.setPixmap(mark_pixmap(mark, 16, 2.0))
        sign.setFixedWidth(18)
        sign.setAccessibleName(mark.value)
        layout.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        self.words = label(text, Role.BODY, self, wrap=True)
        self.words.setProperty("mark", mark.value)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.words, 1)
        self._mark = mark
        self.set_words(text)

    def set_words(self, text: str) -> None:
        """Show other words behind the same mark."""
        self.words.setText(text)
        self.setAccessibleName(f"{self._mark.value}: {text}")


def flags(first: Any, *others: Any) -> Any:
    """Return enum flags joined by "or", for the bindings whose type hints call the result an int."""
    for other in others:
        first = first | other
    return first


def tooltip(text: str) -> str:
    """Return a tooltip that shows text from a file letter by letter, whatever markup it looks like."""
    return f"<qt>{html.escape(text).replace(chr(10), '<br>')}</qt>"


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a dynamic property and let the theme look at the widget again."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)


def button(text: str, tooltip: str, name: str, slot: Any = None) -> QPushButton:
    """Return a push button with a tooltip, an object name and an accessible name; ``slot`` may be a signal."""
    result = QPushButton(text)
    result.setToolTip(tooltip)
    result.setObjectName(name)
    result.setAccessibleName(text.replace("&", ""))
    result.setAutoDefault(False)
    if slot is not None:
        result.clicked.connect(slot)
    return result


def tool_button(text: str, tooltip: str, name: str, *, checkable: bool = False) -> QToolButton:
    """Return a small text button for a toolbar row, reachable with Tab."""
    result = QToolButton()
    result.setText(text)
    result.setToolTip(tooltip)
    result.setObjectName(name)
    result.setAccessibleName(text)
    result.setCheckable(checkable)
    result.setAutoRaise(True)
    result.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return result


def row(*widgets: QWidget | int, parent: QWidget | None = None) -> QWidget:
    """Return the widgets side by side; an int is a stretch."""
    result = QWidget(parent)
    layout = QHBoxLayout(result)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    for item in widgets:
        if isinstance(item, int):
            layout.addStretch(item)
        else:
            layout.addWidget(item)
    result.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    return result


class Notice(QWidget):
    """A line at the foot of a panel that says why something could not be done; gone after the next success."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._line = MarkedLine(Mark.WARNING, "", self)
        layout.addWidget(self._line)
        self.hide()

    def attempt(self, action: Callable[[], Any]) -> bool:
        """Do ``action``; say a refusal in words and return False instead of raising it."""
        try:
            action()
        except Refusal as refusal:
            self.say(str(refusal))
            return False
        self.clear()
        return True

    def say(self, words: str) -> None:
        """Show these words."""
        self._line.set_words(words)
        self.show()

    def clear(self) -> None:
        """Show nothing."""
        self._line.set_words("")
        self.hide()

    def text(self) -> str:
        """Return the words shown."""
        return self._line.words.text()


class WheelGuard(QObject):
    """Keeps the wheel from changing a value that merely scrolls past: only a focused field listens to it."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Swallow wheel events of an unfocused field."""
        if event is None or event.type() != QEvent.Type.Wheel:
            return False
        if not isinstance(watched, QWidget) or watched.hasFocus():
            return False
        event.ignore()
        return True

    def watch(self, widget: QWidget) -> None:
        """Guard this field."""
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(self)


class Subscriptions(QObject):
    """The signals of the session that a widget listens to; ends with the widget, whoever closes it."""

    def __init__(self, owner: QWidget) -> None:
        super().__init__()
        self._entries: list[tuple[Any, Callable[..., Any]]] = []
        owner.destroyed.connect(self.end)

    def add(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a psygnal signal to a bound method (kept weakly)."""
        signal.connect(slot)
        self._entries.append((signal, slot))

    def end(self) -> None:
        """Disconnect everything; may be called twice."""
        entries, self._entries = self._entries, []
        for signal, slot in entries:
            signal.disconnect(slot, missing_ok=True)
