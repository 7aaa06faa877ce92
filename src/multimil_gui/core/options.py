"""Options of the two models: the same classes make the recipe's sections, the forms and the training calls.

Every field says what it does, its unit, and when to change it: the description is the tooltip. Fields marked
``advanced`` are collapsed in the forms. Defaults are Table 1 of Litinetskaya et al. (bioRxiv 2024.07.29.605625)
unless the class or the description says otherwise.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Base of every recipe section: frozen, strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False)


class Likelihood(StrEnum):
    """How a modality's values are modelled by its decoder."""

    NORMAL = "normal"
    NB = "nb"


class Pooling(StrEnum):
    """How a sample's cells become one vector."""

    GATED_ATTENTION = "gated_attention"
    ATTENTION = "attention"
    MEAN = "mean"
    MAX = "max"


class Device(StrEnum):
    """Where the model is trained."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def option(default: Any, title: str, description: str, *, advanced: bool = False, **limits: Any) -> Any:
    """Return a pydantic field with its form title and tooltip."""
    return Field(default, title=title, description=description, json_schema_extra={"advanced": advanced}, **limits)


class IntegrateOptions(Options):
    """Integration: the conditional multimodal VAE with a product of experts (method section 1).

    Learning rate, KL weight, layers and dropout are chosen for cohorts of some thousand cells per modality, where the
    paper's values (1e-3, 1e-5, 1 and 0.2) leave weak states out of the latent space; each description names them.
    """

    n_latent: int = option(
        16, "Latent dimensions", "Size of the integrated space. Raise to 20-32 for large atlases.", ge=2, le=256
    )
    epochs: int = option(
        60,
        "Epochs",
        "Passes over all cells. Training stops earlier when the held-out loss no longer falls.",
        ge=1,
        le=5000,
    )
    batch_size: int = option(256, "Batch size", "Cells per optimiser step.", ge=2, le=65536)
    learning_rate: float = option(
        3e-3,
        "Learning rate",
        "Step size of the optimiser. The paper's 1e-3 suits atlases of 100,000 cells and more; lower it too if the "
        "loss jumps.",
        gt=0,
        le=1,
    )
    n_top_features: int = option(
        4000,
        "Most variable genes",
        "RNA genes kept for integration, chosen by their variability on the counts; 0 keeps all. 2000 for large atlases.",
        ge=0,
        le=100_000,
    )
    kl_weight: float = option(
        0.1,
        "KL weight",
        "Pull of the latent towards a standard normal. The paper's 1e-5 lets the latent dimensions spread freely; 1 "
        "switches weak ones off.",
        advanced=True,
        ge=0,
        le=10,
    )
    kl_anneal_fraction: float = option(
        1 / 3, "KL annealing", "Part of the epochs over which the KL weight rises from 0.", advanced=True, ge=0, le=1
    )
    n_hidden: int = option(
        128, "Hidden units", "Width of the encoders' and decoders' hidden layers.", advanced=True, ge=4, le=4096
    )
    n_layers: int = option(
        0,
        "Hidden layers",
        "Hidden layers of each encoder, one more in each decoder. The paper's 1 suits atlases.",
        advanced=True,
        ge=0,
        le=2,
    )
    dropout: float = option(
        0.0,
        "Dropout",
        "Part of the hidden units silenced in training. The paper's 0.2 hides weak states when there are few cells.",
        advanced=True,
        ge=0,
        lt=1,
    )
    covariate_dim: int = option(
        16, "Covariate dimensions", "Size of the learnt vector of each covariate level.", advanced=True, ge=1, le=256
    )
    condition_encoders: bool = option(
        True,
        "Tell encoders the covariates",
        "Gives the covariates to the encoders too; needed to map samples that lack a modality.",
        advanced=True,
    )
    patience: int = option(
        20,
        "Patience",
        "Epochs without a better held-out loss before training stops; 0 never stops early.",
        advanced=True,
        ge=0,
        le=5000,
    )
    validation_fraction: float = option(
        0.1,
        "Held-out part",
        "Part of the donors (of the cells when donors are few) that only measures the loss.",
        advanced=True,
        ge=0,
        le=0.5,
    )
    seed: int = option(
        0, "Seed", "Start of the random numbers; the same seed gives the same result.", advanced=True, ge=0
    )
    device: Device = option(Device.AUTO, "Device", "auto uses the GPU when there is one.", advanced=True)


class MILOptions(Options):
    """The multiple-instance head: from all cells of a sample to its phenotype (method section 3)."""

    pooling: Pooling = option(
        Pooling.GATED_ATTENTION,
        "Pooling",
        "How cells are combined. Gated attention learns which cells matter; mean treats all alike (a baseline).",
    )
    epochs: int = option(60, "Epochs", "Passes over all training samples.", ge=1, le=10_000)
    seeds: int = option(
        5,
        "Models per fold",
        "Models with different random starts that are averaged; their spread is the uncertainty.",
        ge=1,
        le=100,
    )
    cells_per_bag: int = option(
        128,
        "Cells per draw",
        "Cells of one sample seen together in training. Raise it when the disease cells are rarer than 1 %.",
        ge=2,
        le=100_000,
    )
    learning_rate: float = option(
        1e-2,
        "Learning rate",
        "Step size of the optimiser. Lower it if the training curve jumps.",
        advanced=True,
        gt=0,
        le=1,
    )
    weight_decay: float = option(
        1e-3, "Weight decay", "Pull of the weights towards 0; raise it for few donors.", advanced=True, ge=0, le=10
    )
    dropout: float = option(0.2, "Dropout", "Part of the hidden units silenced in training.", advanced=True, ge=0, lt=1)
    sample_noise: float = option(
        1.0,
        "Sample noise",
        "Moves each training sample at random, so that donors are not learnt by heart; 1 is the usual size, in "
        "proportion to the differences between samples of one class, 0 is none. Lower it with hundreds of donors.",
        advanced=True,
        ge=0,
        le=10,
    )
    n_hidden: int = option(128, "Hidden units", "Width of the classifier's hidden layer.", advanced=True, ge=2, le=4096)
    n_attention: int = option(
        16, "Attention units", "Width of the attention layer (q of eq 11 and 12).", advanced=True, ge=1, le=1024
    )
    cell_layer: bool = option(
        True, "Cell layer", "A small network applied to every cell before attention.", advanced=True
    )
    balanced: bool = option(
        True, "Balance classes", "Weighs each class alike in training, whatever its number of samples.", advanced=True
    )
    patience: int = option(
        15,
        "Patience",
        "Epochs without a better loss on held-out donors before training stops; 0 never stops early.",
        advanced=True,
        ge=0,
        le=10_000,
    )
    validation_fraction: float = option(
        0.2,
        "Held-out donors",
        "Part of the training donors that only decides when to stop; unused when a class would keep fewer than 3 donors.",
        advanced=True,
        ge=0,
        le=0.5,
    )
    device: Device = option(Device.AUTO, "Device", "auto uses the GPU when there is one.", advanced=True)
