"""The peer's side of the benchmarks of the multiple-instance head (multimil 0.2.0); see _mil_sides.py.

The peer needs its cells sorted by sample (in any other order its attention is written to the wrong cells): they are here.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
import warnings

import anndata
import numpy as np
import pandas as pd
import pytorch_lightning
import torch

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

HOW = {"early_stopping": False, "save_best": False, "use_gpu": False, "train_size": 1.0, "enable_progress_bar": False}


class Budget(pytorch_lightning.Callback):
    """Stops training when so much processor time is spent, in the middle of an epoch if need be."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.epochs = 0.0

    def on_train_start(self, *_: object) -> None:
        self._start = time.process_time()

    def on_train_batch_end(self, trainer: pytorch_lightning.Trainer, *_: object) -> None:
        if time.process_time() - self._start > self._seconds:
            trainer.should_stop = True
            trainer.limit_train_batches = trainer.fit_loop.epoch_loop.batch_idx + 1
        self.epochs = trainer.global_step / max(trainer.num_training_batches, 1)


def as_anndata(cohort: dict, which: np.ndarray) -> anndata.AnnData:
    """Return the cells of the samples marked in ``which``."""
    sizes = np.diff(cohort["offsets"])
    sample, disease = (np.repeat(values, sizes) for values in (np.arange(len(sizes)), cohort["label"]))
    here = np.repeat(which, sizes)
    obs = pd.DataFrame(
        {
            "sample": pd.Categorical([f"s{number:04d}" for number in sample[here]]),
            "disease": pd.Categorical([f"d{number}" for number in disease[here]]),
        },
        index=[f"c{number}" for number in np.flatnonzero(here)],
    )
    return anndata.AnnData(cohort["latent"][here], obs=obs)


def model_of(data: anndata.AnnData) -> object:
    import multimil

    kind = multimil.model.MILClassifier
    kind.setup_anndata(data, categorical_covariate_keys=["disease", "sample"])
    return kind(data, sample_key="sample", classification=["disease"], z_dim=data.n_vars)


def speed(file: str, epochs: int, models: int) -> dict:
    """Train on all samples of a file for so many passes; the package trains one model."""
    assert models == 1
    cohort = dict(np.load(file))
    model = model_of(as_anndata(cohort, np.ones(len(cohort["label"]), bool)))
    wall, cpu = time.perf_counter(), time.process_time()
    model.train(max_epochs=epochs, **HOW)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def fold(file: str, fold: int, budget: float, out: str) -> dict:
    """Train without the samples of a fold for a budget of processor time, with the package's defaults; predict them."""
    import multimil

    cohort = dict(np.load(file))
    train = cohort["fold"] != fold
    model = model_of(as_anndata(cohort, train))
    watch = Budget(budget)
    cpu = time.process_time()
    model.train(max_epochs=200, callbacks=[watch], **HOW)
    cpu = time.process_time() - cpu
    test = as_anndata(cohort, ~train)
    multimil.model.MILClassifier.load_query_data(test, model).get_model_output()
    case = test.obsm["full_predictions_disease"]["d1"].groupby(test.obs["sample"].to_numpy()).mean()
    np.savez(out, case=case.to_numpy(), attention=test.obs["cell_attn"].to_numpy())
    return {"cpu": cpu, "epochs": watch.epochs}


def main() -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        request = json.loads(line)
        done = {"speed": speed, "fold": fold}[request.pop("do")](**request)
        print(json.dumps(done | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


if __name__ == "__main__":
    main()
