from __future__ import annotations

import sys
import threading
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qtpy.QtCore import QCoreApplication, QThread

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import Progress, Stop, stop_early
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.jobs.states import TRANSITIONS, JobOutcome, JobState


class Told:
    """Everything a runner said, in order, and in which thread."""

    def __init__(self, runner: JobRunner) -> None:
        self.states: dict[int, list[JobState]] = defaultdict(list)
        self.progress: dict[int, list[Progress]] = defaultdict(list)
        self.batches: list[tuple[Progress, ...]] = []
        self.warnings: list[tuple[int, str]] = []
        self.outcomes: list[JobOutcome] = []
        self.threads: set[int] = set()
        runner.state_changed.connect(self._state)
        runner.progressed.connect(self._progress)
        runner.warned.connect(self._warned)
        runner.finished.connect(self._finished)

    def _state(self, job_id: int, state: JobState) -> None:
        assert not any(outcome.job_id == job_id for outcome in self.outcomes)
        self.states[job_id].append(state)
        self.threads.add(threading.get_ident())

    def _progress(self, job_id: int, points: tuple[Progress, ...]) -> None:
        assert not self.states[job_id][-1].terminal
        self.batches.append(points)
        self.progress[job_id].extend(points)

    def _warned(self, job_id: int, text: str) -> None:
        self.warnings.append((job_id, text))

    def _finished(self, outcome: JobOutcome) -> None:
        assert self.states[outcome.job_id][-1] is outcome.state
        self.outcomes.append(outcome)


@pytest.fixture
def runner(qapp):
    runner = JobRunner()
    yield runner
    runner.shutdown()


@pytest.fixture
def told(runner: JobRunner) -> Told:
    return Told(runner)


def answer(value, *, reporter):
    return value


def raises(error, *, reporter):
    raise error


def waits(started: threading.Event, *, reporter):
    """Work until asked to stop; its best result so far is "best"."""
    reporter.progress(Progress(0, 0, "Working"))
    started.set()
    pause = threading.Event()
    while not stop_early(reporter):
        pause.wait(0.001)
    return "best"


def deaf(started: threading.Event, gate: threading.Event, *, reporter):
    """Work on until the gate opens, whatever is asked."""
    started.set()
    assert gate.wait(30)
    return "late"


def ended(qtbot, told: Told, n: int = 1) -> list[JobOutcome]:
    qtbot.waitUntil(lambda: len(told.outcomes) >= n, timeout=20_000)
    QCoreApplication.processEvents()
    assert len(told.outcomes) == n
    return told.outcomes


