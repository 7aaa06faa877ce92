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
    length = int((-(-bags.sizes[chosen] // parts)).max())
    rows = np.zeros((parts.sum(), length), dtype=np.int64)
    mask = np.zeros(rows.shape, dtype=bool)
    moment = np.empty(len(rows))
    place = 0
    for bag, n_parts in zip(chosen, parts, strict=True):
        n = int(bags.sizes[bag])
        cells = rng.permutation(n) + bags.offsets[bag]
        bounds = np.linspace(0, n, n_parts + 1).astype(np.int64)
        for part in range(n_parts):
            mine = cells[bounds[part] : bounds[part + 1]]
            rows[place + part, : len(mine)] = mine
            mask[place + part, : len(mine)] = True
        moment[place : place + n_parts] = (np.arange(n_parts) + rng.random()) / n_parts
        place += n_parts
    order = np.argsort(moment, kind="stable")
    weight = np.repeat(1.0 / parts, parts).astype(np.float32)
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
