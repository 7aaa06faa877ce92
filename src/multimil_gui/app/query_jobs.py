"""The jobs behind mapping new samples: thin functions, so that everything heavy is imported in the job's thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from multimil_gui.core.reporter import Progress, Reporter
from multimil_gui.jobs.recipe import DataSection, QuerySection, Recipe, TargetSection
from multimil_gui.state.runs import RunRecord, map_of
from multimil_gui.state.session import Session

if TYPE_CHECKING:
    import numpy as np

    from multimil_gui.analysis.result import RunResult
    from multimil_gui.data.cohort import Cohort, Columns
    from multimil_gui.data.store import Store
    from multimil_gui.jobs.fit import Fit
    from multimil_gui.state.data import GivenTarget
    from multimil_gui.widgets.query_dialog import QueryAnswers

FIT_NAME = "fit.safetensors"


@dataclass(frozen=True, eq=False)
class SessionFit:
    """The fit of a session, before anything heavy is done with it.

    Attributes
    ----------
    cohort
        The reference.
    integration
        The run that learnt the latent.
    prediction
        The run that predicts from this latent, or None.
    map2d
        The map of the latent, (n_cells, 2) float32, or None.
    """

    cohort: Cohort
    integration: RunRecord
    prediction: RunRecord | None
    map2d: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Prepared:
    """A fit and the data that are to be mapped onto it."""

    fit: Fit
    store: Store


@dataclass(frozen=True, eq=False)
class MappedSamples:
    """New samples on a fit, as the session takes them."""

    store: Store
    cohort: Cohort
    columns: Columns
    given: tuple[GivenTarget, ...]
    result: RunResult


def has_fit(session: Session) -> bool:
    """Return whether there is an integration that new samples can be mapped onto."""
    return session.data.cohort is not None and bool(_integrations(session))


def session_fit(session: Session) -> SessionFit | None:
    """Return what new samples can be mapped onto: the integration whose map is shown, else the last; None without any."""
    cohort, runs = session.data.cohort, session.runs
    found = _integrations(session)
    if cohort is None or not found:
        return None
    shown = runs.value.shared_latent(session.view.map_key)
    integration = shown if shown in found else found[-1]
    assert integration is not None
    key = map_of(integration.latent_key)
    name = next((name for name in (integration.map_key, key) if name in session.data.maps), None)
    map2d = None if name is None else session.data.maps[name]
    return SessionFit(cohort, integration, _prediction(runs.records, runs.active, integration), map2d)


def _integrations(session: Session) -> list[RunRecord]:
    return [run for run in session.runs.records if run.integration is not None and run.integration.inputs.modalities]


def _prediction(records: tuple[RunRecord, ...], active: RunRecord | None, integration: RunRecord) -> RunRecord | None:
    """Return the run that predicts from an integration's latent: the active one if it does, else the last."""
    if integration.mil is not None:
        return integration
    learnt = _learnt_by(integration.recipe)
    found = [run for run in records if run.mil is not None and learnt == _learnt_by(run.recipe)]
    return active if active in found else next(iter(reversed(found)), None)


def _learnt_by(recipe: Mapping[str, object]) -> tuple[object, object]:
    """Return what a recipe says of how its latent is learnt; equal parts give an equal latent of the same cohort."""
    data = recipe.get("data")
    return recipe.get("integrate"), data.get("modalities") if isinstance(data, Mapping) else None


def fit_job(source: SessionFit | Path, *, reporter: Reporter) -> Fit:
    """Return a fit: the session's, or that of a file."""
    if isinstance(source, Path):
        from multimil_gui.jobs.fit_file import read_fit

        reporter.progress(Progress(0, 0, f"Reading {source.name}"))
        return read_fit(source)
    from multimil_gui.core.options import IntegrateOptions, MILOptions
    from multimil_gui.jobs.documents import final_options
    from multimil_gui.jobs.fit import fit_of
    from multimil_gui.jobs.pipeline import versions

    run, prediction = source.integration, source.prediction
    assert run.integration is not None
    mil = None if prediction is None else prediction.mil
    options = MILOptions.model_validate({} if prediction is None else prediction.recipe.get("mil", {}))
    return fit_of(
        source.cohort,
        run.integration,
        IntegrateOptions.model_validate(run.recipe["integrate"]),
        source.map2d,
        mil,
        options if mil is None else final_options(options, mil),
        (prediction or run).recipe,
        versions(),
    )


def write_fit_job(source: SessionFit, path: Path, *, reporter: Reporter) -> Path:
    """Write the session's fit as one file."""
    from multimil_gui.jobs.fit_file import write_fit

    reporter.progress(Progress(0, 0, f"Writing {path.name}"))
    return write_fit(path, fit_job(source, reporter=reporter))


def prepare_job(source: SessionFit | Path, file: Path, stores: Path, *, reporter: Reporter) -> Prepared:
    """Return the fit and the imported file; Refusal when one of them cannot be read."""
    from multimil_gui.data.import_ import import_file

    fit = fit_job(source, reporter=reporter)
    return Prepared(fit, import_file(file, stores, reporter))


def query_job(prepared: Prepared, answers: QueryAnswers, fit_name: str, *, reporter: Reporter) -> MappedSamples:
    """Map the samples; Refusal when the columns or the values do not fit to what the fit knows."""
    from multimil_gui.jobs.pipeline import cohort_of, run_recipe

    recipe = query_recipe(prepared.store, answers, fit_name)
    cohort = cohort_of(recipe, prepared.store, prepared.fit)
    result = run_recipe(recipe, prepared.store, reporter, cohort=cohort, fit=prepared.fit)
    targets = () if prepared.fit.head is None else prepared.fit.head.targets
    known = (answers.known, *[None] * (len(targets) - 1))
    given = tuple(zip(targets, known, strict=False))
    return MappedSamples(prepared.store, cohort, answers.columns, given, result)


def query_recipe(store: Store, answers: QueryAnswers, fit_name: str) -> Recipe:
    """Return the recipe that does without the window what the answers ask for."""
    columns = answers.columns
    return Recipe(
        data=DataSection(
            path=Path(store.index.source_name),
            sample=columns.sample,
            donor=columns.donor,
            cell_type=columns.cell_type,
            covariates=columns.covariates,
            continuous_covariates=columns.continuous,
        ),
        query=QuerySection(fit=Path(fit_name), **answers.options.model_dump()),
        target=None if answers.known is None else TargetSection(column=answers.known),
    )
