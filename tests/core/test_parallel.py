import threading

import numpy as np
import pytest

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.mil import BagTarget, fit_mil
from multimil_gui.core.options import Device, MILOptions, TargetKind
from multimil_gui.core.parallel import in_parallel, usable_cores
from multimil_gui.core.reporter import Progress, SilentReporter, Stop, stop_early


class Watcher(SilentReporter):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.threads: set[threading.Thread] = set()
        self.asked = Stop.NO

    def progress(self, progress: Progress) -> None:
        self.threads.add(threading.current_thread())
        self.seen.append(progress.message)

    def should_stop(self) -> Stop:
        self.threads.add(threading.current_thread())
        return self.asked


def test_results_in_order_whoever_ends_first_and_reports_in_the_calling_thread() -> None:
    second_done = threading.Event()

    def first(reporter):
        reporter.progress(Progress(1, 2, "first begins"))
        assert second_done.wait(10)
        reporter.progress(Progress(2, 2, "first ends"))
        return 1

    def second(reporter):
        reporter.progress(Progress(1, 1, "second"))
        reporter.warn("careful")
        second_done.set()
        return 2

    watcher = Watcher()
    assert in_parallel([first, second], watcher, 2) == [1, 2]
    assert watcher.seen == ["first begins", "first ends", "second"]
    assert watcher.warnings == ["careful"]
    assert watcher.threads == {threading.current_thread()}


def test_one_worker_does_one_after_the_other() -> None:
    running = []

    def work(reporter):
        running.append(len(running))
        return threading.current_thread()

    assert set(in_parallel([work] * 4, Watcher(), 1)) == {threading.current_thread()}
    assert running == [0, 1, 2, 3]
    assert in_parallel([], Watcher(), 2) == []


def test_a_failure_cancels_the_others_and_is_raised() -> None:
    def fails(reporter):
        raise Refusal("No.")

    def waits(reporter):
        while True:
            stop_early(reporter)

    with pytest.raises(Refusal, match="No"):
        in_parallel([waits, fails, waits], Watcher(), 2)


def test_a_cancel_reaches_everyone() -> None:
    watcher = Watcher()

    def waits(reporter):
        reporter.progress(Progress(0, 0, "running"))
        watcher.asked = Stop.CANCEL
        while True:
            stop_early(reporter)

    with pytest.raises(Cancelled):
        in_parallel([waits] * 3, watcher, 2)


def test_an_error_of_the_reporter_ends_the_threads_too() -> None:
    ended = threading.Event()

    class Broken(SilentReporter):
        def should_stop(self) -> Stop:
            raise RuntimeError("window gone")

    def waits(reporter):
        try:
            while True:
                stop_early(reporter)
        finally:
            ended.set()

    with pytest.raises(RuntimeError, match="window gone"):
        in_parallel([waits] * 2, Broken(), 2)
    assert ended.is_set()


def test_models_are_the_same_bytes_however_many_are_trained_at_once(planted) -> None:
    cohort = planted.planted_cohort(planted.Plant.SHIFT, n_donors=8, cells=(20, 60), seed=1)
    target = (BagTarget(TargetKind.CLASSIFICATION, cohort.label, 2),)
    options = MILOptions(seeds=2, epochs=3, device=Device.CPU)

    def fold(number: int):
        train = np.arange(cohort.bags.n_bags) % 4 != number
        held = np.zeros((2, cohort.bags.n_bags), bool)
        return lambda reporter: (
            fit_mil(cohort.latent, cohort.bags, target, train, held, options, number, "x", reporter).weights
        )

    folds = [fold(number) for number in range(4)]
    for alone, together in zip(in_parallel(folds, Watcher(), 1), in_parallel(folds, Watcher(), 3), strict=True):
        for name, weight in alone.items():
            assert weight.tobytes() == together[name].tobytes(), name


def test_there_is_at_least_one_core() -> None:
    assert usable_cores() >= 1
