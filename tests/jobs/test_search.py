"""The search for options looks at training donors alone, and gives the same answer to the same question."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from multimil_gui.core.bags import Bags
from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.options import MILOptions, Pooling, SearchOptions, TargetKind
from multimil_gui.core.reporter import Progress, SilentReporter, Stop
from multimil_gui.core.targets import BagTarget
from multimil_gui.data.cohort import Samples
from multimil_gui.jobs import search
from multimil_gui.jobs.search import SearchResult, search_options

OPTIONS = MILOptions(epochs=5, seeds=3, n_hidden=8, n_attention=4)
SEARCH = SearchOptions(trials=4, inner_folds=2)
N_DONORS = 14


class Question:
    """A small cohort, two visits of every third donor, whose class moves some cells."""

    def __init__(self, kind: TargetKind = TargetKind.CLASSIFICATION) -> None:
        rng = np.random.default_rng(5)
        donor = np.sort(np.r_[np.arange(N_DONORS), np.arange(0, N_DONORS, 3)]).astype(np.int32)
        n_classes = {TargetKind.CLASSIFICATION: 2, TargetKind.ORDINAL: 3, TargetKind.REGRESSION: 1}[kind]
        number = donor % max(n_classes, 2)
        sizes = rng.integers(20, 40, len(donor))
        self.latent = rng.normal(size=(sizes.sum(), 4)).astype(np.float32)
        shifted = (rng.random(len(self.latent)) < 0.3) * np.repeat(number, sizes)
        self.latent[:, 1] += 4 * shifted
        self.bags = Bags(np.concatenate([[0], np.cumsum(sizes)]))
        label = np.zeros(len(donor), dtype=np.int64) if kind is TargetKind.REGRESSION else number.astype(np.int64)
        value = number + rng.normal(0, 0.1, len(donor)) if kind is TargetKind.REGRESSION else None
        self.targets = (BagTarget(kind, label, n_classes, value),)
        self.samples = Samples(
            names=tuple(f"s{i:02d}" for i in range(len(donor))),
            donor=donor,
            donor_names=tuple(f"d{i:02d}" for i in range(N_DONORS)),
            label=label.astype(np.int32),
            n_cells=sizes.astype(np.int64),
            value=value,
        )
        self.kind = kind
        self.train = donor % 7 != 3

    def ask(
        self,
        options: MILOptions = OPTIONS,
        how: SearchOptions = SEARCH,
        seed: int = 0,
        reporter: SilentReporter | None = None,
    ) -> SearchResult:
        told = reporter or SilentReporter()
        return search_options(
            options, how, self.latent, self.bags, self.targets, self.samples, self.train, self.kind, seed, told
        )


@pytest.mark.parametrize("kind", TargetKind)
def test_labels_of_held_out_donors_are_never_looked_at(kind: TargetKind) -> None:
    honest, trap = Question(kind), Question(kind)
    target, held_out = trap.targets[0], ~trap.train
    label = np.where(held_out, (target.label + 1) % target.n_classes, target.label)
    value = None if target.value is None else np.where(held_out, 1e6, target.value)
    trap.targets = (replace(target, label=label, value=value),)
    trap.samples = replace(trap.samples, label=label.astype(np.int32), value=value)
    assert honest.ask() == trap.ask()


def test_the_same_seed_gives_the_same_answer_and_each_fold_draws_its_own_options() -> None:
    question = Question()
    assert question.ask() == question.ask()
    assert [t.options for t in question.ask(seed=1).trials[1:]] != [t.options for t in question.ask().trials[1:]]
    other = SEARCH.model_copy(update={"seed": 7})
    assert [t.options for t in question.ask(how=other).trials[1:]] != [t.options for t in question.ask().trials[1:]]


def test_the_options_as_given_come_first_and_the_best_of_all_is_taken() -> None:
    result = Question().ask()
    assert len(result.trials) == SEARCH.trials
    given = result.trials[0]
    assert given.options == {name: getattr(OPTIONS, name) for name in search.GRID}
    best = min((trial for trial in result.trials if trial.finished), key=lambda trial: trial.loss)
    assert result.options == OPTIONS.model_copy(update=dict(best.options))
    assert (result.options.epochs, result.options.seeds) == (OPTIONS.epochs, OPTIONS.seeds)
    for trial in result.trials[1:]:
        for name, value in trial.options.items():
            assert value in search.GRID[name] or value == getattr(OPTIONS, name)


def test_options_that_cannot_learn_are_replaced() -> None:
    hopeless = OPTIONS.model_copy(update={"learning_rate": 1e-7, "epochs": 20})
    result = Question().ask(hopeless, SearchOptions(trials=8, inner_folds=2))
    assert result.options.learning_rate > 1e-7
    assert min(trial.loss for trial in result.trials) < 0.8 * result.trials[0].loss


def test_donors_stay_whole_in_the_inner_folds_and_every_class_is_in_each() -> None:
    question = Question()
    samples, train = question.samples, question.train
    inner = search._inner_folds(samples, train, SearchOptions(inner_folds=4), question.kind, ())
    assert inner is not None
    assert len(np.unique(inner[train])) == 4
    for donor in np.unique(samples.donor):
        assert len(np.unique(inner[samples.donor == donor])) == 1
    for fold in range(4):
        assert set(samples.label[train & (inner == fold)]) == {0, 1}


def test_few_donors_give_fewer_inner_folds_and_too_few_none() -> None:
    question = Question()
    question.train = question.samples.donor < 6
    assert len(question.ask(how=SearchOptions(trials=1, inner_folds=20)).trials) == 1
    question.train = question.samples.donor < 2
    told = SilentReporter()
    assert question.ask(reporter=told) == SearchResult(OPTIONS, ())
    assert "too few training donors" in told.warnings[0]
    assert Question().ask(how=SearchOptions(trials=0)) == SearchResult(OPTIONS, ())


def test_a_pooling_without_attention_is_kept() -> None:
    options = OPTIONS.model_copy(update={"pooling": Pooling.MEAN, "whole_samples": True})
    for trial in Question().ask(options).trials:
        assert not {"pooling", "n_attention", "cells_per_bag"} & set(trial.options)


def test_options_that_break_down_lose_and_do_not_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(search.GRID, "learning_rate", (1.0,))
    monkeypatch.setitem(search.GRID, "sample_noise", (1e38,))
    result = Question().ask(how=SearchOptions(trials=6, inner_folds=2))
    broken = [trial for trial in result.trials if math.isnan(trial.loss)]
    assert broken
    assert not any(trial.finished for trial in broken)
    assert math.isfinite(min(trial.loss for trial in result.trials if trial.finished))
    spoilt = Question()
    spoilt.latent[0] = np.nan
    with pytest.raises(Refusal, match="not numbers"):
        spoilt.ask()


def test_trials_that_do_worse_than_most_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_WARM_UP_TRIALS", 1)
    monkeypatch.setattr(search, "_WARM_UP_EPOCHS", 1)
    result = Question().ask(OPTIONS.model_copy(update={"epochs": 15}), SearchOptions(trials=8, inner_folds=2))
    given_up = [trial for trial in result.trials if not trial.finished]
    assert given_up
    assert min(t.loss for t in given_up) >= min(t.loss for t in result.trials if t.finished)


def test_the_user_hears_of_trials_and_can_stop_or_cancel(capfd: pytest.CaptureFixture[str]) -> None:
    class User(SilentReporter):
        def __init__(self, stop: Stop, after: int) -> None:
            super().__init__()
            self.heard: list[Progress] = []
            self._stop, self._after = stop, after

        def progress(self, progress: Progress) -> None:
            self.heard.append(progress)

        def should_stop(self) -> Stop:
            return self._stop if len(self.heard) > self._after else Stop.NO

    patient = User(Stop.NO, 0)
    Question().ask(reporter=patient)
    assert [(p.done, p.total, p.stage) for p in patient.heard] == [(i, 4, search.STAGE) for i in range(4)]
    early = Question().ask(reporter=User(Stop.EARLY, 2))
    assert len(early.trials) == 2
    assert len(Question().ask(reporter=User(Stop.EARLY, 0)).trials) == 1
    with pytest.raises(Cancelled):
        Question().ask(reporter=User(Stop.CANCEL, 2))
    assert capfd.readouterr() == ("", "")
