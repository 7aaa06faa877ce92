"""A made cohort in memory: 14 donors, some with two visits, cells in random order, three kinds of target."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Cohort, Labelling, Samples, Target

Make = Callable[..., tuple[np.ndarray, Cohort]]

N_TYPES = 4
_CLASSES = {
    TargetKind.CLASSIFICATION: ("healthy", "sick"),
    TargetKind.ORDINAL: ("low", "middle", "high"),
    TargetKind.REGRESSION: ("age",),
}


@pytest.fixture
def make_cohort() -> Make:
    """Return a function that makes (n_cells, 3) latents and their cohort; the last sample has no label.

    The target shifts cells of type 1 by ``effect`` per class, or per standard deviation of a value.
    """
    return _make


def _make(
    kind: TargetKind = TargetKind.CLASSIFICATION, effect: float = 2.0, seed: int = 0
) -> tuple[np.ndarray, Cohort]:
    rng = np.random.default_rng(seed)
    donor = np.sort(np.r_[np.arange(14), np.arange(0, 12, 2)]).astype(np.int32)
    n_classes = len(_CLASSES[kind])
    value = (rng.normal(50, 15, 14)[donor]) if kind is TargetKind.REGRESSION else None
    label = (donor % n_classes).astype(np.int32)
    strength = label if value is None else (value - value.mean()) / value.std()
    label[-1] = -1
    if value is not None:
        value[-1] = np.nan
    sizes = rng.integers(20, 60, len(donor))
    codes = rng.permutation(np.repeat(np.arange(len(donor)), sizes)).astype(np.int32)
    types = rng.integers(0, N_TYPES, len(codes)).astype(np.int32)
    latent = rng.normal(size=(len(codes), 3)) + types[:, None]
    latent[:, 0] += effect * strength[codes] * (types == 1)
    cohort = Cohort(
        store=None,  # type: ignore[arg-type]
        cell_names=np.array([f"c{i:05d}" for i in range(len(codes))], dtype=object),
        sample_codes=codes,
        samples=Samples(
            names=tuple(f"s{i:02d}" for i in range(len(donor))),
            donor=donor,
            donor_names=tuple(f"d{i:02d}" for i in range(14)),
            label=label,
            n_cells=sizes.astype(np.int64),
            value=value,
        ),
        target=Target("phenotype", kind, _CLASSES[kind]),
        cell_type=Labelling("cell_type", types, tuple("ABCD")),
        covariates=(),
        order=np.argsort(codes, kind="stable").astype(np.int64),
    )
    return latent.astype(np.float32), cohort
