"""Mosaics, cells of which some lack a modality: the scIB table with and without MMD, with and without modality covariate.

Three measured cohorts, not part of the repository (set MULTIMIL_REAL_DATA to their folder, else ../shared/data is
taken). In two of them every cell with a known type has the same modalities, so a random third of these cells keeps the
first alone, a third the second alone; the WNN mosaic is taken as it was measured. The modality covariate is a column that
says which modalities a cell has, given to the model like a batch. The presets standard and mosaic run with the weight of
the marginal MMD at 0 and at the paper's 4000, on the 2,000 most variable genes and 5,000 peaks of at most 4,000 cells a
cohort (``--cells``, 0 takes all).

``--quick`` runs the small cohort for a few epochs; ``--only NAME`` runs one. ``--json`` ends with one JSON object. There
is no peer beside ours: the authors' package cannot integrate a mosaic with a current anndata. For comparison, their paper
reports a total of .770 (GLUE .747) on a mosaic of bone marrow, with Leiden clusters where these figures use k-means.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from itertools import product
from pathlib import Path

import numpy as np

from multimil_gui.analysis.scib import SHOWN, score_integration
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file
from multimil_gui.data.store import Store
from multimil_gui.jobs.integrate import integrate
from multimil_gui.jobs.pipeline import cohort_of
from multimil_gui.jobs.recipe import Recipe

PEAKS = {"matrix": "X", "likelihood": "bernoulli", "n_top_features": 5000}
COUNTS = {"matrix": "X", "likelihood": "nb"}
PROTEINS = {"matrix": "X", "likelihood": "normal"}

COHORTS = {
    "PBMC WNN, RNA + proteins, 4 donors": {
        "file": "pbmc_wnn_mosaic_4donors_rna_adt.h5mu",
        "donor": "donor",
        "batch": None,
        "modalities": {"rna": COUNTS, "adt": PROTEINS},
        "hide": False,
    },
    "PBMC 10k and 5k, RNA + proteins": {
        "file": "pbmc10k_5k_cite_mosaic_rna_adt.h5mu",
        "donor": "donor",
        "batch": "batch",
        "modalities": {"rna": COUNTS, "adt": PROTEINS},
        "hide": True,
    },
    "mouse cortex, RNA + chromatin, 12 libraries": {
        "file": "mouse_cortex_snareseq_12libraries_rna_atac.h5mu",
        "donor": None,
        "batch": "batch",
        "modalities": {"rna": COUNTS, "atac": PEAKS},
        "hide": True,
    },
}
UNKNOWN = {"unlabelled", "other", "Mis"}
"""Names that stand for cells without a type."""

MMD = (0.0, 4000.0)
METRICS = [name for name in SHOWN if name not in ("bio", "batch")]


def mosaic(path: Path, hide: bool, cells: int, folder: Path) -> Path:
    """Write the cohort as a mosaic, with a column of what each cell has; cells of unknown type have no type.

    Of a cohort with more than ``cells`` cells so many are drawn at random; 0 keeps all.
    """
    import mudata

    with warnings.catch_warnings(), mudata.set_options(pull_on_update=False):
        warnings.simplefilter("ignore")
        data = mudata.read_h5mu(path)
        first, second = data.mod
        names = data.obs_names
        has = {name: np.isin(names, data.mod[name].obs_names) for name in (first, second)}
        rng = np.random.default_rng(0)
        if 0 < cells < len(names):
            drawn = rng.permutation(len(names)) < cells
            has = {name: rows & drawn for name, rows in has.items()}
        if hide:
            third = rng.integers(0, 3, len(names))
            both = has[first] & has[second]
            has = {first: has[first] & ~(both & (third == 1)), second: has[second] & ~(both & (third == 2))}
        cell_type = data.obs["cell_type"].astype(str)
        obs = data.obs[["sample_id", *(c for c in ("donor", "batch") if c in data.obs)]].copy()
        obs["cell_type"] = cell_type.where(~cell_type.isin(UNKNOWN)).astype("category")
        obs["modalities"] = np.where(has[first], np.where(has[second], "both", first), second)
        parts = {}
        for name, rows in has.items():
            part = data.mod[name]
            parts[name] = part[np.isin(part.obs_names, names[rows])].copy()
            parts[name].obs = parts[name].obs[[]]
        out = mudata.MuData(parts)
        out.obs = obs.loc[out.obs_names]
        out.write(folder / path.name)
    return folder / path.name


def recipe(spec: dict, preset: str, mmd: float, covariate: bool, quick: bool) -> Recipe:
    covariates = [*([spec["batch"]] if spec["batch"] else []), *(["modalities"] if covariate else [])]
    return Recipe.model_validate(
        {
            "data": {
                "path": spec["file"],
                "sample": "sample_id",
                "donor": spec["donor"],
                "cell_type": "cell_type",
                "covariates": covariates,
                "modalities": spec["modalities"],
            },
            "analysis": {"integration_metrics": False},
            "integrate": {"preset": preset, "n_top_features": 2000, "mmd_marginal_weight": mmd}
            | ({"epochs": 10} if quick else {}),
        }
    )


def figures(name: str, store: Store, quick: bool) -> dict[str, dict]:
    """Return the metrics of every variant of one cohort."""
    rows = {}
    print(f"\n{name}\n{'':44s}" + "".join(f"{SHOWN[metric][0]:>22s}" for metric in METRICS) + f"{'seconds':>10s}")
    for preset, mmd, covariate in product(("standard", "mosaic"), MMD, (False, True)):
        settings = recipe(COHORTS[name], preset, mmd, covariate, quick)
        cohort = cohort_of(settings, store)
        start = time.perf_counter()
        result = integrate(settings, cohort, SilentReporter())
        seconds = time.perf_counter() - start
        # The same batches for every variant, whatever its covariates.
        batch = store.labelling(COHORTS[name]["batch"] or "donor").codes
        found = score_integration(result.latent, cohort, batch, result.modalities, 0, SilentReporter()).plain()
        row = f"{preset}, MMD {mmd:g}, modality covariate {'yes' if covariate else 'no'}"
        values = "".join(f"{'' if found[metric] is None else format(found[metric], '.3f'):>22s}" for metric in METRICS)
        print(f"  {row:42s}{values}{seconds:10.0f}", flush=True)
        rows[f"{name}: {row}"] = {
            "ours": found["total"],
            "peer": None,
            "ratio": None,
            "unit": "scIB total",
            "seconds": round(seconds, 1),
            "metrics": {metric: found[metric] for metric in METRICS},
        }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=sorted(COHORTS))
    parser.add_argument("--cells", type=int, default=4000)
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    source = Path(os.environ.get("MULTIMIL_REAL_DATA") or default).resolve()
    chosen = [arguments.only] if arguments.only else list(COHORTS)[:1] if arguments.quick else list(COHORTS)
    rows: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            spec = COHORTS[name]
            path = mosaic(source / spec["file"], spec["hide"], arguments.cells, Path(folder))
            store = import_file(path, Path(folder) / "stores", SilentReporter())
            rows |= figures(name, store, arguments.quick)
    if arguments.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