def test_a_job_runs_in_another_thread_and_its_result_arrives(qtbot, runner, told):
    def where(*, reporter):
        return threading.get_ident()

    job = runner.submit(where, title="Where am I")
    assert runner.state(job) is JobState.QUEUED
    assert runner.title(job) == "Where am I"
    assert runner.busy
    (outcome,) = ended(qtbot, told)
    assert outcome == JobOutcome(job, JobState.DONE, result=outcome.result)
    assert outcome.result != threading.get_ident()
    assert told.threads == {threading.get_ident()}
    assert told.states[job] == [JobState.QUEUED, JobState.PREPARING, JobState.DONE]
    assert not runner.busy
    assert runner.state(job) is None
    assert runner.title(job) == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            Refusal("No donor column.", "obs has 3 columns.", "Choose one."),
            "No donor column. obs has 3 columns. Choose",
        ),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "shapes cannot be multiplied"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "The computer ran out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "The graphics card ran out of memory"),
        (MemoryError(), "The computer ran out of memory"),
        (FileNotFoundError(2, "No such file or directory", "cells.csv"), "cells.csv"),
        (SystemExit(3), "ended itself"),
        (KeyboardInterrupt(), "interrupted"),
        (StopIteration(), "Something went wrong"),
        (GeneratorExit(), "Something went wrong"),
        (ValueError(), "Something went wrong"),
        (ValueError("first line\nTraceback of another program"), "first line"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_ends_the_job_in_words(qtbot, runner, told, error, words):
    job = runner.submit(raises, error)
    (outcome,) = ended(qtbot, told)
    assert outcome.state is JobState.FAILED
    assert outcome.result is None
    assert words in outcome.error
    assert "Traceback" not in outcome.error
    # A refusal says all there is to say.
    assert ("Traceback" in outcome.details) == (not isinstance(error, Refusal))
    assert told.states[job][-1] is JobState.FAILED
    runner.submit(answer, 7)
    assert ended(qtbot, told, 2)[1].result == 7


def test_a_job_that_ends_itself_as_cancelled_is_cancelled(qtbot, runner, told):
    runner.submit(raises, Cancelled())
    (outcome,) = ended(qtbot, told)
    assert outcome.state is JobState.CANCELLED
    assert outcome.error == ""


def test_stop_early_keeps_the_best(qtbot, runner, told):
    started = threading.Event()
    job = runner.submit(waits, started)
    qtbot.waitUntil(lambda: runner.state(job) is JobState.RUNNING)
    runner.stop_early(job)
    assert runner.state(job) is JobState.STOPPING
    (outcome,) = ended(qtbot, told)
    assert (outcome.state, outcome.result) == (JobState.STOPPED_EARLY, "best")


def test_cancel_of_a_running_job_leaves_no_result(qtbot, runner, told):
    started = threading.Event()
    job = runner.submit(waits, started)
    qtbot.waitUntil(started.is_set)
    runner.stop_early(job)
    runner.cancel(job)
    runner.cancel(job)
    (outcome,) = ended(qtbot, told)
    assert (outcome.state, outcome.result) == (JobState.CANCELLED, None)


def test_a_job_that_ended_before_it_heard_cancel_leaves_no_result(qtbot, runner, told):
    started, gate = threading.Event(), threading.Event()
    job = runner.submit(deaf, started, gate)
    qtbot.waitUntil(started.is_set)
    runner.cancel(job)
    gate.set()
    (outcome,) = ended(qtbot, told)
    assert (outcome.state, outcome.result) == (JobState.CANCELLED, None)


def test_a_job_that_never_heard_stop_early_is_done(qtbot, runner, told):
    started, gate = threading.Event(), threading.Event()
    job = runner.submit(deaf, started, gate)
    qtbot.waitUntil(started.is_set)
    runner.stop_early(job)
    gate.set()
    (outcome,) = ended(qtbot, told)
    assert (outcome.state, outcome.result) == (JobState.DONE, "late")
    assert told.states[job][-2:] == [JobState.STOPPING, JobState.DONE]


def test_a_queued_job_is_cancelled_at_once_and_never_runs(qtbot, runner, told):
    started, ran = threading.Event(), []
    first = runner.submit(waits, started)
    second = runner.submit(lambda *, reporter: ran.append(1))
    third = runner.submit(answer, 3)
    qtbot.waitUntil(started.is_set)
    assert runner.current == first
    assert runner.queued == (second, third)
    runner.stop_early(second)
    assert runner.state(second) is JobState.QUEUED
    runner.cancel(second)
    assert [outcome.job_id for outcome in told.outcomes] == [second]
    runner.cancel(first)
    assert [outcome.job_id for outcome in ended(qtbot, told, 3)] == [second, first, third]
    assert ran == []


def test_jobs_run_one_at_a_time_in_the_order_they_came(qtbot, runner, told):
    running, most, order = [], [], []

    def counted(number, *, reporter):
        running.append(number)
        most.append(len(running))
        order.append(number)
        running.remove(number)

    for number in range(20):
        runner.submit(counted, number)
    ended(qtbot, told, 20)
    assert max(most) == 1
    assert order == list(range(20))


def test_a_curve_loses_no_point_and_a_storm_is_thinned(qtbot, runner, told):
    def storm(*, reporter):
        for step in range(100_000):
            reporter.progress(Progress(step, 100_000, "Training"))
            if step % 100 == 0:
                reporter.progress(Progress(step, 100_000, "Training", {"train": float(step)}, "fold 1"))
        reporter.warn("Few donors.")
        reporter.progress(Progress(100_000, 100_000, "Training"))

    job = runner.submit(storm)
    ended(qtbot, told)
    points = [point.metrics["train"] for point in told.progress[job] if point.metrics]
    assert points == [float(step) for step in range(0, 100_000, 100)]
    assert told.progress[job][-1].done == 100_000
    assert len(told.progress[job]) < 3000
    assert told.warnings == [(job, "Few donors.")]
    assert all(told.batches)


def test_a_slot_may_submit_the_next_job(qtbot, runner, told):
    runner.finished.connect(lambda outcome: runner.submit(answer, 2) if outcome.result == 1 else None)
    runner.submit(answer, 1)
    assert [outcome.result for outcome in ended(qtbot, told, 2)] == [1, 2]


def test_shutdown_cancels_all_and_waits_for_the_thread(qtbot, qapp):
    runner = JobRunner()
    told = Told(runner)
    started = threading.Event()
    running = runner.submit(waits, started)
    waiting = runner.submit(answer, 1)
    qtbot.waitUntil(started.is_set)
    thread = runner.findChild(QThread)
    runner.shutdown()
    assert thread.isFinished()
    assert {outcome.job_id: outcome.state for outcome in told.outcomes} == {
        running: JobState.CANCELLED,
        waiting: JobState.CANCELLED,
    }
    runner.shutdown()
    QCoreApplication.processEvents()
    assert len(told.outcomes) == 2
    with pytest.raises(RuntimeError):
        runner.submit(answer, 1)


def test_shutdown_right_after_submit_ends_the_job(qapp):
    runner = JobRunner()
    told = Told(runner)
    runner.submit(answer, 1)
    runner.shutdown()
    QCoreApplication.processEvents()
    assert [outcome.state for outcome in told.outcomes] == [JobState.CANCELLED]


def test_asking_an_unknown_or_ended_job_does_nothing(qtbot, runner, told):
    job = runner.submit(answer, 1)
    ended(qtbot, told)
    for number in (job, 99):
        runner.cancel(number)
        runner.stop_early(number)
    QCoreApplication.processEvents()
    assert len(told.outcomes) == 1


def test_the_error_does_not_keep_the_arrays_of_the_job_alive(qtbot, runner, told):
    import weakref

    class Array:
        pass

    seen = []

    def fails(*, reporter):
        array = Array()
        seen.append(weakref.ref(array))
        raise RuntimeError("no")

    runner.submit(fails)
    ended(qtbot, told)
    import gc

    gc.collect()
    assert seen[0]() is None


_FUNCTIONS = {
    "done": answer,
    "refusal": lambda _, *, reporter: raises(Refusal("a", "b", "c"), reporter=reporter),
    "runtime": lambda _, *, reporter: raises(RuntimeError("x"), reporter=reporter),
    "memory": lambda _, *, reporter: raises(MemoryError(), reporter=reporter),
    "exit": lambda _, *, reporter: sys.exit(1),
    "cancelled": lambda _, *, reporter: raises(Cancelled(), reporter=reporter),
    "progress": lambda n, *, reporter: [reporter.progress(Progress(i, n, "", {"a": 1.0})) for i in range(n)],
    "waits": lambda _, *, reporter: waits(threading.Event(), reporter=reporter),
}
_plans = st.lists(
    st.tuples(st.sampled_from(sorted(_FUNCTIONS)), st.sampled_from(["nothing", "early", "cancel", "both"])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(plan=_plans, steps=st.lists(st.integers(0, 7), max_size=6), stop=st.booleans())
def test_every_job_ends_exactly_once_and_only_by_legal_steps(qtbot, plan, steps, stop):
    runner = JobRunner()
    told = Told(runner)
    try:
        jobs = [runner.submit(_FUNCTIONS[kind], 5) for kind, _ in plan]
        for step in steps:
            QCoreApplication.processEvents()
            if step < len(plan):
                _act(runner, jobs[step], plan[step][1])
        if not stop:
            for job, (kind, _) in zip(jobs, plan, strict=True):
                if kind == "waits":
                    _wait_its_turn(qtbot, runner, told, job)
            ended(qtbot, told, len(plan))
    finally:
        runner.shutdown()
    QCoreApplication.processEvents()
    assert sorted(outcome.job_id for outcome in told.outcomes) == jobs
    for job in jobs:
        path = told.states[job]
        assert path[0] is JobState.QUEUED
        assert all(new in TRANSITIONS[old] for old, new in pairwise(path))
        assert [state.terminal for state in path].count(True) == 1


def _act(runner: JobRunner, job: int, action: str) -> None:
    if action in ("early", "both"):
        runner.stop_early(job)
    if action in ("cancel", "both"):
        runner.cancel(job)


def _wait_its_turn(qtbot, runner: JobRunner, told: Told, job: int) -> None:
    over = lambda: any(outcome.job_id == job for outcome in told.outcomes)  # noqa: E731
    qtbot.waitUntil(lambda: over() or runner.current == job, timeout=20_000)
    runner.stop_early(job)
    qtbot.waitUntil(over, timeout=20_000)


@pytest.mark.parametrize("old", JobState)
@pytest.mark.parametrize("new", JobState)
def test_transitions_end_at_the_four_ends(old, new):
    assert (new in TRANSITIONS[old]) <= (not old.terminal)


def test_a_cancel_is_not_taken_back():
    from multimil_gui.jobs.reporters import ThreadReporter

    reporter = ThreadReporter()
    reporter.ask(Stop.CANCEL)
    reporter.ask(Stop.EARLY)
    assert reporter.should_stop() is Stop.CANCEL
