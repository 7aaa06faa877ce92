"""A fit that other samples can be mapped onto: the models, what they were fitted on, and the reference cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from multimil_gui.analysis.result import IntegrationResult, MILResult
from multimil_gui.core.options import IntegrateOptions, MILOptions
from multimil_gui.data.cohort import Cohort, Labelling, Target
from multimil_gui.data.fitted import FitInputs
from multimil_gui.jobs.imputation import Measured, measured_levels

FINAL = "final/"
"""Start of the names of the final models' weights in ``MILResult.weights``."""


@dataclass(frozen=True, eq=False)
class ReferenceCells:
    """The cells a fit was made on, in the canonical order of their cohort; no names of cells, samples or donors.

    Attributes
    ----------
    latent
        (n_cells, n_latent) float32.
    modalities
        (n_cells,) int32: bit i is set where the cell has modality i of the fit.
    map2d
        (n_cells, 2) float32, or None.
    cell_type
        Labels to transfer, or None; codes -1 where unknown.
    """

    latent: np.ndarray
    modalities: np.ndarray
    map2d: np.ndarray | None = None
    cell_type: Labelling | None = None


@dataclass(frozen=True, eq=False)
class FittedHead:
    """The final models that predict from the latent.

    Attributes
    ----------
    targets
        What they predict, the main target first.
    options
        Options they were trained with.
    weights
        Named float32 arrays, without the ``final/`` before their names.
    """

    targets: tuple[Target, ...]
    options: MILOptions
    weights: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Fit:
    """Everything that mapping new samples needs.

    Attributes
    ----------
    inputs
        Features, covariates and preprocessing.
    options
        Options of the integration.
    weights
        Named float32 arrays of the integration.
    reference
        The cells it was made on.
    head
        The models that predict, or None when nothing was predicted.
    measured
        By modality, under which covariate levels it was measured (``jobs.imputation.measured_levels``).
    provenance
        Plain values: source, hashes, numbers of cells, samples and donors, recipe.
    versions
        Package versions that matter for the numbers.
    """

    inputs: FitInputs
    options: IntegrateOptions
    weights: Mapping[str, np.ndarray]
    reference: ReferenceCells
    head: FittedHead | None = None
    measured: Mapping[str, Measured] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def fit_of(
    cohort: Cohort,
    integration: IntegrationResult,
    options: IntegrateOptions,
    map2d: np.ndarray | None,
    mil: MILResult | None,
    mil_options: MILOptions,
    recipe: Mapping[str, object],
    versions: Mapping[str, str],
) -> Fit:
    """Return what new samples can be mapped onto.

    Parameters
    ----------
    cohort, integration, options
        The reference, its integration, and with which options.
    map2d
        (n_cells, 2) float32 in file order, the map of the integration's latent, or None.
    mil, mil_options
        The prediction from this latent, or None, and the options of its final models.
    recipe
        Plain values, for the provenance; the path of the data is left out.
    versions
        Package versions.
    """
    order, index = cohort.order, cohort.store.index
    types = cohort.cell_type
    reference = ReferenceCells(
        latent=np.ascontiguousarray(integration.latent[order], dtype=np.float32),
        modalities=modality_bits(cohort, [modality.name for modality in integration.inputs.modalities])[order],
        map2d=None if map2d is None else np.ascontiguousarray(map2d[order], dtype=np.float32),
        cell_type=None if types is None else Labelling(types.name, types.codes[order].astype(np.int32), types.levels),
    )
    return Fit(
        inputs=integration.inputs,
        options=options,
        weights=dict(integration.weights),
        reference=reference,
        head=None if mil is None else _head(cohort, mil, mil_options),
        measured=measured_levels(cohort, integration.inputs),
        provenance={
            "source": index.source_name,
            "source_hash": index.source_hash,
            "n_cells": cohort.n_cells,
            "n_samples": len(cohort.samples.names),
            "n_donors": len(cohort.samples.donor_names),
            "recipe": _without_path(recipe),
        },
        versions=dict(versions),
    )


def modality_bits(cohort: Cohort, names: Sequence[str]) -> np.ndarray:
    """Return (n_cells,) int32 in file order: bit i is set where modality ``names[i]`` was measured."""
    bits = np.zeros(cohort.n_cells, dtype=np.int32)
    for place, name in enumerate(names):
        if name in cohort.store.index.modalities:
            bits[cohort.store.modality_rows(name)] |= 1 << place
    return bits


def _head(cohort: Cohort, mil: MILResult, options: MILOptions) -> FittedHead:
    targets = tuple(cohort.of_target(number).target for number in range(cohort.n_targets))
    weights = {name.removeprefix(FINAL): array for name, array in mil.weights.items() if name.startswith(FINAL)}
    return FittedHead(tuple(target for target in targets if target is not None), options, weights)


def _without_path(recipe: Mapping[str, object]) -> dict[str, object]:
    """Return the recipe without the path of the data, which says where files lie on somebody's machine."""
    data = recipe.get("data")
    kept = dict(recipe)
    if isinstance(data, Mapping):
        kept["data"] = {key: value for key, value in data.items() if key != "path"}
    return kept
