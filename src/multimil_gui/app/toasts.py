"""The notifications as small cards over the bottom-right corner of a window."""

from __future__ import annotations

from qtpy.QtCore import QAbstractAnimation, QEvent, QObject, QPropertyAnimation, QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QFrame,
    QGraphicsOpacityEffect,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from multimil_gui.app.icons import icon
from multimil_gui.app.notifications import Kind, Notification, Notifications
from multimil_gui.app.roles import Roles
from multimil_gui.app.text_dialog import TextDialog
from multimil_gui.app.theme import Theme

WIDTH = 380
SHOWN_MS = {Kind.INFO: 5000, Kind.SUCCESS: 7000, Kind.WARNING: 10_000, Kind.ERROR: 15_000}
FADE_MS = 250
AT_ONCE = 4
_MARGIN = 14
_ICONS = {Kind.INFO: "info", Kind.SUCCESS: "check", Kind.WARNING: "warning", Kind.ERROR: "error"}


class Toast(QFrame):
    """One message; stays while the mouse is over it or the keyboard is in it.

    Signals
    -------
    closed()
        It faded, was dismissed, or its offer was taken.
    details_wanted()
        The user wants to read more.
    """

    closed = Signal()
    details_wanted = Signal()

    def __init__(self, notification: Notification, roles: Roles, parent: QWidget) -> None:
        super().__init__(parent)
        self.notification = notification
        self.setObjectName("toast")
        self.setProperty("kind", notification.kind.value)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(f"{notification.kind.value}: {notification.text}")
        self.setFixedWidth(WIDTH)
        self._build(roles)
        self._opacity = QGraphicsOpacityEffect(self)
        self.setGraphicsEffect(self._opacity)
        self._fade = QPropertyAnimation(self._opacity, b"opacity", self)
        self._fade.setDuration(FADE_MS)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SHOWN_MS[notification.kind])
        self._timer.timeout.connect(self.fade_out)

    def _build(self, roles: Roles) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 8, 10)
        row.setSpacing(10)
        sign = QLabel(self)
        colors = {Kind.ERROR: roles.error, Kind.WARNING: roles.warning, Kind.SUCCESS: roles.success}
        color = colors.get(self.notification.kind, roles.accent_text)
        sign.setPixmap(icon(_ICONS[self.notification.kind], roles, color).pixmap(QSize(20, 20)))
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(6)
        self.words = QLabel(self)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setText(_shortened(self.notification.text))
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.words)
        buttons = self._buttons()
        if buttons.count():
            column.addLayout(buttons)
        row.addLayout(column, 1)
        close = QToolButton(self)
        close.setObjectName("toastClose")
        close.setIcon(icon("close", roles, roles.muted))
        close.setIconSize(QSize(14, 14))
        close.setToolTip("Dismiss")
        close.setAccessibleName("Dismiss")
        close.clicked.connect(self.dismiss)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        if self.notification.offer is not None:
            self._add_button(row, self.notification.offer.title, "toastOffer").clicked.connect(self._take_offer)
        if self.notification.details or len(self.notification.text) > _LONGEST:
            self._add_button(row, "Details", "toastDetails").clicked.connect(self.details_wanted)
        if row.count():
            row.addStretch(1)
        return row

    def _add_button(self, row: QHBoxLayout, title: str, name: str) -> QPushButton:
        button = QPushButton(title, self)
        button.setObjectName(name)
        button.setAutoDefault(False)
        row.addWidget(button)
        return button

    def appear(self) -> None:
        """Fade in and start the clock."""
        self.show()
        self._animate(0.0, 1.0)
        self._timer.start()

    def fade_out(self) -> None:
        """Fade away, then close."""
        self._animate(self._opacity.opacity(), 0.0)
        self._fade.finished.connect(self.dismiss)

    def dismiss(self) -> None:
        """Close at once."""
        self.stop()
        self.closed.emit()

    def stop(self) -> None:
        """End the clock and the animation."""
        self._timer.stop()
        self._fade.stop()

    def _animate(self, start: float, end: float) -> None:
        self._fade.stop()
        self._fade.setStartValue(start)
        self._fade.setEndValue(end)
        self._fade.start(QAbstractAnimation.DeletionPolicy.KeepWhenStopped)

    def _take_offer(self) -> None:
        offer = self.notification.offer
        self.dismiss()
        if offer is not None:
            offer.run()

    def enterEvent(self, event: QEvent | None) -> None:
        """Stay while the mouse is here."""
        self._timer.stop()
        self._fade.stop()
        self._opacity.setOpacity(1.0)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent | None) -> None:
        """Start the clock again."""
        self._timer.start()
        super().leaveEvent(event)


_LONGEST = 320


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"


class ToastStack(QObject):
    """Shows notifications over a window, newest at the bottom; the others wait.

    Parameters
    ----------
    window
        The window whose corner is used.
    notifications
        Where messages come from.
    theme
        Colours of the marks.
    """

    def __init__(self, window: QWidget, notifications: Notifications, theme: Theme) -> None:
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._toasts: list[Toast] = []
        self._dialog: TextDialog | None = None
        window.installEventFilter(self)
        notifications.posted.connect(self.show_notification)

    @property
    def toasts(self) -> tuple[Toast, ...]:
        """What is shown, oldest first."""
        return tuple(self._toasts)

    def show_notification(self, notification: Notification) -> None:
        """Show a message; the oldest leaves when there are too many, an equal one is shown once."""
        for toast in [toast for toast in self._toasts if toast.notification == notification]:
            self._remove(toast)
        while len(self._toasts) >= AT_ONCE:
            self._remove(self._toasts[0])
        toast = Toast(notification, self._theme.roles, self._window)
        toast.closed.connect(self._on_closed)
        toast.details_wanted.connect(self._on_details)
        self._toasts.append(toast)
        self._place()
        toast.appear()

    def keep_on_top(self) -> None:
        """Come before a panel that was raised, once it is."""
        QTimer.singleShot(0, self._place)

    def clear(self) -> None:
        """Remove all messages."""
        for toast in self.toasts:
            self._remove(toast)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep to the corner when the window is resized."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _on_closed(self) -> None:
        toast = self.sender()
        if isinstance(toast, Toast):
            self._remove(toast)

    def _on_details(self) -> None:
        toast = self.sender()
        if isinstance(toast, Toast):
            message = toast.notification
            text = f"{message.text}\n\n{message.details}" if message.details else message.text
            self._dialog = TextDialog("Details", text, self._window)
            self._dialog.show()

    def _remove(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
        toast.stop()
        toast.hide()
        toast.deleteLater()
        self._place()

    def _place(self) -> None:
        bottom = self._window.height() - _MARGIN - 24
        for toast in reversed(self._toasts):
            height = toast.heightForWidth(WIDTH) if toast.hasHeightForWidth() else toast.sizeHint().height()
            toast.resize(WIDTH, height)
            toast.move(self._window.width() - WIDTH - _MARGIN, bottom - height)
            toast.raise_()
            bottom -= height + 8
