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

from multimil_gui.analysis import neighbors
from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.analysis.query_words import predicted_by
from multimil_gui.analysis.report import html_report
from multimil_gui.analysis.result import MILResult, ModelScores, RunResult
from multimil_gui.analysis.scores import planted_auroc
from multimil_gui.analysis.tables import cells_table, contributions, samples_table, top_by_cell_type
from multimil_gui.analysis.words import verdict
from multimil_gui.core.options import MILOptions, TargetKind
from multimil_gui.core.reporter import Reporter
from multimil_gui.data.cohort import Cohort
from multimil_gui.data.index import ColumnKind
from multimil_gui.jobs.cross_validation import FINAL
from multimil_gui.jobs.fit import Fit, fit_of
from multimil_gui.jobs.imputation import impute_result, write_imputed
from multimil_gui.jobs.integrate import LEARNT
from multimil_gui.jobs.pipeline import map_name, store_hash
from multimil_gui.jobs.recipe import Recipe, Scope
from multimil_gui.jobs.recipe_io import LOCK, dump_recipe

if TYPE_CHECKING:
    import pandas as pd

PLANTED = "planted"
"""obs column of simulated cohorts: the cells in which the disease state was planted."""

InTop = tuple[np.ndarray, ...]
"""Per target the (n_cells,) bool top cells; empty without a prediction."""


def cells(result: RunResult, cohort: Cohort, in_top: InTop) -> pd.DataFrame:
    """Return one row per cell in file order, held-out scores; without a prediction only where the cell belongs."""
    import pandas as pd

    more = {} if result.query is None else mapped_columns(result.query)
    if result.mil is not None:
        return cells_table(cohort, result.mil, in_top[0]).assign(**more)
    samples, codes = cohort.samples, cohort.sample_codes
    return pd.DataFrame(
        {
            "cell": cohort.cell_names,
            "sample": np.array(samples.names, dtype=object)[codes],
            "donor": np.array(samples.donor_names, dtype=object)[samples.donor][codes],
            **more,
        }
    )


def mapped_columns(query: QueryResult) -> dict[str, np.ndarray]:
    """Return the (n_cells,) columns of cells that were mapped onto a fit: label, confidence, distance, whether far."""
    columns = {"distance": query.distance, "far": query.far}
    if not query.levels:
        return columns
    names = np.array((*query.levels, ""), dtype=object)
    return {"label": names[query.label], "label_confidence": query.confidence, **columns}


def samples(result: RunResult, cohort: Cohort) -> pd.DataFrame:
    """Return one row per sample; without a prediction only who and how many cells."""
    import pandas as pd

    if result.mil is not None:
        table = samples_table(cohort, result.mil)
        return table.assign(predicted_by=predicted_by(result.mil)) if result.mil.reference else table
    donors = np.array(cohort.samples.donor_names, dtype=object)[cohort.samples.donor]
    return pd.DataFrame({"sample": cohort.samples.names, "donor": donors, "n_cells": cohort.samples.n_cells})


def hashes(cohort: Cohort) -> dict[str, str]:
    """Return the BLAKE2b hashes of the source file and of everything read from it."""
    return {"source": cohort.store.index.source_hash, "data": store_hash(cohort.store)}


def fit(result: RunResult, cohort: Cohort, recipe: Recipe) -> Fit | None:
    """Return what new samples can be mapped onto, None when the run learnt no latent space."""
    if result.integration is None or recipe.integrate is None:
        return None
    own_map = result.map2d if result.map_name == map_name(LEARNT) else None
    options = recipe.mil if result.mil is None else final_options(recipe.mil, result.mil)
    return fit_of(
        *(cohort, result.integration, recipe.integrate, own_map, result.mil, options, result.recipe, result.versions)
    )


def final_options(options: MILOptions, mil: MILResult) -> MILOptions:
    """Return the options of the final models: those given, but for what a search found."""
    found = mil.searched.get(FINAL, {}).get("options", {})
    assert isinstance(found, Mapping)
    return MILOptions.model_validate({**options.model_dump(), **found})


