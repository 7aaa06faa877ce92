"""What the Run buttons start. These functions run in the job thread; only they import the engine."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from multimil_gui.analysis.result import IntegrationResult, MILResult, RunResult
from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.jobs.recipe import Recipe

if TYPE_CHECKING:
    from multimil_gui.jobs.checkpoints import Checkpoints

KEPT_DAYS = 30


@dataclass(frozen=True)
class IntegrationOutput:
    """A finished integration and the map of its latent, if one was wanted: (n_cells, 2) float32."""

    result: IntegrationResult
    map2d: np.ndarray | None


@dataclass(frozen=True)
class PhenotypeOutput:
    """A finished prediction and the map of its latent, if one was wanted: (n_cells, 2) float32."""

    result: MILResult
    map2d: np.ndarray | None


def run_integration(
    recipe: Recipe, cohort: Cohort, resume: Path | None = None, *, reporter: Reporter
) -> IntegrationOutput:
    """Learn a latent space, and draw its map when the recipe says so; goes on where a crash ended the same run."""
    from multimil_gui.jobs.checkpoints import EpochCheckpoints
    from multimil_gui.jobs.integrate import STAGE, integrate

    with _kept(resume, recipe, cohort) as checkpoints:
        epochs = None if checkpoints is None else EpochCheckpoints(checkpoints, STAGE)
        result = integrate(recipe, cohort, reporter, epochs)
    seed = recipe.integrate.seed if recipe.integrate is not None else recipe.cv.seed
    return IntegrationOutput(result, _map(recipe.analysis.map, result.latent, cohort, seed, reporter))


def run_phenotype(
    recipe: Recipe, cohort: Cohort, latent: np.ndarray, resume: Path | None = None, *, reporter: Reporter
) -> PhenotypeOutput:
    """Predict the phenotype from a latent space ((n_cells, n_latent) float32), and draw its map when wanted.

    Goes on after the last finished fold when a crash ended the same run.
    """
    from multimil_gui.jobs.predict import predict

    with _kept(resume, recipe, cohort, latent) as checkpoints:
        result = predict(recipe, cohort, latent, reporter, checkpoints)
    return PhenotypeOutput(result, _map(recipe.analysis.map, latent, cohort, recipe.cv.seed, reporter))


def run_together(recipe: Recipe, cohort: Cohort, resume: Path | None = None, *, reporter: Reporter) -> RunResult:
    """Learn a latent space and predict the phenotype together (``mil.training`` is end to end)."""
    from multimil_gui.jobs.pipeline import run_recipe

    with _kept(resume, recipe, cohort) as checkpoints:
        folder = None if checkpoints is None else checkpoints.folder
        return run_recipe(recipe, cohort.store, reporter, folder, cohort)


@contextmanager
def _kept(
    folder: Path | None, recipe: Recipe, cohort: Cohort, latent: np.ndarray | None = None
) -> Iterator[Checkpoints | None]:
    """Keep what is trained in a folder of its own in ``folder``; it stays when the program dies or the training fails.

    What stayed from :data:`KEPT_DAYS` ago or earlier is removed.
    """
    if folder is None:
        yield None
        return
    from multimil_gui.jobs.checkpoints import Checkpoints
    from multimil_gui.jobs.pipeline import fingerprint

    known = fingerprint(recipe, cohort.store)
    if latent is not None:
        known = blake2b(known.encode() + np.ascontiguousarray(latent).tobytes(), digest_size=32).hexdigest()
    for other in folder.glob("*/"):
        if time.time() - other.stat().st_mtime > KEPT_DAYS * 86_400:
            shutil.rmtree(other, ignore_errors=True)
    checkpoints = Checkpoints(folder / known[:16], known)
    try:
        yield checkpoints
    except Cancelled:
        checkpoints.clear()
        raise
    checkpoints.clear()


def _map(wanted: bool, latent: np.ndarray, cohort: Cohort, seed: int, reporter: Reporter) -> np.ndarray | None:
    if not wanted:
        return None
    from multimil_gui.jobs.map2d import compute_map

    try:
        return compute_map(latent, cohort.order, seed, reporter)
    except Refusal as refusal:
        # A map that fails must not throw away the training before it.
        reporter.warn(str(refusal))
        return None
