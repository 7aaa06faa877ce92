"""Imputed modalities: what a fit expects in every cell, whether the modality was measured in it or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.analysis.result import IntegrationResult, RunResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import ImputeOptions, IntegrateOptions, Likelihood
from multimil_gui.core.reporter import Progress, Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.fitted import FitInputs, FittedModality
from multimil_gui.jobs.recipe import Recipe

if TYPE_CHECKING:
    from multimil_gui.core.modalities import ContinuousData
    from multimil_gui.jobs.fit import Fit

IMPUTED_FILE = "imputed.h5ad"
STAGE = "imputation"

_MOST_BYTES = 4 * 2**30
_MOST_STAND_INS = 8

Measured = tuple[tuple[tuple[int, ...], int], ...]
"""Combinations of covariate levels under which a modality was measured, most cells first, and how many cells each has."""


@dataclass(frozen=True, eq=False)
class Decoder:
    """A fit that can say what it expects.

    Attributes
    ----------
    inputs, options, weights
        The fit, with the covariate levels of the cells it is asked about.
    measured
        By modality, under which levels its decoder has learnt.
    """

    inputs: FitInputs
    options: IntegrateOptions
    weights: Mapping[str, np.ndarray]
    measured: Mapping[str, Measured]


@dataclass(frozen=True, eq=False)
class Imputed:
    """The expected values of one modality.

    Attributes
    ----------
    modality, features
        Names.
    values
        (n_cells, n_features) float32, file order.
    measured
        (n_cells,) bool, the cells in which the modality was measured.
    units
        What the values are, in words.
    """

    modality: str
    features: tuple[str, ...]
    values: np.ndarray
    measured: np.ndarray
    units: str


def decoder_of(cohort: Cohort, integration: IntegrationResult, options: IntegrateOptions) -> Decoder:
    """Return the decoder of an integration of this cohort."""
    return Decoder(integration.inputs, options, integration.weights, measured_levels(cohort, integration.inputs))


def decoder_of_query(query: QueryResult) -> Decoder:
    """Return the decoder of the reference that cells were mapped onto."""
    measured = query.details["measured"]
    assert isinstance(measured, Mapping)
    return Decoder(
        query.inputs,
        IntegrateOptions.model_validate(query.details["integrate"]),
        query.weights,
        {name: tuple((tuple(codes), int(n)) for codes, n in found) for name, found in measured.items()},
    )


def measured_levels(cohort: Cohort, inputs: FitInputs) -> dict[str, Measured]:
    """Return under which covariate levels each modality was measured in a cohort that the inputs describe."""
    codes = np.stack([labels.codes for labels in cohort.covariates], axis=1) if cohort.covariates else None
    found = {}
    for modality in inputs.modalities:
        rows = cohort.store.modality_rows(modality.name)
        here = np.zeros((len(rows), 0), dtype=np.int64) if codes is None else codes[rows]
        levels, n_cells = np.unique(here, axis=0, return_counts=True)
        most = np.argsort(-n_cells, kind="stable")
        found[modality.name] = tuple((tuple(int(code) for code in levels[i]), int(n_cells[i])) for i in most)
    return found


def impute_cells(
    decoder: Decoder,
    cohort: Cohort,
    latent: np.ndarray,
    modality: str,
    options: ImputeOptions,
    reporter: Reporter,
    columns: Mapping[str, str] | None = None,
) -> Imputed:
    """Return what a fit expects of a modality in every cell of a cohort.

    A batch in which the modality was never measured has taught its decoder nothing. Cells of such batches are decoded as
    if they came from those in which it was, and the results averaged, each by its number of cells.

    Parameters
    ----------
    decoder
        The fit.
    cohort
        The cells: those of the fit, or such as were mapped onto it.
    latent
        (n_cells, n_latent), file order.
    modality
        One of the fit's.
    options
        Units and library size.
    reporter
        Told the progress, asked for cancellation.
    columns
        obs column of each covariate of the fit, where it is not that of the same name.

    Raises
    ------
    Refusal
        When the fit has no such modality, or its expected values of all cells are too large to be kept.
    Cancelled
        When the user cancelled.
    """
    fitted = _fitted(decoder, cohort, modality)
    reporter.progress(Progress(0, 0, f"Imputing {modality}", stage=STAGE))
    present = _present(cohort, modality)
    codes = _codes(decoder, cohort, columns or {})
    library = _library(cohort, fitted, present, options.library)
    learnt = decoder.measured[modality]
    own = np.isin(_keys(codes), [_key(levels) for levels, _ in learnt])
    values = np.empty((cohort.n_cells, len(fitted.features)), dtype=np.float32)
    values[own] = _decoded(decoder, cohort, latent, modality, codes, library, own, options, reporter, columns)
    if not own.all():
        chosen = learnt[:_MOST_STAND_INS]
        shares = np.array([n for _, n in chosen], dtype=np.float64)
        values[~own] = 0
        for (levels, _), share in zip(chosen, shares / shares.sum(), strict=True):
            as_there = np.broadcast_to(np.array(levels, dtype=np.int64), codes.shape)
            part = _decoded(decoder, cohort, latent, modality, as_there, library, ~own, options, reporter, columns)
            values[~own] += np.float32(share) * part
    from multimil_gui.core.imputation import units_in_words

    return Imputed(modality, fitted.features, values, present, units_in_words(fitted.likelihood, options.units))


def check_imputable(recipe: Recipe, cohort: Cohort, fit: Fit | None) -> None:
    """Refuse to impute what the fit of a run will not know, before the run begins."""
    if not recipe.impute.modalities:
        return
    from multimil_gui.jobs.integrate import modalities_of

    known = [m.name for m in fit.inputs.modalities] if fit is not None else list(modalities_of(recipe, cohort))
    strange = [name for name in recipe.impute.modalities if name not in known]
    if strange:
        raise Refusal(
            f"There is no modality {strange[0]} to impute.",
            f"The fit knows {', '.join(known)} (impute.modalities).",
            "Choose one of these.",
        )


def impute_result(result: RunResult, cohort: Cohort, recipe: Recipe, reporter: Reporter) -> tuple[Imputed, ...]:
    """Return what a run's fit expects of the modalities that the recipe asks for.

    Raises
    ------
    Refusal
        As :func:`impute_cells`.
    Cancelled
        When the user cancelled.
    """
    columns: dict[str, str] = {}
    if result.query is not None:
        from multimil_gui.jobs.query import columns_of_covariates

        decoder, columns = decoder_of_query(result.query), columns_of_covariates(recipe, result.query.inputs)
    else:
        assert result.integration is not None
        assert recipe.integrate is not None
        decoder = decoder_of(cohort, result.integration, recipe.integrate)
    return tuple(
        impute_cells(decoder, cohort, result.latent, name, recipe.impute, reporter, columns)
        for name in recipe.impute.modalities
    )


def write_imputed(path: Path, parts: tuple[Imputed, ...], cohort: Cohort, provenance: Mapping[str, object]) -> str:
    """Write imputed modalities as one .h5ad that names them so everywhere; return what was written, in words.

    ``X`` holds the expected values, features side by side (``var["modality"]``, ``var["feature"]``), named
    ``imputed_<feature>``; ``obs["measured_<modality>"]`` says in which cells the modality was measured as well.

    Raises
    ------
    Refusal
        When the file cannot be written.
    """
    import anndata
    import pandas as pd

    from multimil_gui.data.elements import make_unique
    from multimil_gui.project.commit import atomic_path

    names, _ = make_unique([str(name) for name in cohort.cell_names])
    samples = np.array(cohort.samples.names, dtype=object)[cohort.sample_codes]
    obs = pd.DataFrame({"sample": pd.Categorical(samples)}, index=pd.Index(names, dtype=object))
    for part in parts:
        obs[f"measured_{part.modality}"] = part.measured
    features = [feature for part in parts for feature in part.features]
    unique, _ = make_unique([f"imputed_{feature}" for feature in features])
    modality = np.repeat([part.modality for part in parts], [len(part.features) for part in parts])
    var = pd.DataFrame(
        {"modality": pd.Categorical(modality), "feature": np.array(features, dtype=object)},
        index=pd.Index(unique, dtype=object),
    )
    data = anndata.AnnData(np.concatenate([part.values for part in parts], axis=1), obs=obs, var=var)
    data.uns["multimil"] = {
        "imputed": "expected values decoded by the model, not measurements",
        "units": {part.modality: part.units for part in parts},
        **{key: str(value) for key, value in provenance.items()},
    }

    def write(temporary: Path) -> None:
        data.write_h5ad(temporary, compression="gzip", compression_opts=4)

    atomic_path(path, write)
    return f"{cohort.n_cells:,} cells, imputed {' and '.join(part.modality for part in parts)}"


def _fitted(decoder: Decoder, cohort: Cohort, modality: str) -> FittedModality:
    fitted = next((known for known in decoder.inputs.modalities if known.name == modality), None)
    if fitted is None:
        known = ", ".join(known.name for known in decoder.inputs.modalities)
        raise Refusal(f"The fit knows no modality {modality}.", f"It was made with {known}.", "Choose one of these.")
    size = 4 * cohort.n_cells * len(fitted.features)
    if size > _MOST_BYTES:
        raise Refusal(
            f"The imputed {modality} of all cells would be too large.",
            f"{cohort.n_cells:,} cells and {len(fitted.features):,} features take {size / 2**30:.1f} GiB.",
            "Impute a modality with fewer features, or integrate fewer of them.",
        )
    return fitted


def _present(cohort: Cohort, modality: str) -> np.ndarray:
    present = np.zeros(cohort.n_cells, dtype=bool)
    if modality in cohort.store.index.modalities:
        present[cohort.store.modality_rows(modality)] = True
    return present


def _codes(decoder: Decoder, cohort: Cohort, columns: Mapping[str, str]) -> np.ndarray:
    """Return (n_cells, n_covariates) int64 levels in the order of the fit."""
    codes = np.zeros((cohort.n_cells, len(decoder.inputs.covariates)), dtype=np.int64)
    for place, (name, levels) in enumerate(decoder.inputs.covariates):
        labels = cohort.store.labelling(columns.get(name, name))
        number = {level: code for code, level in enumerate(levels)}
        codes[:, place] = np.array([number[level] for level in labels.levels], dtype=np.int64)[labels.codes]
    return codes


def _library(cohort: Cohort, fitted: FittedModality, present: np.ndarray, stated: float) -> np.ndarray:
    """Return (n_cells,) counts per cell of the fit's features: the cell's own, or as stated where it was not measured."""
    library = np.full(cohort.n_cells, stated)
    if fitted.likelihood in (Likelihood.NB, Likelihood.ZINB) and present.any():
        store = cohort.store
        layers = store.index.modalities[fitted.name].layers
        layer = fitted.matrix if fitted.matrix in layers else layers[0]
        place = {name: column for column, name in enumerate(store.features(fitted.name, layer))}
        columns = [place[name] for name in fitted.features if name in place]
        own = np.asarray(store.matrix(fitted.name, layer)[:, columns].sum(axis=1), dtype=np.float64).ravel()
        library[store.modality_rows(fitted.name)] = np.maximum(own, 1.0)
    return library


def _decoded(
    decoder: Decoder,
    cohort: Cohort,
    latent: np.ndarray,
    modality: str,
    codes: np.ndarray,
    library: np.ndarray,
    cells: np.ndarray,
    options: ImputeOptions,
    reporter: Reporter,
    columns: Mapping[str, str] | None,
) -> np.ndarray:
    from multimil_gui.core.device import threads
    from multimil_gui.core.imputation import impute
    from multimil_gui.core.modalities import CovariateData
    from multimil_gui.jobs.fit_shapes import design_of
    from multimil_gui.jobs.integrate import integration_threads

    covariates = [
        CovariateData(name, codes[cells, place], len(levels))
        for place, (name, levels) in enumerate(decoder.inputs.covariates)
    ]
    continuous = _continuous(decoder, cohort, cells, columns or {})
    with threads(integration_threads()):
        return impute(
            design_of(decoder.inputs),
            decoder.options,
            decoder.weights,
            modality,
            latent[cells],
            covariates,
            continuous,
            options.units,
            library[cells],
            reporter,
            decoder.options.device,
        )


def _continuous(
    decoder: Decoder, cohort: Cohort, cells: np.ndarray, columns: Mapping[str, str]
) -> list[ContinuousData]:
    from multimil_gui.core.modalities import ContinuousData

    table = cohort.store.obs() if decoder.inputs.continuous else None
    found = []
    for name, mean, spread in decoder.inputs.continuous:
        assert table is not None
        values = table[columns.get(name, name)].to_numpy(dtype=np.float64)[cells]
        found.append(ContinuousData(name, ((values - mean) / spread).astype(np.float32)))
    return found


def _keys(codes: np.ndarray) -> np.ndarray:
    return np.array([_key(tuple(row)) for row in codes.tolist()])


def _key(levels: tuple[int, ...]) -> str:
    return ",".join(map(str, levels))
