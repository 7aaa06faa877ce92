"""Our side of integration_speed.py: trains an epoch per line on standard input and tells what it cost."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch

from multimil_gui.core.batches import CellSource
from multimil_gui.core.integration import CovariateData, ModalityData, design_of, fit_integration
from multimil_gui.core.objective import losses
from multimil_gui.core.options import Device, IntegrateOptions, Likelihood
from multimil_gui.core.reporter import Progress, SilentReporter
from multimil_gui.core.vae import MultimodalVAE


class Turns(SilentReporter):
    """Tells the cost of the epoch that ended and waits for the next turn."""

    def __init__(self) -> None:
        super().__init__()
        sys.stdin.readline()
        self._start = time.process_time()

    def progress(self, progress: Progress) -> None:
        print(json.dumps({"cpu": time.process_time() - self._start, "epoch": progress.done}), flush=True)
        sys.stdin.readline()
        self._start = time.process_time()


def inputs(folder: Path, which: np.ndarray) -> tuple[list[ModalityData], list[CovariateData]]:
    counts, cells = sp.load_npz(folder / "counts.npz")[which], np.load(folder / "cells.npz")
    rows = np.arange(which.sum())
    modalities = [
        ModalityData("rna", counts, rows, Likelihood.NB),
        ModalityData("adt", cells["proteins"][which], rows, Likelihood.NORMAL),
    ]
    return modalities, [CovariateData("batch", cells["batch"][which], 4)]


def main(folder: Path, name: str, epochs: int, batch_size: int) -> None:
    torch.set_num_threads(1)
    held_out = np.load(folder / "cells.npz")["held_out"]
    own = {"epochs": epochs, "validation_fraction": 0, "device": Device.CPU}
    if batch_size:
        # The paper's network; larger batches take larger steps.
        rate = 1e-3 * (batch_size / 256) ** 0.5
        options = IntegrateOptions(preset="paired", batch_size=batch_size, learning_rate=rate, **own)
    else:
        options = IntegrateOptions(**own)
    modalities, covariates = inputs(folder, ~held_out)
    fit = fit_integration(modalities, int((~held_out).sum()), covariates, options, held_out[~held_out], Turns())
    modalities, covariates = inputs(folder, held_out)
    source = CellSource(modalities, int(held_out.sum()), covariates, (), torch.device("cpu"))
    model = MultimodalVAE.from_arrays(design_of(modalities, covariates), options, fit.weights, torch.device("cpu"))
    with torch.no_grad():
        found = losses(model, source.batch(np.arange(source.n_cells)), None)
    np.save(folder / f"{name}.npy", found.z.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak": peak} | {key: float(v) / found.n for key, v in found.reconstruction.items()}), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
