"""Guess what the columns of a file mean, with a reason in words for each guess."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from multimil_gui.core.options import Likelihood, TargetKind
from multimil_gui.data.cohort import Columns, Labelling
from multimil_gui.data.covariate_findings import same_partition
from multimil_gui.data.index import ColumnKind
from multimil_gui.data.modality_names import EMBEDDING
from multimil_gui.data.splits import DONORS_PER_FOLD
from multimil_gui.data.store import Store
from multimil_gui.data.target_findings import MAX_NUMBER_CLASSES
from multimil_gui.data.targets import natural

_SAMPLE = ("sample_id", "sample", "sample_name", "samples", "specimen", "orig.ident", "library_id", "library")
_DONOR = ("donor", "donor_id", "patient", "patient_id", "individual", "subject", "subject_id", "participant", "person")
_TARGET = (
    *("condition", "disease", "disease_status", "phenotype", "diagnosis", "status", "group", "case_control"),
    *("treatment", "stim", "stimulation", "severity", "outcome", "response", "stage"),
)
_CELL_TYPE = (
    *("cell_type", "celltype", "cell_types", "cell_type_l1", "cell_type_fine", "bulk_labels", "cell_ontology_class"),
    *("annotation", "cell_annotation", "labels", "cluster", "clusters", "leiden", "louvain", "seurat_clusters"),
)
_BATCH = ("batch", "batch_id", "lane", "study", "site", "dataset", "pool", "chemistry", "assay")
_CONTROL = re.compile(
    r"^(healthy|control|ctrl|controls|hc|normal|untreated|unstimulated|unstim|wt|wild.?type|baseline|placebo|dmso|vehicle"
    r"|mock|none|no|non.?diseased|negative|false|d(ay)?[ _-]?0|0 ?h)$",
    re.IGNORECASE,
)
_QUANTITY = ("age", "age_years", "donor_age", "bmi", "score", "clinical_score", "severity_score", "titer", "titre")
_STEPS = ("stage", "grade", "day", "days", "week", "time", "timepoint", "hours", "dose", "visit", "agegroup")
_STEP_WORDS = frozenset(
    (
        "",
        *_STEPS,
        "d",
        "w",
        "weeks",
        "h",
        "hr",
        "hrs",
        "hour",
        "min",
        "month",
        "months",
        "year",
        "years",
        "t",
        "tp",
        "g",
    )
)
_FEWEST_STEPS = 3
_INTEGRATED = re.compile(r"multimil|totalvi|multivi|wnn|mofa|glue|integrated", re.IGNORECASE)
_MAX_CLASSES = 12
_MAX_TYPES = 300
_USUAL_FOLDS = 5
#: Donors of each class that a column must have to be guessed from its structure alone.
_FEWEST_DONORS = 2


@dataclass(frozen=True)
class Proposal:
    """What the mapping dialog is filled with.

    Attributes
    ----------
    columns
        The columns; ``sample`` is ``""`` when nothing fits.
    latent
        The obsm key (or ``"X"``) to use as latent space, None when integration is the better way.
    modalities
        Matrix and likelihood of each modality that can be integrated.
    reasons
        Why, by recipe key (``"data.sample"``, ``"target.column"``, ``"data.modalities.rna"``, ...).
    """

    columns: Columns
    latent: str | None
    modalities: Mapping[str, tuple[str, Likelihood]]
    reasons: Mapping[str, str]


def propose(store: Store) -> Proposal:
    """Guess sample, donor, target, cell type, covariates, reference class, latent and modalities of a store."""
    reasons: dict[str, str] = {}
    sample, donor = _sample_and_donor(store, reasons)
    target = None if sample is None else _target(store, sample, donor, reasons)
    kind = TargetKind.CLASSIFICATION
    reference: str | None = None
    ignore: tuple[str, ...] = ()
    if target is not None and sample is not None:
        ignore = _ignored(sample, donor, target, reasons)
        reference = _reference(target, ignore, reasons)
        kind = _kind(target, ignore, reference, reasons)
    elif sample is not None:
        target = _quantity(store, sample, donor, reasons)
        kind = TargetKind.CLASSIFICATION if target is None else TargetKind.REGRESSION
    taken = {labels.name for labels in (sample, donor, target) if labels is not None}
    cell_type = _cell_type(store, sample, taken, reasons)
    covariates = () if sample is None else _covariates(store, donor, target, taken, reasons)
    columns = Columns(
        sample="" if sample is None else sample.name,
        donor=None if donor is None else donor.name,
        cell_type=cell_type,
        covariates=covariates,
        target=None if target is None else target.name,
        kind=kind,
        reference=reference,
        ignore=ignore,
    )
    modalities = _modalities(store, reasons)
    return Proposal(columns, _latent(store, modalities, reasons), modalities, reasons)


# -- samples and donors ------------------------------------------------------------------------------------------------


def _named(store: Store, wanted: Sequence[str]) -> list[str]:
    """Return the obs columns with one of the wanted names (case and punctuation aside), best first."""
    plain = {_plain(name): rank for rank, name in enumerate(wanted)}
    found = [(plain.get(_plain(column.name)), column.name) for column in store.index.obs]
    return [name for rank, name in sorted((rank, name) for rank, name in found if rank is not None)]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _usable(store: Store, name: str) -> bool:
    column = store.index.column(name)
    return column is not None and column.n_missing == 0 and 1 <= column.n_levels <= store.n_cells / 2


def _sample_and_donor(store: Store, reasons: dict[str, str]) -> tuple[Labelling | None, Labelling | None]:
    donors = [name for name in _named(store, _DONOR) if _usable(store, name)]
    names = [name for name in _named(store, _SAMPLE) if _usable(store, name)]
    if not names and not donors:
        reasons["data.sample"] = "No column looks like a sample or a donor: choose the one that names the specimen."
        return None, None
    if not names:
        sample = store.labelling(donors[0])
        reasons["data.sample"] = f'There is no sample column; "{sample.name}" names {len(sample.levels)} people.'
        return sample, None
    sample = store.labelling(names[0])
    reasons["data.sample"] = f'"{sample.name}" is named like a sample column and has {len(sample.levels)} values.'
    for name in donors:
        donor = store.labelling(name)
        if _constant_within(sample, donor):
            same = len(donor.levels) == len(sample.levels)
            how = "each gave one sample" if same else f"they gave {len(sample.levels)} samples"
            reasons["data.donor"] = f'"{name}" names {len(donor.levels)} donors; {how}.'
            return sample, donor
    if donors:
        reasons["data.donor"] = f'"{donors[0]}" changes within a sample, so that it cannot name the donor.'
    return sample, None


def _constant_within(outer: Labelling, inner: Labelling) -> bool:
    """Whether each level of ``outer`` has at most one level of ``inner``."""
    both = (outer.codes >= 0) & (inner.codes >= 0)
    pairs = np.unique(np.column_stack([outer.codes[both], inner.codes[both]]), axis=0)
    return len(np.unique(pairs[:, 0])) == len(pairs)


# -- the phenotype -----------------------------------------------------------------------------------------------------


def _target(store: Store, sample: Labelling, donor: Labelling | None, reasons: dict[str, str]) -> Labelling | None:
    taken = {sample.name} | (set() if donor is None else {donor.name})
    for name in _named(store, _TARGET):
        if name not in taken and _is_phenotype(store, name, sample):
            labels = store.labelling(name)
            reasons["target.column"] = (
                f'"{name}" is named like a phenotype, has {len(labels.levels)} classes and one value per sample.'
            )
            return labels
    excluded = taken | set(_named(store, (*_BATCH, *_CELL_TYPE, *_SAMPLE, *_DONOR)))
    for column in store.index.obs:
        if column.name in excluded or column.kind is ColumnKind.NUMBER or column.name.startswith("has_"):
            continue
        if not _is_phenotype(store, column.name, sample):
            continue
        if _donors_of_classes(sample, donor, store.labelling(column.name)).min() >= _FEWEST_DONORS:
            reasons["target.column"] = f'"{column.name}" has {column.n_levels} classes and one value per sample.'
            return store.labelling(column.name)
    reasons["target.column"] = "No column has one value per sample and two or more classes."
    return None


def _is_phenotype(store: Store, name: str, sample: Labelling) -> bool:
    column = store.index.column(name)
    if column is None or not 2 <= column.n_levels <= min(_MAX_CLASSES, len(sample.levels)):
        return False
    return _constant_within(sample, store.labelling(name))


def _donors_of_classes(sample: Labelling, donor: Labelling | None, target: Labelling) -> np.ndarray:
    people = sample if donor is None else donor
    labelled = target.codes >= 0
    pairs = np.unique(np.column_stack([people.codes[labelled], target.codes[labelled]]), axis=0)
    return np.bincount(pairs[:, 1], minlength=len(target.levels))


def _ignored(sample: Labelling, donor: Labelling | None, target: Labelling, reasons: dict[str, str]) -> tuple[str, ...]:
    """Leave out classes with too few donors when at least two classes remain."""
    n_donors = _donors_of_classes(sample, donor, target)
    for needed in (_USUAL_FOLDS, 3, 2):
        few = n_donors < needed
        if (~few).sum() >= 2:
            ignored = tuple(level for level, is_few in zip(target.levels, few, strict=True) if is_few)
            if ignored:
                reasons["target.ignore"] = f"Classes with fewer than {needed} donors cannot be judged."
            return ignored
    return ()


def _reference(target: Labelling, ignored: Sequence[str], reasons: dict[str, str]) -> str | None:
    for level in target.levels:
        if level not in ignored and _CONTROL.match(level.strip()):
            reasons["target.reference"] = f'"{level}" is named like a control.'
            return level
    return None


def _kind(target: Labelling, ignored: Sequence[str], reference: str | None, reasons: dict[str, str]) -> TargetKind:
    """Return ordinal when the classes are steps of time, stage or dose; say so when they may be, and leave it."""
    kept = sorted((level for level in target.levels if level not in ignored), key=natural)
    if len(kept) < _FEWEST_STEPS or not all(re.search(r"\d", level) for level in kept):
        return TargetKind.CLASSIFICATION
    listed = ", ".join(kept)
    words = {re.sub(r"[\d.\s_+-]+", "", level.casefold()) for level in kept}
    steps = _plain(target.name) in _STEPS or (len(words) == 1 and words <= _STEP_WORDS)
    if not steps or reference not in (None, kept[0]):
        reasons["target.kind"] = f"If {listed} have this order, choose ordinal."
        return TargetKind.CLASSIFICATION
    reasons["target.kind"] = f"The classes are steps in an order: {listed}."
    return TargetKind.ORDINAL


def _quantity(store: Store, sample: Labelling, donor: Labelling | None, reasons: dict[str, str]) -> Labelling | None:
    """Return a column named like a quantity of people, with many values, one per sample."""
    for name in _named(store, _QUANTITY):
        column = store.index.column(name)
        if column is None or column.kind is not ColumnKind.NUMBER or column.n_levels <= MAX_NUMBER_CLASSES:
            continue
        labels = store.labelling(name)
        people = np.unique((sample if donor is None else donor).codes[labels.codes >= 0])
        if _constant_within(sample, labels) and len(people) >= DONORS_PER_FOLD * _USUAL_FOLDS:
            reasons["target.column"] = f'"{name}" is named like a quantity and has one value per sample.'
            reasons["target.kind"] = f"It holds {column.n_levels} different numbers."
            return labels
    return None


# -- other columns -----------------------------------------------------------------------------------------------------


def _cell_type(store: Store, sample: Labelling | None, taken: set[str], reasons: dict[str, str]) -> str | None:
    for name in _named(store, _CELL_TYPE):
        column = store.index.column(name)
        if column is None or name in taken or not 2 <= column.n_levels <= _MAX_TYPES:
            continue
        if sample is None or len(sample.levels) < 2 or not _constant_within(sample, store.labelling(name)):
            reasons["data.cell_type"] = f'"{name}" has {column.n_levels} types that mix within samples.'
            return name
    return None


def _covariates(
    store: Store, donor: Labelling | None, target: Labelling | None, taken: set[str], reasons: dict[str, str]
) -> tuple[str, ...]:
    paired = donor is not None and target is not None and not _constant_within(donor, target)
    if donor is not None and paired and len(donor.levels) > 1:
        reasons["data.covariates"] = (
            f'Donors gave samples of several classes, so that removing "{donor.name}" leaves the phenotype in place.'
        )
        return (donor.name,)
    for name in _named(store, _BATCH):
        column = store.index.column(name)
        if column is None or name in taken or column.n_missing or not 2 <= column.n_levels <= 100:
            continue
        if target is not None and same_partition(store.labelling(name), target):
            reasons["data.covariates"] = f'"{name}" splits the cells exactly like the phenotype and is left out.'
            continue
        reasons["data.covariates"] = f'"{name}" is named like a batch and has {column.n_levels} levels.'
        return (name,)
    return ()


# -- latent and modalities ---------------------------------------------------------------------------------------------


def _modalities(store: Store, reasons: dict[str, str]) -> dict[str, tuple[str, Likelihood]]:
    found: dict[str, tuple[str, Likelihood]] = {}
    for name, info in store.index.modalities.items():
        if name == EMBEDDING:
            reasons[f"data.modalities.{name}"] = "The matrix is itself an embedding: nothing to integrate."
            continue
        counts = next((layer for layer in info.layers if info.matrices[layer].counts), None)
        if counts is not None:
            found[name] = (counts, Likelihood.NB)
            reasons[f"data.modalities.{name}"] = f"{counts} holds whole numbers: raw counts, negative binomial."
        else:
            found[name] = ("X", Likelihood.NORMAL)
            reasons[f"data.modalities.{name}"] = "X holds transformed values: normal likelihood."
    return found


def _latent(store: Store, modalities: Mapping[str, object], reasons: dict[str, str]) -> str | None:
    latents = store.latents()
    integrated = [key for key in latents if _INTEGRATED.search(key)]
    if integrated:
        reasons["latent.use"] = f'The file brings the integrated space "{integrated[0]}".'
        return integrated[0]
    if len(modalities) > 1 or not latents:
        reasons["latent.use"] = "Integration learns one space from all modalities."
        return None
    reasons["latent.use"] = f'The file brings "{latents[0]}"; integration can learn a better one from the counts.'
    if not modalities:
        reasons["latent.use"] = f'The file brings "{latents[0]}" and no counts to integrate.'
    return latents[0]
