import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.mil import Bags, BagTarget, MILFit, fit_mil, predict_mil
from multimil_gui.core.options import Activation, Device, MILOptions, Pooling, TargetKind
from multimil_gui.core.reporter import Progress, SilentReporter, Stop

QUICK = MILOptions(epochs=6, seeds=2, device=Device.CPU)


def classes(label: np.ndarray, n_classes: int = 2) -> tuple[BagTarget, ...]:
    return (BagTarget(TargetKind.CLASSIFICATION, np.asarray(label), n_classes),)


@pytest.fixture(scope="module")
def small(planted):
    return planted.planted_cohort(planted.Plant.SHIFT, n_donors=8, cells=(20, 60), seed=1)


def fit(cohort, options=QUICK, train=None, held_out=None, seed=0, reporter=None, labels=None) -> MILFit:
    train = np.ones(cohort.bags.n_bags, bool) if train is None else train
    held_out = np.zeros((options.seeds, cohort.bags.n_bags), bool) if held_out is None else held_out
    labels = cohort.label if labels is None else labels
    return fit_mil(
        cohort.latent,
        cohort.bags,
        classes(labels),
        train,
        held_out,
        options,
        seed,
        "fold 1",
        reporter or SilentReporter(),
    )


class Recorder(SilentReporter):
    def __init__(self, stop_after: int = 10**9, how: Stop = Stop.EARLY) -> None:
        super().__init__()
        self.seen: list[Progress] = []
        self._stop_after, self._how = stop_after, how

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)

    def should_stop(self) -> Stop:
        return self._how if len(self.seen) >= self._stop_after else Stop.NO


def test_the_same_seed_gives_the_same_bytes_and_global_random_state_is_left_alone(small) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    np.random.seed(5)  # noqa: NPY002
    legacy = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = fit(small), fit(small)
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(legacy, np.random.get_state()[1])  # noqa: NPY002
    for name, value in first.weights.items():
        assert value.tobytes() == second.weights[name].tobytes()
    assert any(not np.array_equal(v, first.weights[k]) for k, v in fit(small, seed=1).weights.items())


def test_weights_read_back_predict_the_same_bits(small) -> None:
    result = fit(small)
    every = np.ones(small.bags.n_bags, bool)
    again = {name: np.frombuffer(v.tobytes(), v.dtype).reshape(v.shape) for name, v in result.weights.items()}
    one = predict_mil(result, small.latent, small.bags, every, classes(small.label), QUICK)
    two = predict_mil(again, small.latent, small.bags, every, classes(small.label), QUICK)
    assert one.targets[0].probability.tobytes() == two.targets[0].probability.tobytes()
    assert one.attention.tobytes() == two.attention.tobytes()
    assert one.targets[0].contribution.tobytes() == two.targets[0].contribution.tobytes()


def test_every_model_has_its_own_start_and_its_own_best_epoch(small) -> None:
    held = np.zeros((2, small.bags.n_bags), bool)
    held[0, :4], held[1, -4:] = True, True
    result = fit(small, MILOptions(epochs=15, seeds=2), held_out=held)
    assert not np.allclose(result.weights["cell.weight"][0], result.weights["cell.weight"][1])
    assert len(result.train) == len(result.held_out)
    assert np.isfinite(result.held_out).all()
    assert (result.best_epochs < len(result.train)).all()


def test_held_out_samples_are_never_trained_on(small) -> None:
    """Changing the labels of the held-out samples may change when training stops, but not the gradients."""
    held = np.zeros((2, small.bags.n_bags), bool)
    held[:, :4] = True
    flipped = np.where(held[0], 1 - small.label, small.label)
    options = MILOptions(epochs=3, seeds=2, patience=0)
    assert np.array_equal(
        fit(small, options, held_out=held).train, fit(small, options, held_out=held, labels=flipped).train
    )


def test_samples_outside_the_training_fold_change_nothing(small) -> None:
    train = np.ones(small.bags.n_bags, bool)
    train[:4] = False
    other = small.latent.copy()
    other[: small.bags.offsets[4]] += 100
    first = fit(small, train=train)
    second = fit_mil(
        other, small.bags, classes(np.where(train, small.label, -1)), train, np.zeros((2, len(train)), bool), QUICK, 0, "x",
        SilentReporter(),
    )  # fmt: skip
    for name, value in first.weights.items():
        assert np.array_equal(value, second.weights[name]), name


@pytest.mark.parametrize("pooling", list(Pooling))
@pytest.mark.parametrize("cell_layer", [True, False])
def test_every_pooling_trains(small, pooling: Pooling, cell_layer: bool) -> None:
    held = np.zeros((2, small.bags.n_bags), bool)
    held[:, :4] = True
    result = fit(
        small,
        QUICK.model_copy(update={"pooling": pooling, "cell_layer": cell_layer, "sample_noise": 0.0}),
        held_out=held,
    )
    assert result.train[-1] < result.train[0]
    assert all(np.isfinite(value).all() for value in result.weights.values())


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("whole", [False, True])
def test_every_depth_and_activation_trains(small, layers: int, activation: Activation, whole: bool) -> None:
    options = MILOptions(
        epochs=10, seeds=2, n_layers=layers, activation=activation, whole_samples=whole, sample_noise=0, dropout=0,
        learning_rate=3e-3,
    )  # fmt: skip
    result = fit(small, options)
    assert result.train[-3:].mean() < result.train[0]
    assert f"classifier0.hidden{layers - 1}.weight" in result.weights
    assert f"classifier0.hidden{layers}.weight" not in result.weights


