"""From another file's matrices to the arrays that an earlier fit understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multimil_gui.data.cohort import Cohort
from multimil_gui.data.fitted import FitInputs

if TYPE_CHECKING:
    from multimil_gui.core.modalities import ContinuousData, CovariateData, ModalityData


@dataclass(frozen=True)
class FeatureMatch:
    """How the features of a new file fit to those that a model knows; only the very same name counts.

    Attributes
    ----------
    modality
        Name of the modality.
    matched, missing
        Features of the model that the file has, and has not.
    examples
        The first missing ones, in the order of the model.
    similar
        The first pairs (name in the model, name in the file) that differ only in upper and lower case or in a version
        such as ``.1``: they count as missing, because such names can mean different features.
    n_similar
        How many such pairs there are.
    unknown
        Features of the file that the model does not know; they are left out.
    """

    modality: str
    matched: int
    missing: int
    examples: tuple[str, ...]
    similar: tuple[tuple[str, str], ...]
    n_similar: int
    unknown: int

    @property
    def overlap(self) -> float:
        """Part of the model's features that the file has, 0 to 1."""
        return self.matched / max(self.matched + self.missing, 1)


@dataclass(frozen=True)
class QueryInputs:
    """New cells in the form of an earlier fit, in the canonical order of their cohort (``Cohort.order``).

    Attributes
    ----------
    modalities
        Those of the fit that the new file has, in the fit's order; features in the fit's order, missing ones 0.
    covariates
        Codes: the fit's levels keep theirs, new levels follow, sorted by name; ``n_levels`` counts both.
    continuous
        Standardised with the fit's mean and standard deviation.
    inputs
        The fit's inputs with the new levels appended.
    report
        How the features matched, one per modality.
    details
        Plain values for provenance.
    """

    modalities: tuple[ModalityData, ...]
    covariates: tuple[CovariateData, ...]
    continuous: tuple[ContinuousData, ...]
    inputs: FitInputs
    report: tuple[FeatureMatch, ...]
    details: Mapping[str, object]


def query_inputs(
    cohort: Cohort,
    matrices: Mapping[str, str],
    inputs: FitInputs,
    min_overlap: float,
    columns: Mapping[str, str] | None = None,
) -> QueryInputs:
    """Bring new cells into the form of an earlier fit: the same features, steps and codes.

    Parameters
    ----------
    cohort
        The new cells; needs no target.
    matrices
        Matrix (``"X"``, ``"raw"``, ``"layers/NAME"``) of each modality to use: any of those of the fit, at least one.
    inputs
        What the fit was made on.
    min_overlap
        Least part of the fit's features that each modality must have, 0 to 1.
    columns
        obs column of the new file for each covariate of the fit (categorical or continuous); by default the column of
        the same name.

    Raises
    ------
    Refusal
        When a modality is not of the fit or has too few of its features, its values are not of the kind the fit saw, a
        covariate has no column or cells without a value, or a cell has none of the modalities.
    """
    raise NotImplementedError
