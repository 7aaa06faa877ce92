"""Does the head find what was planted? Held-out figures, ours and the authors' package at the same processor time.

Cohorts of 30 donors with two samples each, half of the donors cases, cells in random order in the file: a rare state (3 %
of the cases' cells), one cell type that moves a little, one that is more frequent, or nothing. Whole donors are held out (3
folds). Given are the AUROC over samples, that of the attention on the planted cells (mean over samples that have some), and
what a model reaches that knows the planted cells. Ours trains its five models with early stopping on held-out donors; the
peer gets the processor time that this took, fold by fold (``--generous``: ten times as much), its defaults, and its cells
sorted by sample, without which its attention belongs to other cells.

The peer runs in an environment of its own, Python 3.11, given by --peer or MULTIMIL_PEER_PYTHON; without it ours runs alone:

    pip install multimil==0.2.0 torch "numpy<2" "pandas<2.3" anndata==0.10.9 "setuptools<80" requests jax==0.4.35
        jaxlib==0.4.35 "flax<0.10" "orbax-checkpoint<0.10" "numpyro<0.17" "chex<0.1.89" "optax<0.2.5"

``--quick`` takes smaller samples and one cohort of each kind (under 2 minutes on an idle machine). ``--json`` ends with one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np
from _mil_sides import PEER_HELP, Side, peer_python, planted_cohorts, row
from sklearn.metrics import roc_auc_score

FOLDS, MODELS = 3, 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peer", default=peer_python(), help=PEER_HELP)
    parser.add_argument("--generous", action="store_true", help="ten times our processor time for the peer")
    parser.add_argument("--cohorts", type=int, help="cohorts of each kind")
    parser.add_argument("--seed", type=int, default=1000, help="of the first cohort")
    parser.add_argument("--options", type=json.loads, default={}, help="options of our head, as JSON")
    arguments = parser.parse_args()
    n = arguments.cohorts or (1 if arguments.quick else 4)
    cells = (300, 600) if arguments.quick else (500, 1000)
    report = run(range(arguments.seed, arguments.seed + n), cells, arguments)
    tell(report, n)
    if arguments.json:
        print(json.dumps(report))
    return 0


def write_cohort(path: Path, plant: object, seed: int, cells: tuple[int, int]) -> object:
    """Make a cohort in random order, sort its cells by sample as our data layer does, and write it with its folds."""
    generator = planted_cohorts()
    cohort = generator.planted_cohort(plant, cells=cells, seed=seed)
    sample = np.repeat(np.arange(cohort.bags.n_bags), cohort.bags.sizes)
    shuffled = np.random.default_rng([seed, 1]).permutation(len(sample))
    order = shuffled[np.argsort(sample[shuffled], kind="stable")]
    fold = generator.donor_folds(cohort, FOLDS, seed)
    held_out = np.stack([generator.held_out_samples(cohort, fold != f, 0.2, MODELS, seed) for f in range(FOLDS)])
    np.savez(
        path,
        latent=cohort.latent[order],
        offsets=cohort.bags.offsets,
        label=cohort.label,
        truth=cohort.truth[order],
        known=cohort.known,
        fold=fold,
        held_out=held_out,
    )
    return np.load(path)


def judged(cohort: dict, outs: list[Path]) -> dict[str, float]:
    """Return the held-out AUROC over samples and over the planted cells."""
    case, attention = np.zeros(len(cohort["label"])), np.zeros(len(cohort["latent"]))
    sizes = np.diff(cohort["offsets"])
    for fold, out in enumerate(outs):
        said, mine = np.load(out), cohort["fold"] == fold
        case[mine] = said["case"]
        attention[np.repeat(mine, sizes)] = said["attention"]
    bounds = list(zip(cohort["offsets"][:-1], cohort["offsets"][1:], strict=True))
    found = [
        roc_auc_score(cohort["truth"][a:b], attention[a:b]) for a, b in bounds if 0 < cohort["truth"][a:b].sum() < b - a
    ]
    return {
        "samples": float(roc_auc_score(cohort["label"], case)),
        "cells": float(np.mean(found)) if found else np.nan,
    }


def run(seeds: range, cells: tuple[int, int], arguments: argparse.Namespace) -> dict[str, dict]:
    """Return name -> ours, peer, ratio, unit; means over the cohorts."""
    report: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        ours = Side(sys.executable, "_mil_ours.py", folder)
        peer = Side(arguments.peer, "_mil_peer.py", folder) if arguments.peer else None
        for plant in planted_cohorts().Plant:
            scores: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
            ceiling: list[float] = []
            passes: dict[str, list[float]] = {"ours": [], "peer": [], "seconds": []}
            for seed in seeds:
                file = folder / "cohort.npz"
                cohort = dict(write_cohort(file, plant, seed, cells))
                ceiling.append(roc_auc_score(cohort["label"], cohort["known"]))
                outs = {side: [folder / f"{side}{fold}.npz" for fold in range(FOLDS)] for side in scores}
                for fold in range(FOLDS):
                    asked = {"do": "fold", "file": str(file), "fold": fold}
                    mine = ours.ask(**asked, options=arguments.options, out=str(outs["ours"][fold]))
                    passes["ours"].append(mine["epochs"])
                    passes["seconds"].append(mine["cpu"])
                    if peer:
                        budget = mine["cpu"] * (10 if arguments.generous else 1)
                        theirs = peer.ask(**asked, budget=budget, out=str(outs["peer"][fold]))
                        passes["peer"].append(theirs["epochs"])
                scores["ours"].append(judged(cohort, outs["ours"]))
                if peer:
                    scores["peer"].append(judged(cohort, outs["peer"]))
            name = plant.name.lower()
            for what, words in (("samples", "AUROC of samples"), ("cells", "AUROC of attention on the planted cells")):
                mean = {side: float(np.mean([s[what] for s in found])) for side, found in scores.items() if found}
                if np.isfinite(mean["ours"]):
                    report[f"{name}, {words}"] = row(mean["ours"], mean.get("peer"), "1")
            if name == "none":
                # Nothing to find: 0.5 is right, and neither side is better than the other.
                report[f"{name}, AUROC of samples"]["ratio"] = None
            else:
                report[f"{name}, of a model that knows them"] = row(float(np.mean(ceiling)), None, "1")
            report[f"{name}, passes of a model"] = row(
                np.mean(passes["ours"]), np.mean(passes["peer"]) if peer else None, "1"
            )
            report[f"{name}, processor time of a fold"] = row(np.mean(passes["seconds"]), None, "s")
        ours.close()
        if peer:
            peer.close()
    return report


def tell(report: dict[str, dict], n: int) -> None:
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"means of {n} cohorts a kind"
    )
    print(f"{'':58}{'ours':>8}{'peer':>8}{'ratio':>8}")
    for name, line in report.items():
        words = ["-" if line[key] is None else f"{line[key]:.3f}" for key in ("ours", "peer", "ratio")]
        print(f"{name:58}{words[0]:>8}{words[1]:>8}{words[2]:>8}")
    if all(line["peer"] is None for line in report.values()):
        print("The peer was not run: give its Python with --peer.")


if __name__ == "__main__":
    sys.exit(main())
