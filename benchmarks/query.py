"""New samples on a fit, and imputed modalities, on measured cohorts whose cell types and modalities are known.

Some donors, libraries or cells are kept out of the reference and mapped onto it as samples of a batch it has never seen:
with each modality alone and with all. Shown are the part of the cells of known type that get their type (by the votes of
the nearest reference cells, and by a random forest), beside the part that always naming the most frequent type would get
right; and whether every weight of the fit kept its bits. In the paper (bone marrow, other cells): chromatin .560, RNA
.857, RNA + proteins .872, RNA + chromatin .783.

The second table imputes: a random third of the reference's cells lacks a modality that was measured in them, and what
the fit expects there is compared with what was measured. Correlations are over cells, the median over the features that
vary; R2 compares the squared error, of all features together, with that of naming each feature's mean.

The cohorts are not part of the repository (set MULTIMIL_REAL_DATA to their folder, else ../shared/data is taken). Where
all reference cells have all modalities, a random third keeps the first alone and a third the second alone, so that each
encoder learns to speak for itself. ``--quick`` takes the small cohort and few epochs, ``--only NAME`` one cohort;
``--json`` ends with one JSON object. There is no peer beside ours: the authors' package needs the target's column in a
query and does not run a mosaic on a current anndata.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from multimil_gui.analysis.label_transfer import nearest_cells, transfer_labels
from multimil_gui.core.imputation import impute
from multimil_gui.core.modalities import CovariateData
from multimil_gui.core.options import ImputedUnits, LabelTransfer
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file
from multimil_gui.jobs.fit import Fit, fit_of
from multimil_gui.jobs.fit_shapes import design_of
from multimil_gui.jobs.integrate import integrate
from multimil_gui.jobs.pipeline import cohort_of
from multimil_gui.jobs.query import map_onto
from multimil_gui.jobs.query_cohort import query_cohort
from multimil_gui.jobs.recipe import Recipe

COUNTS = {"matrix": "X", "likelihood": "nb"}
PEAKS = {"matrix": "X", "likelihood": "bernoulli", "n_top_features": 5000}

COHORTS = {
    "PBMC WNN, RNA + proteins": {
        "file": "pbmc_wnn_mosaic_4donors_rna_adt.h5mu",
        "modalities": {"rna": COUNTS, "adt": COUNTS},
        "query": ("donor", ("P4",)),
        "thirds": False,
        "impute": "adt",
    },
    "PBMC 10k, RNA + proteins": {
        "file": "pbmc10k_5k_cite_mosaic_rna_adt.h5mu",
        "modalities": {"rna": COUNTS, "adt": COUNTS},
        # Only the 10k batch has types and proteins: a quarter of its cells stands for a new batch.
        "query": ("sample_id", ("pbmc10k",), 0.25),
        "thirds": True,
        "impute": "adt",
    },
    "mouse cortex, RNA + chromatin": {
        "file": "mouse_cortex_snareseq_12libraries_rna_atac.h5mu",
        "modalities": {"rna": COUNTS, "atac": PEAKS},
        "query": ("sample_id", ("09A", "09B", "09C")),
        "thirds": True,
        "impute": "atac",
    },
}
UNKNOWN = {"unlabelled", "other", "Mis"}
"""Names that stand for cells without a type."""

NEW = "new batch"


def split(path: Path, spec: Mapping, folder: Path) -> dict[str, Path]:
    """Write the reference, and the query with each modality alone and with all; return the files by name."""
    import mudata

    with warnings.catch_warnings(), mudata.set_options(pull_on_update=False):
        warnings.simplefilter("ignore")
        data = mudata.read_h5mu(path)
        rng = np.random.default_rng(0)
        column, levels, *share = spec["query"]
        asked = data.obs[column].astype(str).isin(levels).to_numpy()
        if share:
            asked &= rng.random(len(asked)) < share[0]
        has = {name: np.isin(data.obs_names, part.obs_names) for name, part in data.mod.items()}
        first, second = has
        third = rng.integers(0, 3, len(asked)) if spec["thirds"] else np.zeros(len(asked), dtype=int)
        both = has[first] & has[second]
        kept = {
            first: ~asked & has[first] & ~(both & (third == 1)),
            second: ~asked & has[second] & ~(both & (third == 2)),
        }
        files = {"reference": _write(data, kept, folder / "reference.h5mu", NEW)}
        for names in ((first,), (second,), (first, second)):
            rows = dict.fromkeys(names, asked & has[first] & has[second])
            files[" + ".join(names)] = _write(data, rows, folder / f"query_{'_'.join(names)}.h5mu", NEW)
    return files


def _write(data: object, rows: Mapping[str, np.ndarray], path: Path, new: str) -> Path:
    """Write some cells of each modality; all cells of a query file belong to one batch that the reference lacks."""
    import mudata

    parts = {}
    for name, mask in rows.items():
        part = data.mod[name]
        parts[name] = part[np.isin(part.obs_names, data.obs_names[mask])].copy()
        parts[name].obs = parts[name].obs[[]]
    made = mudata.MuData(parts)
    cell_type = data.obs["cell_type"].astype(str)
    obs = data.obs[["sample_id"]].assign(
        cell_type=cell_type.where(~cell_type.isin(UNKNOWN)).astype("category"),
        batch=data.obs["batch"].astype(str) if path.stem == "reference" else new,
    )
    made.obs = obs.loc[made.obs_names]
    made.write(path)
    return path


def reference_fit(file: Path, spec: Mapping, stores: Path, epochs: int | None) -> tuple[Fit, np.ndarray]:
    """Integrate the reference; return the fit, and its latent in the order of the file."""
    recipe = Recipe.model_validate(
        {
            "data": {
                "path": file.name,
                "sample": "sample_id",
                "cell_type": "cell_type",
                "covariates": ["batch"],
                "modalities": spec["modalities"],
            },
            "integrate": {} if epochs is None else {"epochs": epochs},
        }
    )
    cohort = cohort_of(recipe, import_file(file, stores, SilentReporter()))
    found = integrate(recipe, cohort, SilentReporter())
    fit = fit_of(cohort, found, recipe.integrate, None, None, recipe.mil, recipe.model_dump(mode="json"), {})
    return fit, found.latent


def query_figures(file: Path, fit: Fit, stores: Path) -> dict[str, object]:
    """Map a query; return what became of its cells of known type."""
    recipe = Recipe.model_validate(
        {
            "data": {"path": file.name, "sample": "sample_id", "cell_type": "cell_type", "covariates": ["batch"]},
            "query": {"fit": "fit.safetensors"},
        }
    )
    cohort = query_cohort(recipe, import_file(file, stores, SilentReporter()), fit)
    start = time.perf_counter()
    query = map_onto(recipe, fit, cohort, SilentReporter()).query
    seconds = time.perf_counter() - start
    truth = np.array((*cohort.cell_type.levels, ""), dtype=object)[cohort.cell_type.codes]
    known = cohort.cell_type.codes >= 0
    levels = np.array(query.levels, dtype=object)
    neighbors = nearest_cells(fit.reference.latent, query.latent, 15, SilentReporter())
    forest = transfer_labels(
        LabelTransfer.RANDOM_FOREST, fit.reference.latent, fit.reference.cell_type.codes, query.latent, neighbors, 0
    )
    return {
        "cells": int(known.sum()),
        "nearest": float((levels[query.label] == truth)[known].mean()),
        "forest": float((levels[forest.codes] == truth)[known].mean()),
        "most frequent": float(np.unique(truth[known], return_counts=True)[1].max() / known.sum()),
        "far": float(query.far.mean()),
        "frozen": frozen(fit, query.weights),
        "seconds": round(seconds, 1),
    }


def frozen(fit: Fit, weights: Mapping[str, np.ndarray]) -> bool:
    """Return whether every weight of a fit is found again to the bit, rows of new levels behind."""
    return fit.weights.keys() == weights.keys() and all(
        weights[name][: len(old)].tobytes() == old.tobytes() if old.ndim else weights[name].tobytes() == old.tobytes()
        for name, old in fit.weights.items()
    )


def imputation_figures(source: Path, reference: Path, fit: Fit, latent: np.ndarray, name: str) -> dict[str, object]:
    """Impute a modality in the reference's cells that lack it but in which it was measured; compare with the truth."""
    import mudata

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole, made = mudata.read_h5mu(source).mod[name], mudata.read_h5mu(reference)
    without = made.obs_names.difference(made.mod[name].obs_names).intersection(whole.obs_names)
    if not len(without):
        return {}
    (fitted,) = (modality for modality in fit.inputs.modalities if modality.name == name)
    truth = np.asarray(whole[without, list(fitted.features)].X.todense(), dtype=float)
    seen = np.asarray(made.mod[name][:, list(fitted.features)].X.todense(), dtype=float)
    levels = dict(fit.inputs.covariates)["batch"]
    batch = made.obs.loc[without, "batch"].astype(str).map(levels.index).to_numpy()
    rows = made.obs_names.get_indexer(without)
    library = np.maximum(truth.sum(axis=1), 1)
    found = impute(
        design_of(fit.inputs),
        fit.options,
        fit.weights,
        name,
        latent[rows],
        [CovariateData("batch", batch, len(levels))],
        [],
        ImputedUnits.COUNTS,
        library,
        SilentReporter(),
    )
    if fitted.likelihood.value == "bernoulli":
        truth, seen = (truth > 0).astype(float), (seen > 0).astype(float)
        mean = np.broadcast_to(seen.mean(axis=0), truth.shape)
    else:
        share = seen.sum(axis=0) / seen.sum()
        truth, found, mean = np.log1p(truth), np.log1p(found), np.log1p(library[:, None] * share)
    vary = np.flatnonzero((truth.std(axis=0) > 0) & (found.std(axis=0) > 0))
    each = [np.corrcoef(truth[:, i], found[:, i])[0, 1] for i in vary]
    by_mean = [np.corrcoef(truth[:, i], mean[:, i])[0, 1] if mean[:, i].std() > 0 else 0.0 for i in vary]
    return {
        "cells": len(without),
        "features": len(vary),
        "correlation": float(np.median(each)),
        "correlation of the mean at the cell's library size": float(np.median(by_mean)),
        "R2 over that mean": float(1 - ((found - truth) ** 2).sum() / ((mean - truth) ** 2).sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=sorted(COHORTS))
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    source = Path(os.environ.get("MULTIMIL_REAL_DATA") or default).resolve()
    names = [arguments.only] if arguments.only else list(COHORTS)[: 1 if arguments.quick else None]
    rows: dict[str, dict] = {}
    for name in names:
        spec = COHORTS[name]
        with tempfile.TemporaryDirectory() as folder:
            files = split(source / spec["file"], spec, Path(folder))
            reference = files.pop("reference")
            start = time.perf_counter()
            fit, latent = reference_fit(reference, spec, Path(folder) / "stores", 15 if arguments.quick else None)
            print(f"\n{name}: reference of {len(fit.reference.latent):,} cells, {time.perf_counter() - start:.0f} s")
            for modalities, file in files.items():
                found = query_figures(file, fit, Path(folder) / "stores")
                print(f"  {modalities:12s}" + "".join(f"{key} {_words(value):9s}" for key, value in found.items()))
                rows[f"{name}: {modalities}"] = {
                    "ours": found["nearest"],
                    "peer": None,
                    "ratio": None,
                    "unit": "accuracy",
                    **found,
                }
            imputed = imputation_figures(source / spec["file"], reference, fit, latent, spec["impute"])
            for key, value in imputed.items():
                print(f"  imputed {spec['impute']}: {key} {_words(value)}")
            if imputed:
                rows[f"{name}: imputed {spec['impute']}"] = {
                    "ours": imputed["correlation"],
                    "peer": None,
                    "ratio": None,
                    "unit": "correlation",
                    **imputed,
                }
    if arguments.json:
        print(json.dumps(rows))


def _words(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
