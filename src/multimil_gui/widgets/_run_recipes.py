"""The sections of a recipe that come from what is open and from earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from multimil_gui.core.options import Training
from multimil_gui.data.cohort import TargetColumn
from multimil_gui.jobs.recipe import DataSection, TargetSection
from multimil_gui.state.runs import RunRecord
from multimil_gui.state.session import Session


def data_section(session: Session, modalities: Mapping[str, object]) -> DataSection:
    """Return the recipe's ``[data]`` as the session has it."""
    columns, store = session.data.columns, session.data.store
    assert columns is not None
    assert store is not None
    return DataSection.model_validate(
        {
            "path": Path(store.index.source_name),
            "sample": columns.sample,
            "donor": columns.donor,
            "cell_type": columns.cell_type,
            "covariates": columns.covariates,
            "continuous_covariates": columns.continuous,
            "modalities": dict(modalities),
        }
    )


def target_sections(session: Session) -> tuple[TargetSection, ...]:
    """Return the recipe's ``[target]`` and ``[[further_targets]]`` as the session has them; empty without a phenotype."""
    columns = session.data.columns
    return () if columns is None else tuple(_target_section(target) for target in columns.targets)


def _target_section(target: TargetColumn) -> TargetSection:
    return TargetSection(
        column=target.column, kind=target.kind, order=target.order, reference=target.reference, ignore=target.ignore
    )


def learnt_by(session: Session, latent: str) -> RunRecord | None:
    """Return the run that learnt a latent, None when the file has it."""
    records = session.runs.records
    return next((run for run in records if run.latent_key == latent and run.recipe.get("integrate")), None)


def integration_of(session: Session, latent: str) -> dict[str, object] | None:
    """Return ``integrate`` and ``modalities`` of the run that learnt a latent, None when the file has it.

    The recipe of a prediction says where its latent came from: the audit depends on it, and a rerun needs it.
    """
    run = learnt_by(session, latent)
    if run is None or run.integration is None:
        return None
    data = run.recipe.get("data")
    modalities = data.get("modalities") if isinstance(data, Mapping) else None
    return {"integrate": run.recipe["integrate"], "modalities": modalities}


def saw_phenotype(session: Session, latent: str) -> bool:
    """Whether a latent was learnt together with the phenotype, so that a prediction from it is no test."""
    run = learnt_by(session, latent)
    mil = None if run is None else run.recipe.get("mil")
    return isinstance(mil, Mapping) and mil.get("training") == Training.END_TO_END.value
