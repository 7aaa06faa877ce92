from __future__ import annotations

import pytest

from multimil_gui.core.reporter import Progress, Stop
from multimil_gui.jobs.reporters import ConsoleReporter, ThreadReporter
from multimil_gui.jobs.stages import StageReporter


def test_only_the_latest_plain_progress_waits_but_every_point_of_a_curve():
    reporter = ThreadReporter()
    for step in range(5):
        reporter.progress(Progress(step, 5, "Reading"))
    for step in range(3):
        reporter.progress(Progress(step, 3, "Training", {"train": 1.0 / (step + 1)}))
    reporter.progress(Progress(3, 3, "Training"))
    reporter.warn("Few donors.")
    progress, warnings = reporter.drain()
    assert [(item.message, item.done) for item in progress] == [("Training", n) for n in range(4)]
    assert warnings == ("Few donors.",)
    assert reporter.drain() == ((), ())


def test_without_a_terminal_each_stage_is_one_line(capsys):
    with ConsoleReporter() as reporter:
        for step in range(50):
            reporter.progress(Progress(step, 50, "Fold 1 of 5", {"train": 0.5}))
        reporter.warn("[data] has few donors.")
        reporter.progress(Progress(0, 0, "Drawing the map"))
        assert reporter.should_stop() is Stop.NO
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["Fold 1 of 5", "Note: [data] has few donors.", "Drawing the map"]


def test_on_a_terminal_the_bar_shows_stage_numbers_and_remaining_time(capsys, monkeypatch):
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    with ConsoleReporter() as reporter:
        for step in range(1, 5):
            reporter.progress(Progress(step, 4, "Fold 1 of 5", {"train": 0.25, "held_out": 0.5}))
        reporter.progress(Progress(0, 0, "Drawing the map"))
    shown = capsys.readouterr().err
    for words in ("Fold 1 of 5", "4/4", "train 0.250", "held out 0.500", "0:00:00", "Drawing the map"):
        assert words in shown


class Asked:
    """A reporter whose user says one thing."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.heard: list[object] = []

    def progress(self, progress: Progress) -> None:
        self.heard.append(progress)

    def warn(self, message: str) -> None:
        self.heard.append(message)

    def should_stop(self) -> Stop:
        return self.stop


def test_stop_early_ends_one_stage_and_the_later_ones_train_as_long():
    user = Asked(Stop.NO)
    reporter = StageReporter(user)
    assert reporter.should_stop() is Stop.NO
    reporter.end_stage(200)
    assert reporter.epochs_left is None
    user.stop = Stop.EARLY
    assert [reporter.should_stop(), reporter.should_stop()] == [Stop.EARLY, Stop.EARLY]
    reporter.end_stage(30)
    assert reporter.stopped
    assert reporter.should_stop() is Stop.NO
    reporter.end_stage(20)
    assert reporter.epochs_left == 30
    user.stop = Stop.CANCEL
    assert reporter.should_stop() is Stop.CANCEL


def test_stages_beside_each_other_are_all_stopped_and_those_that_begin_later_are_not():
    user = Asked(Stop.NO)
    job = StageReporter(user)
    first, second = job.beside(user), job.beside(user)
    user.stop = Stop.EARLY
    assert first.should_stop() is Stop.EARLY
    first.end_stage(7)
    assert second.should_stop() is Stop.EARLY
    second.end_stage(9)
    third = job.beside(user)
    assert [one.should_stop() for one in (first, second, third, job)] == [Stop.NO] * 4
    assert third.epochs_left == job.epochs_left == 9
    assert job.stopped


def test_a_stage_stopped_before_its_first_epoch_still_leaves_one():
    reporter = StageReporter(Asked(Stop.EARLY))
    reporter.should_stop()
    reporter.end_stage(0)
    assert reporter.epochs_left == 1


@pytest.mark.parametrize("stop", Stop)
def test_everything_else_is_passed_on(stop):
    user = Asked(stop)
    reporter = StageReporter(user)
    reporter.progress(Progress(1, 2))
    reporter.warn("Careful.")
    assert user.heard == [Progress(1, 2), "Careful."]
    assert reporter.should_stop() is stop
