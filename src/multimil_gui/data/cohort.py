"""The Cohort: cells, samples, donors, target and covariates, all checked; the words every later room uses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.core.options import TargetKind

if TYPE_CHECKING:
    from multimil_gui.data.store import Store


class Scope(StrEnum):
    """Among which cells the top x % are taken."""

    CONDITION = "condition"
    OVERALL = "overall"


class Severity(StrEnum):
    """How bad a finding is: an error refuses the run, a warning is shown beside every result."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Problem:
    """One finding of a checker, in the user's words.

    Attributes
    ----------
    severity
        Error, warning or note.
    what, where, fix
        What is wrong; where (column, counts, first examples); what to do.
    field
        The recipe key it concerns, e.g. ``"data.donor"``, so that a form can mark it.
    """

    severity: Severity
    what: str
    where: str = ""
    fix: str = ""
    field: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.where, self.fix) if part)


@dataclass(frozen=True)
class Labelling:
    """A categorical column of the cells as codes.

    Attributes
    ----------
    name
        Column name.
    codes
        (n_cells,) int32, -1 where missing.
    levels
        Level names, in display order.
    """

    name: str
    codes: np.ndarray
    levels: tuple[str, ...]


@dataclass(frozen=True)
class ContinuousCovariate:
    """A number of every cell whose effect the integration removes.

    Attributes
    ----------
    name
        Column name.
    values
        (n_cells,) float64, finite, as in the file.
    """

    name: str
    values: np.ndarray


@dataclass(frozen=True)
class TargetColumn:
    """An obs column to predict; the fields mean the same as those of ``Columns``."""

    column: str
    kind: TargetKind = TargetKind.CLASSIFICATION
    order: tuple[str, ...] = ()
    reference: str | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """Which obs columns mean what: the user's answers in the mapping dialog, or the recipe's.

    Attributes
    ----------
    sample, donor, cell_type, covariates
        obs columns; ``donor`` None means that every sample is its own donor.
    target
        The obs column to predict, None for integration alone.
    kind, order, reference
        Kind of target; classes in display order (empty: by name); the control class.
    ignore
        Classes left out of the phenotype: their samples count as unlabelled (predicted, never trained on or scored).
    further
        More columns predicted together with ``target``, by models that share the attention.
    continuous
        obs columns with numbers whose effect the integration removes.
    """

    sample: str
    donor: str | None = None
    cell_type: str | None = None
    covariates: tuple[str, ...] = ()
    target: str | None = None
    kind: TargetKind = TargetKind.CLASSIFICATION
    order: tuple[str, ...] = ()
    reference: str | None = None
    ignore: tuple[str, ...] = ()
    further: tuple[TargetColumn, ...] = ()
    continuous: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[TargetColumn, ...]:
        """All columns to predict, the main one first; empty without a target."""
        if self.target is None:
            return ()
        return (TargetColumn(self.target, self.kind, self.order, self.reference, self.ignore), *self.further)


@dataclass(frozen=True)
class Target:
    """The phenotype to predict.

    Attributes
    ----------
    column
        The obs column.
    kind
        Kind of target.
    classes
        Class names in order (ordinal: from low to high); the reference (control) class, when given, comes first. A
        regression has one, named like the column: all samples with a known value.
    reference
        The control class, or None.
    """

    column: str
    kind: TargetKind
    classes: tuple[str, ...]
    reference: str | None = None


@dataclass(frozen=True)
class Samples:
    """The samples (patients' specimens) of a cohort, sorted by name.

    Attributes
    ----------
    names
        Sample names.
    donor
        (n_samples,) int32 index into ``donor_names``.
    donor_names
        Donor names, sorted.
    label
        (n_samples,) int32 index into the target's classes, -1 where unknown (predicted, never scored).
    n_cells
        (n_samples,) int64 cells per sample.
    value
        (n_samples,) float64 in the column's units, NaN where unknown; None unless the target is a regression.
    rank
        (n_samples,) int64, the place of each sample in training: by its cells, so that names change nothing. None: as
        the samples lie here.
    """

    names: tuple[str, ...]
    donor: np.ndarray
    donor_names: tuple[str, ...]
    label: np.ndarray
    n_cells: np.ndarray
    value: np.ndarray | None = None
    rank: np.ndarray | None = None

    @property
    def in_training_order(self) -> np.ndarray:
        """(n_samples,) int64, the samples in the order of their ``rank``."""
        return np.arange(len(self.names)) if self.rank is None else np.argsort(self.rank, kind="stable")

    @property
    def donors_in_training_order(self) -> np.ndarray:
        """(n_donors,) int64, the donors in the order of their first sample."""
        first = np.full(len(self.donor_names), len(self.names), dtype=np.int64)
        place = np.empty(len(self.names), dtype=np.int64)
        place[self.in_training_order] = np.arange(len(self.names))
        np.minimum.at(first, self.donor, place)
        return np.argsort(first, kind="stable")


@dataclass(frozen=True)
class TargetLabels:
    """A further target and the samples' labels, as ``Cohort.target`` and ``Samples.label`` and ``Samples.value``."""

    target: Target
    label: np.ndarray
    value: np.ndarray | None = None


@dataclass(frozen=True)
class Cohort:
    """Everything a run needs to know about the cells, in file order.

    Attributes
    ----------
    store
        The canonical data on disk; matrices are read from it when needed.
    cell_names
        (n_cells,) object array of str, in file order; need not be unique.
    sample_codes
        (n_cells,) int32 index into ``samples.names``.
    samples
        The samples.
    target
        The phenotype, or None for integration alone.
    cell_type
        Cell types, or None.
    covariates
        Categorical covariates of the integration.
    order
        (n_cells,) int64 canonical order: by ``samples.rank``, then cell name, ties by content. All training happens in
        this order, so that neither the order of the rows in the file nor the names of the samples change anything.
    notes
        Warnings and notes found while checking.
    further
        More targets, predicted by the same models; donors are split into folds by the main target.
    continuous
        Continuous covariates of the integration.
    """

    store: Store
    cell_names: np.ndarray
    sample_codes: np.ndarray
    samples: Samples
    target: Target | None
    cell_type: Labelling | None
    covariates: tuple[Labelling, ...]
    order: np.ndarray
    notes: tuple[Problem, ...] = field(default=())
    further: tuple[TargetLabels, ...] = ()
    continuous: tuple[ContinuousCovariate, ...] = ()

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return 0 if self.target is None else 1 + len(self.further)

    def of_target(self, number: int) -> Cohort:
        """Return the cohort as if target ``number`` (0 is the main one) were its only one: target, labels and values."""
        if number == 0:
            return replace(self, further=()) if self.further else self
        other = self.further[number - 1]
        samples = replace(self.samples, label=other.label, value=other.value)
        return replace(self, target=other.target, samples=samples, further=())

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.sample_codes)
