"""What a training needs to go on after an interruption as if there had been none, and who keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next epoch depends on.

    Attributes
    ----------
    arrays
        Weights, the optimiser's moments, states of random streams, by name.
    values
        Plain JSON values: the next epoch, curves, states of random streams.
    """

    arrays: Mapping[str, np.ndarray]
    values: Mapping[str, Any]


class TrainingKeeper(Protocol):
    """Keeps the state of one training between two starts of the program."""

    def load(self) -> TrainingState | None:
        """Return the newest state of this very training (same recipe, data and versions), None without any."""

    def keep(self, state: Callable[[], TrainingState]) -> None:
        """Keep the state after an epoch, now or not at all: called after each, it asks for the state when it is due."""


def named(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays with ``prefix`` and a slash before their names."""
    return {f"{prefix}/{name}": value for name, value in arrays.items()}


def under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return those of the arrays that :func:`named` gave ``prefix``, without it."""
    start = f"{prefix}/"
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
