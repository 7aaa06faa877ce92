"""Finished runs of this session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.analysis.result import CellScores, IntegrationResult, MILResult, Predictions, RunResult
from multimil_gui.state.evented import Part
from multimil_gui.state.view import ScoreSource

Result: TypeAlias = RunResult | IntegrationResult | MILResult


class RunKind(StrEnum):
    """What was run."""

    INTEGRATION = "integration"
    PREDICTION = "prediction"
    RECIPE = "recipe"


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One finished run.

    Attributes
    ----------
    id
        Number in the order of finishing, from 1; never reused.
    name
        Shown name.
    kind
        What was run.
    result
        Its frozen result.
    latent_key, map_key
        Names under which its latent and map are in ``data.latents`` and ``data.maps``; "" when it has none.
    recipe
        The options it ran with, plain values.
    """

    id: int
    name: str
    kind: RunKind
    result: Result
    latent_key: str = ""
    map_key: str = ""
    recipe: Mapping[str, object] = field(default_factory=dict)

    @property
    def mil(self) -> MILResult | None:
        """The prediction, or None."""
        if isinstance(self.result, MILResult):
            return self.result
        return self.result.mil if isinstance(self.result, RunResult) else None

    @property
    def query(self) -> QueryResult | None:
        """What is known of new cells in the latent of a reference, or None."""
        return self.result.query if isinstance(self.result, RunResult) else None

    @property
    def integration(self) -> IntegrationResult | None:
        """The integration, or None."""
        if isinstance(self.result, IntegrationResult):
            return self.result
        return self.result.integration if isinstance(self.result, RunResult) else None


def map_of(latent_key: str) -> str:
    """Return the name of the map of a latent space."""
    return f"{latent_key}_umap"


def kind_of(result: Result) -> RunKind:
    """Return what kind of run left ``result``."""
    if isinstance(result, IntegrationResult):
        return RunKind.INTEGRATION
    return RunKind.PREDICTION if isinstance(result, MILResult) else RunKind.RECIPE


@dataclass(frozen=True, eq=False)
class Runs:
    """All runs and which one's scores are shown.

    Attributes
    ----------
    records
        In order of finishing.
    active_id
        Id of the run whose predictions and scores are shown, None when there is none.
    target
        Number of the target that is shown, 0 is the main one.
    """

    records: tuple[RunRecord, ...] = ()
    active_id: int | None = None
    target: int = 0

    @property
    def active(self) -> RunRecord | None:
        """The run whose predictions and scores are shown."""
        return next((record for record in self.records if record.id == self.active_id), None)

    @property
    def mil(self) -> MILResult | None:
        """The active run's prediction of the shown target, or None."""
        whole = None if self.active is None else self.active.mil
        return None if whole is None else whole.of_target(min(self.target, len(whole.further)))

    def shared_latent(self, map_key: str) -> RunRecord | None:
        """Return the run that put the modalities into one latent, None without any.

        That whose map has this name, else the last one: an integration, or new cells mapped onto one.
        """
        found = [record for record in self.records if record.integration is not None or record.query is not None]
        shown = [record for record in found if map_key in (record.map_key, map_of(record.latent_key))]
        return next(iter(reversed(shown or found)), None)

    def origin(self, source: ScoreSource) -> dict[str, object]:
        """Return where the shown scores come from, as plain values; empty when there is no active run."""
        run = self.active
        if run is None:
            return {}
        target = {"target": self.mil.column} if self.mil is not None and self.mil.column else {}
        return {"run": run.name, "run_id": run.id, "latent": run.latent_key, "scores": source.value, **target}

    def scores(self, source: ScoreSource) -> CellScores | None:
        """Return the active run's scores of the cells, or None before any prediction."""
        if self.mil is None:
            return None
        return self.mil.held_out_cells if source is ScoreSource.HELD_OUT else self.mil.trained_cells

    def predictions(self, source: ScoreSource) -> Predictions | None:
        """Return the active run's predictions of the samples, or None before any prediction."""
        if self.mil is None:
            return None
        return self.mil.held_out if source is ScoreSource.HELD_OUT else self.mil.trained


class RunsState(Part[Runs]):
    """The evented runs; change through ``session.add_run`` and ``session.activate_run``."""

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """All runs, in order of finishing."""
        return self.value.records

    @property
    def active(self) -> RunRecord | None:
        """The run whose predictions and scores are shown."""
        return self.value.active

    @property
    def target(self) -> int:
        """Number of the target that is shown, 0 is the main one."""
        return self.value.target

    @property
    def with_prediction(self) -> tuple[RunRecord, ...]:
        """The runs that predict, so that one of them can be active."""
        return tuple(record for record in self.records if record.mil is not None)
