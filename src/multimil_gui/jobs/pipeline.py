"""A whole run: latent, map, prediction."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from multimil_gui._version import __version__
from multimil_gui.analysis.result import Curve, IntegrationResult, MILResult, RunResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import Training
from multimil_gui.core.reporter import Progress, Reporter, stop_early
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.fitted import inputs_of
from multimil_gui.data.store import Store
from multimil_gui.jobs.checkpoints import Checkpoints, EpochCheckpoints
from multimil_gui.jobs.end_to_end import predict_end_to_end
from multimil_gui.jobs.fit import Fit
from multimil_gui.jobs.imputation import check_imputable
from multimil_gui.jobs.integrate import LEARNT, integrate
from multimil_gui.jobs.integrate import STAGE as INTEGRATION
from multimil_gui.jobs.map2d import compute_map
from multimil_gui.jobs.predict import predict
from multimil_gui.jobs.recipe import QuerySection, Recipe
from multimil_gui.jobs.recipe_io import columns_of, plain_values

_PACKAGES = ("anndata", "numba", "numpy", "optuna", "pandas", "scikit-learn", "scipy", "torch", "umap-learn", "zarr")


def cohort_of(recipe: Recipe, store: Store, fit: Fit | None = None) -> Cohort:
    """Return the checked cohort that a recipe describes.

    Parameters
    ----------
    recipe, store
        The recipe and its data.
    fit
        What ``query.fit`` holds; None reads it, relative to the working directory.

    Raises
    ------
    Refusal
        Listing everything that is wrong with the columns, or a latent that the file does not have.
    """
    from multimil_gui.data.check import build_cohort

    if recipe.query is not None:
        from multimil_gui.jobs.query_cohort import query_cohort

        return query_cohort(recipe, store, fit or _read_fit(recipe.query))
    use = recipe.latent.use
    if use is not None and use not in store.latents():
        known = ", ".join(store.latents())
        raise Refusal(
            f'The file has no latent space "{use}" (latent.use).',
            f"It has {known}." if known else "It has none.",
            "Choose one of these, or add [integrate] to learn one." if known else "Add [integrate] to learn one.",
        )
    return build_cohort(store, columns_of(recipe), recipe.cv.folds if recipe.target is not None else None)


def run_recipe(
    recipe: Recipe,
    store: Store,
    reporter: Reporter,
    resume_dir: Path | None = None,
    cohort: Cohort | None = None,
    fit: Fit | None = None,
) -> RunResult:
    """Run a recipe on its data.

    Parameters
    ----------
    recipe
        What to do.
    store
        The data of ``recipe.data.path``.
    reporter
        Hears the progress of every stage.
    resume_dir
        Finished stages are kept here; a second run takes them up and gives the same bytes as an uninterrupted one.
        They stay until the results are safe: ``jobs.outputs.write_outputs`` removes them.
    cohort
        ``cohort_of(recipe, store, fit)`` when the caller has it already.
    fit
        What ``query.fit`` holds; None reads it, relative to the working directory.

    Raises
    ------
    Refusal
        When data and recipe do not fit.
    Cancelled
        When the user cancelled; ``resume_dir`` keeps the finished stages.
    """
    clock = _Clock()
    if recipe.query is not None:
        fit = fit or _read_fit(recipe.query)
    reporter.progress(Progress(0, 0, "Checking cells, samples and donors", stage="cohort"))
    if cohort is None:
        with clock.stage("cohort"):
            cohort = cohort_of(recipe, store, fit)
    check_imputable(recipe, cohort, fit)
    if recipe.query is not None and fit is not None:
        return _query(recipe, fit, cohort, reporter, clock)
    checkpoints = None if resume_dir is None else Checkpoints(resume_dir, fingerprint(recipe, store))
    joint = recipe.mil.training is Training.END_TO_END
    integration: IntegrationResult | None
    mil: MILResult | None = None
    with clock.stage("end to end" if joint else "latent"):
        if joint:
            integration, mil = predict_end_to_end(recipe, cohort, reporter, checkpoints)
        else:
            integration = _integration(recipe, cohort, reporter, checkpoints)
        latent_name, latent = _latent(recipe, store, integration)
    stop_early(reporter)
    with clock.stage("map"):
        map_name, layout = _map(recipe, cohort, latent_name, latent, reporter, checkpoints)
    stop_early(reporter)
    if not joint:
        with clock.stage("prediction"):
            mil = _prediction(recipe, cohort, latent, reporter, checkpoints)
        stop_early(reporter)
    return RunResult(
        recipe=plain_values(recipe),
        latent_name=latent_name,
        latent=latent,
        map_name=map_name,
        map2d=layout,
        integration=integration,
        mil=mil,
        timings=clock.seconds,
        versions=versions(),
    )


def _read_fit(query: QuerySection) -> Fit:
    from multimil_gui.jobs.fit_file import read_fit

    return read_fit(query.fit.expanduser())


def _query(recipe: Recipe, fit: Fit, cohort: Cohort, reporter: Reporter, clock: _Clock) -> RunResult:
    """Map the samples onto a fit; nothing of it takes long enough to be kept for resuming."""
    from multimil_gui.jobs.query import map_onto

    with clock.stage("query"):
        mapped = map_onto(recipe, fit, cohort, reporter)
    stop_early(reporter)
    query = mapped.query
    return RunResult(
        recipe=plain_values(recipe),
        latent_name=LEARNT,
        latent=query.latent,
        map_name="" if query.map2d is None else map_name(LEARNT),
        map2d=query.map2d,
        integration=None,
        mil=mapped.mil,
        timings=clock.seconds,
        versions=versions(),
        query=query,
    )


def versions() -> dict[str, str]:
    """Return the versions that matter for the numbers, by name."""
    found = {"multimil-gui": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # A frozen application may lack a package's metadata; the program's own version fixes them all there.
            continue
    return found


def fingerprint(recipe: Recipe, store: Store) -> str:
    """Return what a run's numbers depend on as one hash: recipe (not where files lie), data, versions."""
    values = plain_values(recipe)
    assert isinstance(values["data"], dict)
    del values["data"]["path"]
    del values["export"], values["impute"]
    content = {"recipe": values, "data": store_hash(store), "versions": versions()}
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=32).hexdigest()


