"""Thirteen faults found in the published packages by running them, one test each that would catch it in ours."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix, random_array

from multimil_gui.analysis.metrics import score_predictions
from multimil_gui.analysis.representations import sample_means
from multimil_gui.analysis.scores import sample_vectors
from multimil_gui.core import mil_net
from multimil_gui.core.batches import CellSource
from multimil_gui.core.integration import fit_integration
from multimil_gui.core.mil import Bags, BagTarget, fit_mil, predict_mil
from multimil_gui.core.modalities import ContinuousData, ModalityData
from multimil_gui.core.options import Device, IntegrateOptions, Likelihood, MILOptions, TargetKind
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.core.sub_bags import partition
from multimil_gui.data.cohort import Samples
from multimil_gui.data.splits import donor_folds, held_out_donors
from multimil_gui.jobs.pipeline import cohort_of, run_recipe
from multimil_gui.jobs.recipe_io import parse_recipe

CPU = torch.device("cpu")
QUICK = MILOptions(epochs=3, seeds=2, device=Device.CPU)


def bags_of(sizes) -> Bags:
    return Bags(np.concatenate([[0], np.cumsum(sizes)]))


def classes(label) -> BagTarget:
    return BagTarget(TargetKind.CLASSIFICATION, np.asarray(label), int(np.max(label)) + 1)


def latent_of(bags: Bags, width: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(bags.n_cells, width)).astype(np.float32)


def train(x: np.ndarray, bags: Bags, *targets: BagTarget, options: MILOptions = QUICK):
    every, nobody = np.ones(bags.n_bags, bool), np.zeros((options.seeds, bags.n_bags), bool)
    return fit_mil(x, bags, targets, every, nobody, options, 0, "fit", SilentReporter())


def random_weights(x: np.ndarray, options: MILOptions = QUICK) -> dict[str, np.ndarray]:
    weights = mil_net.initial_weights(x.shape[1], [2], options, 3)
    weights |= mil_net.fixed_weights(x, 50.0, options.seeds)
    return mil_net.to_arrays(weights)


def test_1_cells_in_any_order_keep_their_own_attention(small_h5ad, imported, given_text, tmp_path) -> None:
    import anndata

    recipe = parse_recipe(given_text)
    data = anndata.read_h5ad(small_h5ad)
    sample = data.obs["sample_id"].to_numpy()
    assert np.any(sample[1:] < sample[:-1]), "the cells of the small cohort are not sorted by sample"
    data[np.argsort(sample, kind="stable")].copy().write_h5ad(tmp_path / "sorted.h5ad")
    attention = {}
    for path in (small_h5ad, tmp_path / "sorted.h5ad"):
        store = imported(path)
        cells = run_recipe(recipe, store, SilentReporter()).mil.held_out_cells.attention
        attention[path.name] = dict(zip(store.cell_names(), cells.tolist(), strict=True))
    assert attention["small.h5ad"] == attention["sorted.h5ad"]


@pytest.mark.parametrize("size", [2, 128, 200, 256, 5000])
def test_2_no_bag_holds_cells_of_two_samples(size: int) -> None:
    bags = bags_of([44, 500, 129, 1, 257])
    parts = partition(bags, np.ones(5, bool), size, np.random.default_rng(0))
    of_cell = np.repeat(np.arange(5), bags.sizes)
    for rows, mask, bag in zip(parts.rows, parts.mask, parts.bag, strict=True):
        assert set(of_cell[rows[mask]]) == {bag}


@pytest.mark.parametrize("whole", [False, True])
def test_3_samples_of_few_cells_are_trained_on(whole: bool) -> None:
    """If the sample of five cells were left out, its class would not matter."""
    bags = bags_of([300, 300, 5, 300])
    options = QUICK.model_copy(update={"whole_samples": whole})
    x = latent_of(bags)
    fits = [train(x, bags, classes([0, 1, small, 1]), options=options) for small in (0, 1)]
    assert not np.array_equal(*(fit.weights["attention.value.weight"] for fit in fits))


def test_4_a_samples_vector_does_not_shrink_with_its_cells() -> None:
    once = latent_of(bags_of([11]))
    bags = bags_of([11, 44, 11 * 40])
    x = np.concatenate([once, np.tile(once, (4, 1)), np.tile(once, (40, 1))])
    said = predict_mil(random_weights(once), x, bags, np.ones(3, bool), [classes([0, 1, 0])], QUICK).targets[0]
    for bag in (1, 2):
        np.testing.assert_allclose(said.probability[:, bag], said.probability[:, 0], atol=1e-6)
    options = MILOptions(seeds=1, dropout=0.0)
    weights = {k: v[:1] for k, v in mil_net.to_tensors(random_weights(once), CPU, torch.float32).items()}
    values = mil_net.cell_values(weights, torch.from_numpy(x)[None], options)[0]
    mask = torch.arange(440) < torch.from_numpy(bags.sizes)[:, None]
    padded = torch.stack([torch.cat([v, v.new_zeros(440 - len(v), 6)]) for v in values.split(bags.sizes.tolist())])
    pooled = mil_net.pool_padded(weights, padded[None], mask[None], torch.ones(1, 3), options.pooling)[0]
    torch.testing.assert_close(pooled[1:], pooled[:1].expand(2, -1), atol=1e-5, rtol=1e-5)


def test_5_a_cells_attention_does_not_depend_on_its_neighbours_in_the_file() -> None:
    """The ratio of two cells' attention is the same wherever they lie in a sample of many chunks."""
    bags = bags_of([3000])
    x, order = latent_of(bags), np.random.default_rng(1).permutation(3000)
    weights = random_weights(x)
    plain, moved = (predict_mil(weights, y, bags, np.ones(1, bool), [classes([1])], QUICK) for y in (x, x[order]))
    np.testing.assert_allclose(moved.attention, plain.attention[:, order], rtol=1e-5)
    np.testing.assert_allclose(plain.attention.sum(axis=1), 1, atol=1e-5)


