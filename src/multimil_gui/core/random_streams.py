"""Independent streams of random numbers; the global generators of numpy and torch are never touched."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch


def _sequence(key: tuple[int, ...]) -> np.random.SeedSequence:
    """Return the seed of a key; as a spawn key, because an entropy of (0,) and of (0, 0) would be the same."""
    return np.random.SeedSequence(key[0], spawn_key=key[1:])


def numpy_stream(*key: int) -> np.random.Generator:
    """Return the numpy generator of a key such as ``(seed, model)``; different keys give independent streams."""
    return np.random.default_rng(_sequence(key))


def torch_stream(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the torch generator of a key; different keys give independent streams."""
    state = _sequence(key).generate_state(2, np.uint32)
    generator = torch.Generator(device=device)
    generator.manual_seed(int(state[0]) << 31 | int(state[1]) >> 1)
    return generator


def random_bits(shape: Sequence[int], generator: torch.Generator) -> torch.Tensor:
    """Return int16 numbers of the whole range, all equally likely; four times faster than a float32 each."""
    n = prod(shape)
    four_each = torch.empty(-(-n // 4), dtype=torch.int64, device=generator.device)
    return four_each.random_(-(2**63), None, generator=generator).view(torch.int16)[:n].view(*shape)


def silenced_below(rate: float) -> int:
    """Return the int16 number below which a part ``rate`` (to 1 / 65536) of the random numbers lies."""
    return round(rate * 65536) - 32768


def dropped(x: torch.Tensor, rate: float, generator: torch.Generator | None) -> torch.Tensor:
    """Return ``x`` with a part ``rate`` of its entries silenced and the rest scaled up; ``x`` itself without generator."""
    if generator is None or rate == 0.0:
        return x
    kept = random_bits(x.shape, generator) >= silenced_below(rate)
    return x * kept.to(x.dtype).div_(1.0 - rate)
