"""Fails a test that leaves a top-level widget, or a running thread, timer or animation, and names where it began."""

from __future__ import annotations

import gc
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from multimil_testing.environment import in_ci
from multimil_testing.sandbox import failed

# Windows that Qt or vispy keep for the life of the program.
_KEPT = {"QTipLabel", "CanvasBackendDesktop", "QDesktopWidget"}
Started = list[tuple[weakref.ref, str]]


@pytest.fixture(scope="session")
def qapp_cls() -> type:
    """Return the application class, after the attributes that must be set before it exists."""
    from qtpy.QtCore import QCoreApplication, Qt
    from qtpy.QtWidgets import QApplication

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    return QApplication


@pytest.fixture(autouse=True)
def _no_qt_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    if "qapp" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("qapp")
    from multimil_gui.app.collector import collect_due

    # As in the program: no other thread may destroy the widgets that a test leaves to the collector.
    gc.disable()
    started: Started = []
    before = {id(widget) for widget in _top_level_widgets()}
    kept = list(_top_level_widgets())
    with pytest.MonkeyPatch.context() as patch:
        _record_starts(patch, started)
        yield
        _delete_posted()
        collect_due()
        problems = _left_widgets(before) + _still_running(started)
    del kept
    if problems and not failed(request.node):
        pytest.fail("left behind by the test:\n" + "\n".join(problems), pytrace=False)


@pytest.fixture(autouse=True)
def _gl_or_skip(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gl") is None:
        return
    request.getfixturevalue("qapp")
    from multimil_gui.views.probe import gl_renderer

    if gl_renderer() is None:
        message = "no OpenGL context; run under xvfb-run"
        pytest.fail(message) if in_ci() else pytest.skip(message)


def _record_starts(patch: pytest.MonkeyPatch, started: Started) -> None:
    from qtpy.QtCore import QAbstractAnimation, QThread, QThreadPool, QTimer

    for kind in (QThread, QTimer, QAbstractAnimation, QThreadPool):
        patch.setattr(kind, "start", _recording(kind.start, started))


def _recording(start: Callable, started: Started) -> Callable:
    def start_and_note(self: Any, *args: Any, **kwargs: Any) -> Any:
        started.append((weakref.ref(self), _place()))
        return start(self, *args, **kwargs)

    return start_and_note


def _place() -> str:
    frame = traceback.extract_stack(limit=4)[-3]
    return f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"


def _top_level_widgets() -> list:
    from qtpy.QtWidgets import QApplication

    return [w for w in QApplication.topLevelWidgets() if w.parent() is None and type(w).__name__ not in _KEPT]


def _delete_posted() -> None:
    """Run what was queued, including deleteLater, which a plain processEvents leaves waiting."""
    from qtpy.QtCore import QCoreApplication, QEvent

    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _left_widgets(before: set[int]) -> list[str]:
    if not any(id(widget) not in before for widget in _top_level_widgets()):
        return []
    gc.collect()
    _delete_posted()
    left = [widget for widget in _top_level_widgets() if id(widget) not in before]
    problems = [f"top-level widget {type(w).__name__} {w.objectName()!r} {w.windowTitle()!r}" for w in left]
    for widget in left:
        widget.close()
        widget.deleteLater()
    _delete_posted()
    return problems


def _still_running(started: Started) -> list[str]:
    if not _running(started):
        return []
    gc.collect()
    _delete_posted()
    running = _running(started)
    problems = [f"running {type(thing).__name__}, started at {place}" for thing, place in running]
    for thing, _ in running:
        _halt(thing)
    return sorted(set(problems))


def _running(started: Started) -> list[tuple[Any, str]]:
    alive = [(reference(), place) for reference, place in started]
    return [(thing, place) for thing, place in alive if thing is not None and _is_running(thing)]


def _is_running(thing: Any) -> bool:
    from qtpy.QtCore import QAbstractAnimation, QThread, QThreadPool

    try:
        if isinstance(thing, QThread):
            return thing.isRunning()
        if isinstance(thing, QThreadPool):
            return thing.activeThreadCount() > 0
        if isinstance(thing, QAbstractAnimation):
            return thing.state() == QAbstractAnimation.State.Running
        return thing.isActive()
    except RuntimeError:  # the C++ object is gone, and its timer with it
        return False


def _halt(thing: Any) -> None:
    from qtpy.QtCore import QThread, QThreadPool

    if isinstance(thing, QThread):
        thing.requestInterruption()
        thing.quit()
        thing.wait(5000)
    elif isinstance(thing, QThreadPool):
        thing.waitForDone(5000)
    else:
        thing.stop()
