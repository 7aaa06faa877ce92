"""The stages of a job in the order in which they are heard, with the part of the time that each takes."""

from __future__ import annotations

from multimil_gui.jobs.recipe import Recipe

Stages = tuple[tuple[str, float], ...]

#: A search trains every set of options on every inner fold, but many are given up early.
_TRIAL = 0.5
_BASELINES, _MAP, _METRICS = 0.5, 0.4, 0.1


def integration_stages(recipe: Recipe) -> Stages:
    """Return the stages of an integration."""
    stages = [("integration", 1.0)]
    if recipe.analysis.integration_metrics and recipe.data.cell_type is not None:
        stages.append(("scib", _METRICS))
    return (*stages, *_map(recipe))


def prediction_stages(recipe: Recipe) -> Stages:
    """Return the stages of a prediction; the simple models are heard once for each target."""
    search = [("search", _TRIAL * recipe.search.trials)] if recipe.search.trials else []
    stages: list[tuple[str, float]] = []
    for number in range(recipe.cv.folds):
        stages += [*search, (f"fold {number + 1}", 1.0)]
    stages += [*search, ("final", 0.6)]
    if recipe.analysis.baselines:
        stages += [("baselines", _BASELINES)] * (1 + len(recipe.further_targets))
    return (*stages, *_map(recipe))


def _map(recipe: Recipe) -> Stages:
    return (("map", _MAP),) if recipe.analysis.map else ()
