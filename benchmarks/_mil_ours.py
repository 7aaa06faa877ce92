"""Our side of the benchmarks of the multiple-instance head; see _mil_sides.py."""

from __future__ import annotations

import json
import resource
import sys
import time

import numpy as np
import torch

from multimil_gui.core.mil import Bags, BagTarget, fit_mil, predict_mil
from multimil_gui.core.options import Device, MILOptions, TargetKind
from multimil_gui.core.reporter import SilentReporter


def speed(file: str, epochs: int, models: int) -> dict:
    """Train on all samples of a file for so many passes."""
    cohort = np.load(file)
    bags, label = Bags(cohort["offsets"]), cohort["label"]
    options = MILOptions(epochs=epochs, seeds=models, patience=0, device=Device.CPU)
    target = (BagTarget(TargetKind.CLASSIFICATION, label, 2),)
    every, nobody = np.ones(bags.n_bags, bool), np.zeros((models, bags.n_bags), bool)
    wall, cpu = time.perf_counter(), time.process_time()
    fit_mil(cohort["latent"], bags, target, every, nobody, options, 0, "speed", SilentReporter())
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def fold(file: str, fold: int, options: dict, out: str) -> dict:
    """Train without the samples of a fold, early stopping on held-out donors; predict them."""
    cohort = np.load(file)
    bags, label = Bags(cohort["offsets"]), cohort["label"]
    train = cohort["fold"] != fold
    target = (BagTarget(TargetKind.CLASSIFICATION, label, 2),)
    settings = MILOptions(device=Device.CPU, **options)
    held_out = cohort["held_out"][fold][: settings.seeds]
    cpu = time.process_time()
    fit = fit_mil(cohort["latent"], bags, target, train, held_out, settings, fold, "fold", SilentReporter())
    cpu = time.process_time() - cpu
    said = predict_mil(fit, cohort["latent"], bags, ~train, target, settings)
    case, attention = said.targets[0].probability[:, :, 1].mean(axis=0), said.attention.mean(axis=0)
    np.savez(out, case=case, attention=attention)
    return {"cpu": cpu, "epochs": len(fit.train)}


def main() -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        request = json.loads(line)
        done = {"speed": speed, "fold": fold}[request.pop("do")](**request)
        print(json.dumps(done | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    main()