def test_one_report_an_epoch_and_the_latest_weights_without_held_out_samples(small) -> None:
    recorder = Recorder()
    result = fit(small, reporter=recorder)
    assert [p.done for p in recorder.seen] == [1, 2, 3, 4, 5, 6]
    assert {p.stage for p in recorder.seen} == {"fold 1"}
    assert [p.metrics["train"] for p in recorder.seen] == pytest.approx(result.train.tolist())
    assert result.best_epochs.tolist() == [5, 5]
    assert np.isnan(result.held_out).all()


def test_stop_early_keeps_a_model_and_cancel_leaves_none(small) -> None:
    options = MILOptions(epochs=50, seeds=2)
    stopped = fit(small, options, reporter=Recorder(2))
    assert len(stopped.train) == 2
    with pytest.raises(Cancelled):
        fit(small, options, reporter=Recorder(2, Stop.CANCEL))


def test_refusals_name_what_is_wrong(small) -> None:
    train = small.label == 0
    with pytest.raises(Refusal, match="no training sample"):
        fit(small, train=train)
    broken = small.latent.copy()
    broken[3, 2] = np.nan
    with pytest.raises(Refusal, match="1 of"):
        fit_mil(
            broken, small.bags, classes(small.label), np.ones(small.bags.n_bags, bool),
            np.zeros((2, small.bags.n_bags), bool), QUICK, 0, "x", SilentReporter(),
        )  # fmt: skip


def test_the_scale_and_place_of_the_latent_do_not_matter(small) -> None:
    every = np.ones(small.bags.n_bags, bool)
    held = np.zeros((2, len(every)), bool)
    far = small.latent * 1024 + 4096
    moved = fit_mil(far, small.bags, classes(small.label), every, held, QUICK, 0, "x", SilentReporter())
    one = predict_mil(fit(small), small.latent, small.bags, every, classes(small.label), QUICK)
    two = predict_mil(moved, far, small.bags, every, classes(small.label), QUICK)
    np.testing.assert_allclose(one.targets[0].probability, two.targets[0].probability, atol=0.02)


def held_out_scores(
    planted, plant, options: MILOptions, seed: int, donors: int, cells: tuple[int, int]
) -> tuple[float, float]:
    cohort = planted.planted_cohort(plant, n_donors=donors, cells=cells, seed=seed)
    fold = planted.donor_folds(cohort, 3, seed)
    case, attention = np.zeros(cohort.bags.n_bags), np.zeros(cohort.bags.n_cells)
    for f in range(3):
        train = fold != f
        held = planted.held_out_samples(cohort, train, options.validation_fraction, options.seeds, seed)
        result = fit(cohort, options, train, held, seed=f)
        output = predict_mil(result, cohort.latent, cohort.bags, ~train, classes(cohort.label), options)
        case[~train] = output.targets[0].probability[:, :, 1].mean(axis=0)
        attention[cohort.bags.rows(~train)] = output.attention.mean(axis=0)
    found = [
        roc_auc_score(cohort.truth[a:b], attention[a:b])
        for a, b in zip(cohort.bags.offsets[:-1], cohort.bags.offsets[1:], strict=True)
        if 0 < cohort.truth[a:b].sum() < b - a
    ]
    return float(roc_auc_score(cohort.label, case)), float(np.mean(found)) if found else np.nan


def test_nothing_is_found_where_nothing_is(planted) -> None:
    options = MILOptions(epochs=15, seeds=2)
    scores = [held_out_scores(planted, planted.Plant.NONE, options, seed, 18, (60, 120))[0] for seed in range(3)]
    assert 0.3 < np.mean(scores) < 0.7


def test_a_rare_state_is_found_in_donors_never_seen(planted) -> None:
    options = MILOptions(epochs=25, seeds=3)
    samples, cells = held_out_scores(planted, planted.Plant.RARE, options, 0, 30, (200, 300))
    assert samples > 0.85
    assert cells > 0.9


def test_six_donors_are_enough_to_train(planted) -> None:
    cohort = planted.planted_cohort(planted.Plant.SHIFT, n_donors=6, samples_per_donor=1, cells=(50, 100))
    train = np.arange(6) != 0
    held = planted.held_out_samples(cohort, train, 0.2, 2, 0)
    assert not held.any()
    output = predict_mil(
        fit(cohort, train=train, held_out=held), cohort.latent, cohort.bags, ~train, classes(cohort.label), QUICK
    )
    assert output.targets[0].probability.shape == (2, 1, 2)


def test_bags_longer_than_the_latent_are_a_programming_error(small) -> None:
    with pytest.raises(ValueError, match="cells in the latent"):
        fit_mil(
            small.latent[:-1], small.bags, classes(small.label), np.ones(small.bags.n_bags, bool),
            np.zeros((2, small.bags.n_bags), bool), QUICK, 0, "x", SilentReporter(),
        )  # fmt: skip
    assert isinstance(small.bags, Bags)
