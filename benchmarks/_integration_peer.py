"""The peer's side of integration_speed.py (multimil 0.2.0): as ours, in the peer's own environment."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytorch_lightning
import scipy.sparse as sp
import torch

warnings.filterwarnings("ignore")


class Turns(pytorch_lightning.Callback):
    """Tells the cost of the epoch that ended and waits for the next turn."""

    def on_train_start(self, *_: object) -> None:
        sys.stdin.readline()
        self._start = time.process_time()

    def on_train_epoch_end(self, trainer: pytorch_lightning.Trainer, *_: object) -> None:
        print(json.dumps({"cpu": time.process_time() - self._start, "epoch": trainer.current_epoch + 1}), flush=True)
        sys.stdin.readline()
        self._start = time.process_time()


def main(folder: Path, name: str, epochs: int, batch_size: int) -> None:
    import multimil

    torch.set_num_threads(1)
    counts, cells = sp.load_npz(folder / "counts.npz").astype(np.float32), np.load(folder / "cells.npz")
    held_out = cells["held_out"]
    obs = pd.DataFrame({"batch": cells["batch"].astype(str)}, index=[f"c{i}" for i in range(len(held_out))])
    rna = anndata.AnnData(counts, obs=obs)
    adt = anndata.AnnData(cells["proteins"], obs=obs)
    adt.var_names = [f"p{i}" for i in range(adt.n_vars)]
    train = multimil.data.organize_multimodal_anndatas([[rna[~held_out].copy()], [adt[~held_out].copy()]])
    multimil.model.MultiVAE.setup_anndata(train, categorical_covariate_keys=["batch"], rna_indices_end=rna.n_vars)
    model = multimil.model.MultiVAE(
        train, losses=["nb", "mse"], z_dim=16, condition_encoders=True, loss_coefs={"kl": 1e-5, "integ": 0}
    )
    model.train(
        max_epochs=epochs,
        lr=1e-3,
        batch_size=batch_size,
        train_size=1.0,
        early_stopping=False,
        save_best=False,
        use_gpu=False,
        callbacks=[Turns()],
        enable_progress_bar=False,
    )
    module = model.module.eval()
    order = sorted(set(cells["batch"]).union(), key=str)
    with torch.no_grad():
        x = torch.cat([torch.from_numpy(counts[held_out].toarray()), torch.from_numpy(cells["proteins"][held_out])], 1)
        covariate = torch.tensor([[order.index(b)] for b in cells["batch"][held_out]])
        mean = module.inference(x, covariate.float(), None)["mu"]
        shares, proteins = module.generative(mean, covariate.float(), None)["rs"]
        library = torch.from_numpy(np.asarray(counts[held_out].sum(axis=1)))
        theta = module.theta.T[torch.zeros(len(x), dtype=torch.long)].exp()
        odds = (shares * library / theta).log()
        log_p = torch.distributions.NegativeBinomial(total_count=theta, logits=odds).log_prob(x[:, : rna.n_vars])
        losses = {
            "rna": float(-log_p.sum(1).mean()),
            "adt": float((proteins - x[:, rna.n_vars :]).square().sum(1).mean()),
        }
    np.save(folder / f"{name}.npy", mean.numpy())
    print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024} | losses), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
