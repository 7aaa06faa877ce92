"""The sub-bags of training: every cell of every sample once an epoch, in a new partition each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.bags import Bags


@dataclass(frozen=True)
class SubBags:
    """Sub-bags filled up to one length.

    Attributes
    ----------
    rows
        (..., length) int64 cells; 0 where filled up.
    mask
        (..., length) bool, False where filled up.
    bag
        (...) int64 bag of each sub-bag.
    weight
        (...) float32 share of the sub-bag in its bag's weight: one bag's sub-bags sum to 1, so that each sample counts
        alike whatever its size. 0 for an empty place.
    """

    rows: np.ndarray
    mask: np.ndarray
    bag: np.ndarray
    weight: np.ndarray


def n_sub_bags(sizes: np.ndarray, size: int) -> np.ndarray:
    """Return into how many sub-bags of at most ``size`` cells each bag is split; at least one."""
    return -(-np.asarray(sizes) // size)


def partition(bags: Bags, which: np.ndarray, size: int, rng: np.random.Generator) -> SubBags:
    """Split the bags marked in ``which`` into random sub-bags, spread evenly over the epoch.

    A bag of n cells becomes ceil(n / size) parts of nearly equal size; nothing is dropped. The parts of one bag are
    spread over the epoch, so that each optimiser step sees nearly the same mixture of samples.
    """
    chosen = np.flatnonzero(which)
    parts = n_sub_bags(bags.sizes[chosen], size)
    number = np.concatenate([np.arange(n) for n in parts])
    whole, n_parts = np.repeat(bags.sizes[chosen], parts), np.repeat(parts, parts)
    lengths = (number + 1) * whole // n_parts - number * whole // n_parts
    mask = np.arange(lengths.max()) < lengths[:, None]
    rows = np.zeros(mask.shape, dtype=np.int64)
    # The cells of one bag's parts follow each other, as the places marked in the mask do.
    rows[mask] = np.concatenate([rng.permutation(bags.sizes[bag]) + bags.offsets[bag] for bag in chosen])
    order = np.argsort((number + rng.random(len(number))) / n_parts, kind="stable")
    weight = (1.0 / n_parts).astype(np.float32)
    return SubBags(rows[order], mask[order], np.repeat(chosen, parts)[order], weight[order])


def steps(partitions: list[SubBags], n_steps: int) -> Iterator[SubBags]:
    """Cut the partitions of several models into common optimiser steps with a leading model dimension.

    Models whose partition is smaller get empty places: one masked-in cell with weight 0.
    """
    length = max(p.rows.shape[1] for p in partitions)
    bounds = [np.linspace(0, len(p.rows), n_steps + 1).astype(np.int64) for p in partitions]
    for step in range(n_steps):
        count = max(b[step + 1] - b[step] for b in bounds)
        shape = (len(partitions), int(count))
        out = SubBags(
            np.zeros((*shape, length), dtype=np.int64),
            np.zeros((*shape, length), dtype=bool),
            np.zeros(shape, dtype=np.int64),
            np.zeros(shape, dtype=np.float32),
        )
        out.mask[:, :, 0] = True
        for model, (p, b) in enumerate(zip(partitions, bounds, strict=True)):
            part = slice(b[step], b[step + 1])
            n, width = b[step + 1] - b[step], p.rows.shape[1]
            out.rows[model, :n, :width] = p.rows[part]
            out.mask[model, :n, :width] = p.mask[part]
            out.bag[model, :n] = p.bag[part]
            out.weight[model, :n] = p.weight[part]
        yield out


@dataclass(frozen=True)
class Samples:
    """Whole samples of one optimiser step.

    Attributes
    ----------
    bag
        (models, n) int64 samples of each model; 0 for an empty place.
    weight
        (models, n) float32, 1; 0 for an empty place.
    """

    bag: np.ndarray
    weight: np.ndarray

    def of_model(self, model: int) -> np.ndarray:
        """Return the samples of one model."""
        return self.bag[model][self.weight[model] > 0]


def sample_steps(trained: list[np.ndarray], n_steps: int, draws: list[np.random.Generator]) -> Iterator[Samples]:
    """Deal the bags that each model learns from ((n_bags,) bool per model), in random order, to optimiser steps."""
    orders = [rng.permutation(np.flatnonzero(mine)) for mine, rng in zip(trained, draws, strict=True)]
    for step in range(n_steps):
        dealt = [order[step::n_steps] for order in orders]
        shape = (len(dealt), max(len(mine) for mine in dealt))
        out = Samples(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.float32))
        for model, mine in enumerate(dealt):
            out.bag[model, : len(mine)] = mine
            out.weight[model, : len(mine)] = 1.0
        yield out