def test_6_several_targets_of_any_kind_train_together() -> None:
    bags = bags_of([20] * 8)
    group = np.arange(8) % 2
    targets = (
        classes(group),
        classes(np.arange(8) % 3),
        BagTarget(TargetKind.ORDINAL, np.arange(8) % 4, 4),
        BagTarget(TargetKind.REGRESSION, np.zeros(8, np.int64), 1, np.arange(8.0)),
    )
    x = latent_of(bags)
    said = predict_mil(train(x, bags, *targets), x, bags, np.ones(8, bool), targets, QUICK).targets
    assert [one.probability.shape[2] for one in said] == [2, 3, 4, 1]
    assert all(np.isfinite(one.contribution).all() for one in said)


def test_7_a_query_needs_no_column_of_the_target(small_h5mu, imported, learnt_text, tmp_path) -> None:
    import mudata

    from multimil_gui.jobs.fit import fit_of
    from multimil_gui.jobs.query import map_onto
    from multimil_gui.jobs.query_cohort import query_cohort

    recipe, store = parse_recipe(learnt_text), imported(small_h5mu)
    cohort = cohort_of(recipe, store)
    run = run_recipe(recipe, store, SilentReporter(), cohort=cohort)
    map2d = run.integration.latent[:, :2]
    fit = fit_of(cohort, run.integration, recipe.integrate, map2d, run.mil, recipe.mil, run.recipe, run.versions)
    with mudata.set_options(pull_on_update=False):
        data = mudata.read_h5mu(small_h5mu)
        data.obs = data.obs[["sample_id", "donor"]]
        data.write(tmp_path / "query.h5mu")
    query = parse_recipe(
        '[data]\npath = "query.h5mu"\nsample = "sample_id"\ndonor = "donor"\n'
        '[query]\nfit = "fit.safetensors"\nepochs = 1\n'
    )
    found = map_onto(query, fit, query_cohort(query, imported(tmp_path / "query.h5mu"), fit), SilentReporter())
    np.testing.assert_allclose(found.mil.held_out.probability.sum(axis=1), 1, atol=1e-5)


def test_8_the_weighted_vector_of_a_sample_does_not_grow_with_its_cells() -> None:
    x, codes = latent_of(bags_of([50])), np.zeros(50, np.int64)
    share = np.random.default_rng(0).dirichlet(np.ones(50))
    once = sample_vectors(x, codes, 1, share, 100)
    often = sample_vectors(np.tile(x, (9, 1)), np.zeros(450, np.int64), 1, np.tile(share / 9, 9), 100)
    for name, vector in once.items():
        np.testing.assert_allclose(often[name], vector, atol=1e-5, err_msg=name)


def mosaic(n: int = 200) -> list[ModalityData]:
    rng = np.random.default_rng(0)
    counts = csr_matrix(rng.poisson(1.0, (150, 30)).astype(np.float32))
    proteins = rng.normal(0, 1, (150, 8)).astype(np.float32)
    return [
        ModalityData("rna", counts, np.arange(150), Likelihood.NB),
        ModalityData("adt", proteins - proteins.mean(axis=0), np.arange(50, n), Likelihood.NORMAL),
    ]


