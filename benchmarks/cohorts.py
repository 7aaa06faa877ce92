"""Every measured cohort through ``multimil-gui run``: held-out figures beside the simple models in the same folds.

The cohorts are not part of the repository: set MULTIMIL_REAL_DATA to their folder. ``--only NAME`` runs one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tomli_w

COMMON = {"sample": "sample_id", "donor": "donor"}


def recipe(file: str, data: dict, target: dict, folds: int, **sections: dict) -> dict:
    return {
        "data": {"path": file, **COMMON, **data},
        "target": {"column": "condition", **target},
        "cv": {"folds": folds},
    } | sections


COHORTS = {
    "covid, 20 donors, given PCA": recipe(
        "covid_stephenson_20donors_pca.h5ad",
        {"cell_type": "cell_type"},
        {"reference": "Healthy"},
        4,
        latent={"use": "X_pca"},
    ),
    "covid, 6 donors, given embedding": recipe(
        "covid_stephenson_6donors_multimil_example.h5ad",
        {"cell_type": "cell_type"},
        {"reference": "Healthy"},
        3,
        latent={"use": "X"},
    ),
    "IFN-beta, 8 donors, from counts": recipe(
        "kang2018_ifnb_16samples_counts.h5ad",
        {"cell_type": "cell_type"},
        {"reference": "ctrl"},
        4,
        integrate={"n_top_features": 2000},
    ),
    "glioblastoma, 5 donors, from counts": recipe(
        "glioblastoma_5patients_2conditions_counts.h5ad",
        {"cell_type": "cluster", "covariates": ["donor"]},
        {"reference": "ctrl"},
        5,
        integrate={},
    ),
    "OneK1K, 40 healthy donors, nothing to find": recipe(
        "onek1k_40donors_4celltypes_counts.h5ad", {"cell_type": "cell_type"}, {"reference": "under70"}, 5, integrate={}
    ),
    "proteins, B-ALL against healthy": recipe(
        "adt_76samples_68k_cells_umap.h5ad",
        {"cell_type": "cell_type_l1"},
        {"reference": "Healthy", "ignore": ["HIV Vaccine", "Lupus", "AML", "MALTtumor"]},
        4,
        latent={"use": "X_clr"},
    ),
}


def run(name: str, folder: Path, work: Path) -> dict:
    spec = COHORTS[name]
    spec["data"]["path"] = str(folder / spec["data"]["path"])
    path, out = work / "recipe.toml", work / "out"
    path.write_text(tomli_w.dumps(spec))
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "multimil_gui", "run", str(path), "--out", str(out)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    report = json.loads((out / "report.json").read_text())
    return {"seconds": time.perf_counter() - start, "report": report}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(COHORTS))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = Path(os.environ["MULTIMIL_REAL_DATA"]).resolve()
    figures = {}
    for name in [arguments.only] if arguments.only else COHORTS:
        with tempfile.TemporaryDirectory() as work:
            figures[name] = run(name, folder, Path(work))
        report = figures[name]["report"]
        print(f"\n{name}: {figures[name]['seconds']:.0f} s")
        for model in [{"name": "MultiMIL", "metrics": report["metrics"]}, *report["baselines"]]:
            metrics = "  ".join(
                f"{key} {value['value']:.2f} ({value['low']:.2f}-{value['high']:.2f})"
                for key, value in model["metrics"].items()
            )
            print(f"  {model['name']:42s} {metrics}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
