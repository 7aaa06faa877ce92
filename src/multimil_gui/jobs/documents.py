"""What the files of a run say: tables, report, lock file, provenance. No dates, no absolute paths."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tomli_w

from multimil_gui.analysis.report import html_report
from multimil_gui.analysis.result import ModelScores, RunResult
from multimil_gui.analysis.scores import planted_auroc
from multimil_gui.analysis.tables import cells_table, samples_table, top_by_cell_type
from multimil_gui.analysis.words import verdict
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.index import ColumnKind
from multimil_gui.jobs.integrate import LEARNT
from multimil_gui.jobs.pipeline import store_hash
from multimil_gui.jobs.recipe import Recipe, Scope
from multimil_gui.jobs.recipe_io import LOCK, dump_recipe

if TYPE_CHECKING:
    import pandas as pd

PLANTED = "planted"
"""obs column of simulated cohorts: the cells in which the disease state was planted."""


def cells(result: RunResult, cohort: Cohort, in_top: np.ndarray | None) -> pd.DataFrame:
    """Return one row per cell in file order, held-out scores; without a prediction only where the cell belongs."""
    import pandas as pd

    if result.mil is not None and in_top is not None:
        mil = result.mil
        return cells_table(cohort, mil.classes, mil.fold, mil.held_out_cells, mil.held_out, in_top)
    samples, codes = cohort.samples, cohort.sample_codes
    return pd.DataFrame(
        {
            "cell": cohort.cell_names,
            "sample": np.array(samples.names, dtype=object)[codes],
            "donor": np.array(samples.donor_names, dtype=object)[samples.donor][codes],
        }
    )


def samples(result: RunResult, cohort: Cohort) -> pd.DataFrame:
    """Return one row per sample; without a prediction only who and how many cells."""
    import pandas as pd

    if result.mil is not None:
        return samples_table(cohort, result.mil)
    donors = np.array(cohort.samples.donor_names, dtype=object)[cohort.samples.donor]
    return pd.DataFrame({"sample": cohort.samples.names, "donor": donors, "n_cells": cohort.samples.n_cells})


def hashes(cohort: Cohort) -> dict[str, str]:
    """Return the BLAKE2b hashes of the source file and of everything read from it."""
    return {"source": cohort.store.index.source_hash, "data": store_hash(cohort.store)}


def seeds(recipe: Recipe) -> dict[str, int]:
    """Return all seeds of a run."""
    integrate = {} if recipe.integrate is None else {"integrate": recipe.integrate.seed}
    return {**integrate, "cv": recipe.cv.seed, "models_per_fold": recipe.mil.seeds}


def lock(recipe: Recipe, result: RunResult, cohort: Cohort) -> str:
    """Return the recipe with every default, and what it ran on; reads as a recipe again."""
    index = cohort.store.index
    ran_on = {
        "source": index.source_name,
        "n_cells": cohort.n_cells,
        "n_samples": len(cohort.samples.names),
        "n_donors": len(cohort.samples.donor_names),
        "hashes": hashes(cohort),
        "seeds": seeds(recipe),
        "versions": dict(result.versions),
    }
    return f"{dump_recipe(recipe)}\n{tomli_w.dumps({LOCK: ran_on})}"


def top_words(recipe: Recipe) -> str:
    """Say how the top cells were chosen."""
    among = "of each condition" if recipe.analysis.top_scope is Scope.CONDITION else "of the cohort"
    return (
        f"Top cells: the {recipe.analysis.top_percent:g} % of the cells {among} with the highest attention relative to "
        "an even share of their sample, by models that never saw the donor."
    )


def html(result: RunResult, cohort: Cohort, recipe: Recipe, in_top: np.ndarray | None) -> str:
    """Return the report as a page."""
    return html_report(result, cohort, dump_recipe(recipe), in_top, top_words(recipe), recipe.cv.seed)


def report(
    result: RunResult, cohort: Cohort, recipe: Recipe, in_top: np.ndarray | None, timings: Mapping[str, float]
) -> dict[str, object]:
    """Return the content of ``report.json``; ``timings`` and ``peak_memory_mb`` alone differ between equal runs."""
    content: dict[str, object] = {
        "data": {
            "source": cohort.store.index.source_name,
            "n_cells": cohort.n_cells,
            "n_samples": len(cohort.samples.names),
            "n_donors": len(cohort.samples.donor_names),
            "notes": [str(note) for note in cohort.notes],
        },
        "latent": result.latent_name,
        "map": result.map_name or None,
    }
    if result.integration is not None:
        content["integration"] = {
            "epochs": len(result.integration.curve.train),
            "best_epoch": result.integration.curve.best_epoch,
            **result.integration.details,
        }
    if result.mil is not None and in_top is not None:
        content |= _prediction(result, cohort, recipe, in_top)
    return content | {
        "hashes": hashes(cohort),
        "seeds": seeds(recipe),
        "versions": dict(result.versions),
        "timings": dict(timings),
        "peak_memory_mb": peak_memory_mb(),
    }


def as_json(content: Mapping[str, object]) -> str:
    """Return strict JSON: NaN becomes null."""
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_h5ad(path: Path, result: RunResult, cohort: Cohort, recipe: Recipe, in_top: np.ndarray | None) -> None:
    """Write the data with latent, map, scores and provenance added."""
    from multimil_gui.data.export import write_result_h5ad

    obsm = {LEARNT: result.latent}
    if result.map2d is not None:
        obsm[result.map_name] = result.map2d
    write_result_h5ad(path, cohort, obs_columns(result, cohort, in_top), obsm, provenance(result, cohort, recipe))


def obs_columns(result: RunResult, cohort: Cohort, in_top: np.ndarray | None) -> pd.DataFrame:
    """Return the (n_cells, k) columns that a result adds to obs; held-out scores."""
    import pandas as pd

    if result.mil is None or in_top is None:
        return pd.DataFrame(index=range(cohort.n_cells))
    mil = result.mil
    scores, codes = mil.held_out_cells, cohort.sample_codes
    columns: dict[str, object] = {
        "multimil_attention": scores.attention,
        "multimil_attention_rank": scores.attention_rank,
        "multimil_attention_sd": scores.attention_sd,
    }
    for code, name in enumerate(mil.classes):
        # A slash would make a folder inside the .h5ad.
        columns[f"multimil_contribution_{name.replace('/', '_')}"] = scores.contribution[:, code]
    columns["multimil_in_top"] = in_top
    columns["multimil_fold"] = mil.fold[codes]
    predicted = mil.held_out.predicted[codes]
    columns["multimil_prediction"] = pd.Categorical.from_codes(predicted, pd.Index(mil.classes))
    return pd.DataFrame(columns)


def provenance(result: RunResult, cohort: Cohort, recipe: Recipe) -> dict[str, object]:
    """Return ``uns`` entries: the recipe as TOML, versions, hashes and seeds."""
    return {
        "multimil": {
            "recipe": dump_recipe(recipe),
            "latent": result.latent_name,
            "classes": list(result.mil.classes) if result.mil is not None else [],
            "scores": "held out: by models that never saw the donor",
            "top_cells": top_words(recipe),
            "versions": dict(result.versions),
            "hashes": hashes(cohort),
            "seeds": seeds(recipe),
        }
    }


def peak_memory_mb() -> float:
    """Return the most memory this process has held, in MiB."""
    if sys.platform == "win32":
        import psutil

        return round(psutil.Process().memory_info().peak_wset / 2**20, 1)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, the others KiB.
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def _prediction(result: RunResult, cohort: Cohort, recipe: Recipe, in_top: np.ndarray) -> dict[str, object]:
    mil = result.mil
    assert mil is not None
    assert cohort.target is not None
    ours, *baselines = mil.scores
    content: dict[str, object] = {
        "target": {"column": cohort.target.column, "classes": list(mil.classes), "reference": cohort.target.reference},
        "verdict": verdict(mil.scores, cohort.samples, recipe.cv.seed),
        "metrics": _metrics(ours),
        "baselines": [{"name": model.name, "metrics": _metrics(model)} for model in baselines],
        "audit": list(mil.audit),
        "top_cells": top_words(recipe),
    }
    if cohort.cell_type is not None:
        content["top_by_cell_type"] = top_by_cell_type(cohort, in_top).to_dict("records")
    column = cohort.store.index.column(PLANTED)
    if column is not None and column.kind is ColumnKind.BOOL:
        planted = cohort.store.obs()[PLANTED].to_numpy(dtype=bool)
        label = cohort.samples.label
        content["planted_auroc"] = planted_auroc(mil.held_out_cells.attention, cohort.sample_codes, label, planted)
    return content


def _metrics(model: ModelScores) -> dict[str, object]:
    return {name: {"value": score.value, "low": score.low, "high": score.high} for name, score in model.metrics.items()}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