def seeds(recipe: Recipe) -> dict[str, int]:
    """Return all seeds of a run."""
    sections = {"integrate": recipe.integrate, "query": recipe.query}
    learnt = {name: section.seed for name, section in sections.items() if section is not None}
    search = {"search": recipe.search.seed} if recipe.search.trials else {}
    return {**learnt, "cv": recipe.cv.seed, **search, "models_per_fold": recipe.mil.seeds}


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


def top_words(recipe: Recipe, mil: MILResult | None) -> str:
    """Say how the top cells were chosen."""
    among = "of each condition" if recipe.analysis.top_scope is Scope.CONDITION else "of the cohort"
    return (
        f"Top cells: the {recipe.analysis.top_percent:g} % of the cells {among} with the highest attention relative to "
        f"an even share of their sample, by {'models that never saw the donor' if mil is None else predicted_by(mil)}."
    )


def html(result: RunResult, cohort: Cohort, recipe: Recipe, in_top: InTop) -> str:
    """Return the report as a page."""
    searched = () if result.mil is None else search_words(result.mil)
    return html_report(
        result, cohort, dump_recipe(recipe), in_top, top_words(recipe, result.mil), recipe.cv.seed, searched
    )


def report(
    result: RunResult, cohort: Cohort, recipe: Recipe, in_top: InTop, timings: Mapping[str, float]
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
    if result.query is not None:
        content["query"] = mapped(result.query)
    if result.mil is not None:
        content |= _predictions(result.mil, cohort, recipe, in_top)
    return content | {
        "hashes": hashes(cohort),
        "seeds": seeds(recipe),
        "versions": dict(result.versions),
        "timings": dict(timings),
        "peak_memory_mb": peak_memory_mb(),
    }


def mapped(query: QueryResult) -> dict[str, object]:
    """Return what the report says of cells that were mapped onto a fit."""
    return {
        "reference": query.reference,
        "epochs": len(query.train),
        "cells_far_from_reference": int(query.far.sum()),
        **query.details,
    }


def as_json(content: Mapping[str, object]) -> str:
    """Return strict JSON: NaN becomes null."""
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_h5ad(path: Path, result: RunResult, cohort: Cohort, recipe: Recipe, in_top: InTop) -> None:
    """Write the data with latent, map, scores and provenance added."""
    from multimil_gui.data.export import write_result_h5ad

    obsm = {LEARNT: result.latent}
    if result.map2d is not None:
        obsm[result.map_name] = result.map2d
    write_result_h5ad(path, cohort, obs_columns(result, cohort, in_top), obsm, provenance(result, cohort, recipe))


def write_imputation(path: Path, result: RunResult, cohort: Cohort, recipe: Recipe, reporter: Reporter) -> None:
    """Write what the fit expects of the modalities that the recipe asks for."""
    parts = impute_result(result, cohort, recipe, reporter)
    write_imputed(path, parts, cohort, {"recipe": dump_recipe(recipe), "latent": result.latent_name})


def obs_columns(result: RunResult, cohort: Cohort, in_top: InTop) -> pd.DataFrame:
    """Return the (n_cells, k) columns that a result adds to obs; held-out scores."""
    import pandas as pd

    mapped = {} if result.query is None else mapped_columns(result.query)
    columns: dict[str, object] = {f"multimil_{name}": values for name, values in mapped.items()}
    if result.mil is not None:
        columns |= _scores_of_cells(result.mil, cohort, in_top)
    return pd.DataFrame(columns, index=range(cohort.n_cells))


def _scores_of_cells(mil: MILResult, cohort: Cohort, in_top: InTop) -> dict[str, object]:
    scores = mil.held_out_cells
    columns: dict[str, object] = {
        "attention": scores.attention,
        "attention_rank": scores.attention_rank,
        "attention_sd": scores.attention_sd,
        **contributions(mil),
        "in_top": in_top[0],
        "fold": mil.fold[cohort.sample_codes],
        "prediction": _prediction_of_cells(mil, cohort),
    }
    for other in mil.further:
        columns |= contributions(other, further=True)
        columns[f"prediction_{other.column}"] = _prediction_of_cells(other, cohort)
    # A slash would make a folder inside the .h5ad.
    return {f"multimil_{name.replace('/', '_')}": values for name, values in columns.items()}


def _prediction_of_cells(mil: MILResult, cohort: Cohort) -> object:
    """Return what is predicted of each cell's sample: classes as categories, or values of a regression."""
    import pandas as pd

    said, codes = mil.held_out, cohort.sample_codes
    if mil.kind is TargetKind.REGRESSION:
        assert said.value is not None
        return said.value[codes]
    ordered = mil.kind is TargetKind.ORDINAL
    return pd.Categorical.from_codes(said.predicted[codes], pd.Index(mil.classes), ordered=ordered)


def provenance(result: RunResult, cohort: Cohort, recipe: Recipe) -> dict[str, object]:
    """Return ``uns`` entries: the recipe as TOML, versions, hashes and seeds."""
    numbers = range(0 if result.mil is None else cohort.n_targets)
    return {
        "multimil": {
            "recipe": dump_recipe(recipe),
            "latent": result.latent_name,
            "classes": list(result.mil.classes) if result.mil is not None else [],
            "targets": json.dumps(
                [_target(result.mil.of_target(n), cohort.of_target(n)) for n in numbers if result.mil]
            ),
            "scores": "" if result.mil is None else f"held out: by {predicted_by(result.mil)}",
            "top_cells": top_words(recipe, result.mil),
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


def search_words(mil: MILResult) -> tuple[str, ...]:
    """Say for each fold which options a search chose; empty without a search."""
    return tuple(f"{name}: {_chosen(found)}." for name, found in mil.searched.items())


def _chosen(found: Mapping[str, object]) -> str:
    options = found["options"]
    assert isinstance(options, Mapping)
    chosen = ", ".join(f"{name} {value}" for name, value in options.items())
    return f"{chosen}; loss {found['loss']:.3f}, with the options as given {found['loss_as_given']:.3f}"


def _predictions(mil: MILResult, cohort: Cohort, recipe: Recipe, in_top: InTop) -> dict[str, object]:
    """Return what the report says of all targets: the main one at the top, the others in a list."""
    main, *further = (
        _prediction(mil.of_target(number), cohort.of_target(number), recipe, in_top[number])
        for number in range(cohort.n_targets)
    )
    content = {**main, "top_cells": top_words(recipe, mil)}
    if further:
        content["further_targets"] = further
    if mil.searched:
        content["searched"] = {name: dict(found) for name, found in mil.searched.items()}
    return content


def _prediction(mil: MILResult, cohort: Cohort, recipe: Recipe, in_top: np.ndarray) -> dict[str, object]:
    """Return what the report says of one target, of a cohort that has no other."""
    content: dict[str, object] = {
        "target": _target(mil, cohort),
        "predicted_by": predicted_by(mil),
        "audit": list(mil.audit),
    }
    if mil.scores:  # A query may know no phenotype to compare with.
        ours, *baselines = mil.scores
        content |= {
            "verdict": verdict(mil.scores, cohort.samples, recipe.cv.seed, mil.column),
            "metrics": _metrics(ours),
            "baselines": [{"name": model.name, "metrics": _metrics(model)} for model in baselines],
        }
    if mil.neighbors:
        content["neighbors"] = neighbors.plain(mil.neighbors)
    if cohort.cell_type is not None:
        content["top_by_cell_type"] = top_by_cell_type(cohort, in_top).to_dict("records")
    column = cohort.store.index.column(PLANTED)
    if column is not None and column.kind is ColumnKind.BOOL:
        planted = cohort.store.obs()[PLANTED].to_numpy(dtype=bool)
        # All samples of a regression may hold planted cells, class 0 of the others does not.
        label = cohort.samples.label + (1 if mil.kind is TargetKind.REGRESSION else 0)
        content["planted_auroc"] = planted_auroc(mil.held_out_cells.attention, cohort.sample_codes, label, planted)
    return content


def _target(mil: MILResult, cohort: Cohort) -> dict[str, object]:
    assert cohort.target is not None
    return {
        "column": cohort.target.column,
        "kind": str(mil.kind),
        "classes": list(mil.classes),
        "reference": cohort.target.reference,
    }


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
