"""Cohorts with a planted, known disease state, to see whether a model finds it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from multimil_gui.core.mil import Bags


class Plant(Enum):
    RARE = "a rare state in the cases only"
    SHIFT = "one cell type moves a little in the cases"
    COMPOSITION = "one cell type is more frequent in the cases"
    NONE = "nothing"


@dataclass(frozen=True)
class Planted:
    """A cohort, its cells sorted by sample.

    ``truth`` marks the planted cells; ``known`` is the score of each sample that a model could give which knows them: the
    part of the rare state or of the frequent type, or the place of the shifted type along its shift.
    """

    latent: np.ndarray
    bags: Bags
    label: np.ndarray
    donor: np.ndarray
    truth: np.ndarray
    known: np.ndarray


def planted_cohort(
    plant: Plant,
    n_donors: int = 30,
    samples_per_donor: int = 2,
    cells: tuple[int, int] = (500, 1000),
    n_latent: int = 16,
    fraction: float = 0.03,
    seed: int = 0,
) -> Planted:
    """Half of the donors are cases; donors and samples differ in their position and their composition."""
    rng = np.random.default_rng([seed, 17])
    n_types = 8
    centres = rng.normal(0, 2.0, (n_types, n_latent))
    direction = rng.normal(size=n_latent)
    direction /= np.linalg.norm(direction)
    base = rng.dirichlet(np.full(n_types, 5.0))
    target = int(np.argsort(base)[n_types // 2])
    case = rng.permutation(np.arange(n_donors) % 2)
    latent, label, donor, truth, known, sizes = [], [], [], [], [], []
    for person in range(n_donors):
        taste = rng.dirichlet(base * 40)
        place = rng.normal(0, 0.3, n_latent)
        for _ in range(samples_per_donor):
            n = int(rng.integers(*cells))
            mixture = rng.dirichlet(taste * 100 + 0.01)
            if plant is Plant.COMPOSITION and case[person]:
                mixture[target] *= 2.0
                mixture /= mixture.sum()
            kind = rng.choice(n_types, n, p=mixture)
            x = centres[kind] + rng.normal(0, 1.0, (n, n_latent)) + place + rng.normal(0, 0.15, n_latent)
            hit = np.zeros(n, bool)
            if case[person] and plant is Plant.RARE:
                hit = rng.random(n) < fraction
                x[hit] = centres[target] + 4.0 * direction + rng.normal(0, 1.0, (int(hit.sum()), n_latent)) + place
            if case[person] and plant is Plant.SHIFT:
                hit = kind == target
                x[hit] += 1.5 * direction
            if case[person] and plant is Plant.COMPOSITION:
                hit = kind == target
            mine = kind == target
            part = {Plant.RARE: hit, Plant.COMPOSITION: mine}.get(plant, np.zeros(n)).mean()
            known.append((x[mine] @ direction).mean() if plant is Plant.SHIFT and mine.any() else part)
            latent.append(x)
            truth.append(hit)
            sizes.append(n)
            label.append(case[person])
            donor.append(person)
    return Planted(
        latent=np.concatenate(latent).astype(np.float32),
        bags=Bags(np.concatenate([[0], np.cumsum(sizes)])),
        label=np.array(label),
        donor=np.array(donor),
        truth=np.concatenate(truth),
        known=np.array(known),
    )


def donor_folds(cohort: Planted, n_folds: int, seed: int) -> np.ndarray:
    """Fold of every sample; whole donors, classes spread evenly."""
    rng = np.random.default_rng([seed, 5])
    label_of = {d: int(cohort.label[cohort.donor == d][0]) for d in np.unique(cohort.donor)}
    fold_of, start = {}, 0
    for c in sorted(set(label_of.values())):
        donors = rng.permutation([d for d in label_of if label_of[d] == c])
        fold_of |= {int(d): (start + i) % n_folds for i, d in enumerate(donors)}
        start += len(donors)
    return np.array([fold_of[int(d)] for d in cohort.donor])


def held_out_samples(cohort: Planted, train: np.ndarray, fraction: float, n_models: int, seed: int) -> np.ndarray:
    """Per model, the training samples of a part of the donors; none when a class would keep fewer than 3 donors."""
    held = np.zeros((n_models, len(train)), bool)
    for model in range(n_models):
        rng = np.random.default_rng([seed, model, 9])
        for c in np.unique(cohort.label):
            donors = np.unique(cohort.donor[train & (cohort.label == c)])
            n = max(1, round(fraction * len(donors))) if fraction else 0
            if len(donors) - n < 3:
                return np.zeros_like(held)
            held[model] |= train & np.isin(cohort.donor, rng.choice(donors, n, replace=False))
    return held
