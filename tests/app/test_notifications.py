"""Quiet messages: bottom right, fading, staying under the mouse, with details on demand."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtWidgets import QApplication, QPushButton, QToolButton

from multimil_gui.app.hooks import Incident, Trouble
from multimil_gui.app.main_window import MainWindow
from multimil_gui.app.notifications import Kind, Notification, Notifications, Offer
from multimil_gui.app.text_dialog import TextDialog
from multimil_gui.app.toasts import AT_ONCE, Toast


def only_toast(window: MainWindow) -> Toast:
    (toast,) = window.toasts.toasts
    return toast


def test_it_appears_at_the_bottom_right_and_follows_the_window(window: MainWindow, qapp) -> None:
    window.services.notifications.info("Hello.")
    toast = only_toast(window)
    for size in ((1366, 768), (1000, 700)):
        window.resize(*size)
        qapp.processEvents()
        corner = toast.mapTo(window, QPoint(toast.width(), toast.height()))
        assert 0 < window.width() - corner.x() < 40
        assert 0 < window.height() - corner.y() < 60


def test_it_stays_before_a_panel_that_is_raised(opened: MainWindow, qtbot) -> None:
    opened.resize(1366, 768)
    for name in ("dock_run", "dock_patients", "dock_run"):
        opened.services.notifications.info("Saved.")
        toast = opened.toasts.toasts[-1]
        opened.workspace.show_panel(name)
        at = toast.geometry().center()
        qtbot.waitUntil(
            lambda at=at, toast=toast: toast.isAncestorOf(opened.childAt(at)) or opened.childAt(at) is toast
        )


def test_it_fades_and_goes(window: MainWindow, qtbot) -> None:
    window.services.notifications.info("Hello.")
    toast = only_toast(window)
    with qtbot.waitSignal(toast.closed, timeout=5000):
        toast.fade_out()
    assert window.toasts.toasts == ()


def test_it_stays_while_the_mouse_is_over_it(window: MainWindow, qapp) -> None:
    window.services.notifications.info("Hello.")
    toast = only_toast(window)
    assert toast._timer.isActive()
    QApplication.sendEvent(toast, QEvent(QEvent.Type.Enter))
    assert not toast._timer.isActive()
    QApplication.sendEvent(toast, QEvent(QEvent.Type.Leave))
    assert toast._timer.isActive()


def test_details_open_and_can_be_copied(window: MainWindow, qtbot) -> None:
    window.services.notifications.take_incident(Incident(Trouble.ERROR, "It broke.", "Traceback: <b>line 1</b>", "x:1"))
    toast = only_toast(window)
    qtbot.mouseClick(toast.findChild(QPushButton, "toastDetails"), Qt.MouseButton.LeftButton)
    dialog = window.findChild(TextDialog)
    assert dialog.isVisible()
    # Plain text: markup in an error is shown as it is.
    assert dialog.text.toPlainText() == "It broke.\n\nTraceback: <b>line 1</b>"
    qtbot.mouseClick(dialog.findChild(QPushButton, "copyText"), Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == "It broke.\n\nTraceback: <b>line 1</b>"
    dialog.close()


def test_text_from_data_is_never_markup(window: MainWindow) -> None:
    window.services.notifications.warn("<img src=x> & <b>bold</b>")
    toast = only_toast(window)
    assert toast.words.textFormat() == Qt.TextFormat.PlainText
    assert toast.words.text() == "<img src=x> & <b>bold</b>"


def test_an_offer_is_taken_once(window: MainWindow, qtbot) -> None:
    taken: list[str] = []
    offer = Offer("Show in folder", lambda: taken.append("shown"))
    window.services.notifications.success("Saved cells.csv", offer)
    qtbot.mouseClick(only_toast(window).findChild(QPushButton, "toastOffer"), Qt.MouseButton.LeftButton)
    assert taken == ["shown"]
    assert window.toasts.toasts == ()


def test_the_oldest_leaves_and_equal_ones_are_shown_once(window: MainWindow) -> None:
    for number in range(AT_ONCE + 3):
        window.services.notifications.info(f"Message {number}.")
    assert [toast.notification.text for toast in window.toasts.toasts] == [
        f"Message {number}." for number in range(3, AT_ONCE + 3)
    ]
    window.services.notifications.info(f"Message {AT_ONCE + 2}.")
    assert len(window.toasts.toasts) == AT_ONCE


def test_dismissing(window: MainWindow, qtbot) -> None:
    window.services.notifications.error("It broke.")
    qtbot.mouseClick(only_toast(window).findChild(QToolButton, "toastClose"), Qt.MouseButton.LeftButton)
    assert window.toasts.toasts == ()


def test_a_message_from_another_thread_arrives_in_the_windows_thread(qtbot) -> None:
    notifications = Notifications()
    threads: list[threading.Thread] = []
    notifications.posted.connect(lambda message: threads.append(threading.current_thread()))
    worker = threading.Thread(target=notifications.error, args=("From far away.",))
    with qtbot.waitSignal(notifications.posted, timeout=5000):
        worker.start()
    worker.join()
    assert threads == [threading.main_thread()]


def test_messages_can_be_read_again(window: MainWindow) -> None:
    window.services.notifications.post(Notification(Kind.WARNING, "First."))
    window.services.notifications.post(Notification(Kind.ERROR, "Second.", "because"))
    window.actions_bound.trigger("help.messages")
    dialog = window.findChild(TextDialog)
    text = dialog.text.toPlainText()
    assert text.index("Second.") < text.index("First.")
    assert "because" in text
    dialog.close()


@pytest.mark.parametrize("length", [10, 5000])
def test_a_long_message_is_cut_but_whole_in_the_details(window: MainWindow, qtbot, length: int) -> None:
    window.services.notifications.warn("x" * length)
    toast = only_toast(window)
    assert toast.height() < 300
    button = toast.findChild(QPushButton, "toastDetails")
    assert (button is not None) == (length > 1000)
    if button is not None:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        dialog = window.findChild(TextDialog)
        assert dialog.text.toPlainText() == "x" * length
        dialog.close()