def store_hash(store: Store) -> str:
    """Return one hash of all arrays of a store."""
    return hashlib.blake2b(json.dumps(store.index.hashes, sort_keys=True).encode(), digest_size=32).hexdigest()


@dataclass
class _Clock:
    """Wall-clock seconds per stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def _integration(
    recipe: Recipe, cohort: Cohort, reporter: Reporter, checkpoints: Checkpoints | None
) -> IntegrationResult | None:
    if recipe.integrate is None:
        return None
    kept = checkpoints.load(INTEGRATION) if checkpoints is not None else None
    if kept is not None:
        return _unpack(*kept)
    epochs = None if checkpoints is None else EpochCheckpoints(checkpoints, INTEGRATION)
    result = integrate(recipe, cohort, reporter, epochs)
    # A job that was stopped early is not what an uninterrupted run would give.
    if checkpoints is not None and epochs is not None and not stop_early(reporter):
        checkpoints.save(INTEGRATION, *_pack(result))
        epochs.clear()
    return result


def _latent(recipe: Recipe, store: Store, integration: IntegrationResult | None) -> tuple[str, np.ndarray]:
    if integration is not None:
        return LEARNT, integration.latent
    assert recipe.latent.use is not None
    return recipe.latent.use, store.latent(recipe.latent.use)


def _map(
    recipe: Recipe,
    cohort: Cohort,
    latent_name: str,
    latent: np.ndarray,
    reporter: Reporter,
    checkpoints: Checkpoints | None,
) -> tuple[str, np.ndarray | None]:
    """Return the file's own 2-D map when the latent is the file's too, else compute one."""
    own = next((key for key in cohort.store.maps() if cohort.store.index.obsm[key] == 2), None)
    if recipe.integrate is None and own is not None:
        return own, cohort.store.obsm(own)
    if not recipe.analysis.map:
        return "", None
    name = map_name(latent_name)
    kept = checkpoints.load("map") if checkpoints is not None else None
    if kept is not None:
        return name, kept[0]["map"]
    seed = recipe.integrate.seed if recipe.integrate is not None else recipe.cv.seed
    layout = compute_map(latent, cohort.order, seed, reporter)
    if checkpoints is not None:
        checkpoints.save("map", {"map": layout}, {})
    return name, layout


def map_name(latent_name: str) -> str:
    """Return the obsm key of the map of a latent space, e.g. ``"X_multimil_umap"``."""
    return f"{latent_name}_umap"


def _prediction(
    recipe: Recipe, cohort: Cohort, latent: np.ndarray, reporter: Reporter, checkpoints: Checkpoints | None
) -> MILResult | None:
    if recipe.target is None:
        return None
    return predict(recipe, cohort, latent, reporter, checkpoints)


def _pack(result: IntegrationResult) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    arrays = {f"weights/{name}": array for name, array in result.weights.items()}
    arrays |= {
        "latent": result.latent,
        "modality_weight": result.modality_weight,
        "train": result.curve.train,
        "held_out": result.curve.held_out,
    }
    values = {
        "modalities": list(result.modalities),
        "best_epoch": result.curve.best_epoch,
        "details": dict(result.details),
        "inputs": result.inputs.plain_values(),
    }
    return arrays, values


def _unpack(arrays: dict[str, np.ndarray], values: dict[str, object]) -> IntegrationResult:
    start = "weights/"
    modalities, details, inputs = values["modalities"], values["details"], values["inputs"]
    assert isinstance(modalities, list)
    assert isinstance(details, dict)
    assert isinstance(inputs, dict)
    return IntegrationResult(
        latent=arrays["latent"],
        modality_weight=arrays["modality_weight"],
        modalities=tuple(modalities),
        curve=Curve(INTEGRATION, arrays["train"], arrays["held_out"], int(str(values["best_epoch"]))),
        weights={key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)},
        details=details,
        inputs=inputs_of(inputs),
    )