def test_9_mosaics_are_integrated_and_the_weight_of_the_mmd_matters() -> None:
    nobody = np.zeros(200, bool)
    latents = [
        fit_integration(
            mosaic(), 200, [], IntegrateOptions(epochs=2, mmd_marginal_weight=weight, device=Device.CPU), nobody,
            SilentReporter(),
        ).latent
        for weight in (0.0, 100.0)
    ]  # fmt: skip
    assert all(np.isfinite(latent).all() for latent in latents)
    assert not np.allclose(*latents)


def test_10_donors_are_never_split_and_samples_are_what_is_counted(small_h5ad, imported, given_text) -> None:
    """Neither folds nor early stopping part the samples of a donor; accuracy counts samples, whatever their cells."""
    donor = np.repeat(np.arange(12), 2)
    label = (donor % 2).astype(np.int32)
    names = tuple(f"s{i}" for i in range(24))
    samples = Samples(names, donor.astype(np.int32), tuple(f"d{i}" for i in range(12)), label, np.arange(1, 25) ** 2)
    fold = donor_folds(samples, 3, 0)
    held_out = held_out_donors(samples, fold != 0, 0.3, 0)
    assert held_out.any()
    for split in (fold, held_out):
        assert all(len(set(split[donor == one])) == 1 for one in range(12))
    right = np.eye(2)[label]
    right[-1] = right[-1, ::-1]
    assert score_predictions("x", right, samples, 0).metrics["accuracy"].value == pytest.approx(23 / 24)
    # The simple models' "mean" is a mean: samples of different size lie at the same place when their cells do.
    cohort = cohort_of(parse_recipe(given_text), imported(small_h5ad))
    same = np.ones((cohort.n_cells, 3))
    np.testing.assert_allclose(sample_means(same, cohort), 1.0)


@pytest.mark.parametrize("likelihood", [Likelihood.NB, Likelihood.ZINB, Likelihood.NORMAL])
def test_11_one_modality_alone_is_enough(likelihood: Likelihood) -> None:
    counts = np.random.default_rng(0).poisson(0.5, (120, 25)).astype(np.float32)
    counts[3] = 0
    matrix = counts if likelihood is Likelihood.NORMAL else csr_matrix(counts)
    rna = ModalityData("rna", matrix, np.arange(120), likelihood)
    options = IntegrateOptions(epochs=2, device=Device.CPU)
    fit = fit_integration([rna], 120, [], options, np.zeros(120, bool), SilentReporter())
    assert np.isfinite(fit.latent).all()
    np.testing.assert_allclose(fit.modality_weight, 1.0, atol=1e-6)


def test_12_neither_sparse_counts_nor_missing_modalities_become_dense() -> None:
    n = 100_000
    counts = csr_matrix(random_array((n, 3000), density=0.001, rng=np.random.default_rng(0), dtype=np.float32))
    counts.data = np.ceil(counts.data)
    proteins = np.ones((100, 500), np.float32)
    modalities = [
        ModalityData("rna", counts, np.arange(n), Likelihood.NB),
        ModalityData("adt", proteins, np.arange(100), Likelihood.NORMAL),
    ]
    age = ContinuousData("age", np.zeros(n, np.float32))
    tracemalloc.start()
    source = CellSource(modalities, n, [], [age], CPU)
    batch = source.batch(np.arange(1000, 1256))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6, "dense float32 would be 1.2 GB for the counts and 200 MB for the missing proteins"
    assert set(batch.parts) == {"rna"}


def test_13_nothing_is_left_behind_and_nothing_is_said(tmp_path: Path) -> None:
    """No file in the working directory, no warning; that importing the package is light is tests/house/test_imports."""
    code = """
import numpy as np
from multimil_gui.core.mil import Bags, BagTarget, fit_mil, predict_mil
from multimil_gui.core.options import Device, MILOptions, TargetKind
from multimil_gui.core.reporter import SilentReporter
bags, x = Bags(np.arange(0, 81, 10)), np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
target = (BagTarget(TargetKind.CLASSIFICATION, np.arange(8) % 2, 2),)
options = MILOptions(epochs=2, seeds=2, device=Device.CPU)
every, nobody = np.ones(8, bool), np.zeros((2, 8), bool)
fit = fit_mil(x, bags, target, every, nobody, options, 0, "fit", SilentReporter())
predict_mil(fit, x, bags, every, target, options)
"""
    path = f"import sys; sys.path[:0] = {[entry for entry in sys.path if entry]!r}\n"
    done = subprocess.run([sys.executable, "-c", path + code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
    assert list(tmp_path.iterdir()) == []
