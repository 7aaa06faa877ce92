"""Options of the two models: the same classes make the recipe's sections, the forms and the training calls.

Every field says what it does, its unit, and when to change it: the description is the tooltip. Fields marked
``advanced`` are collapsed in the forms. Defaults are Table 1 of Litinetskaya et al. (bioRxiv 2024.07.29.605625)
unless the class or the description says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Options(BaseModel):
    """Base of every recipe section: frozen, strict about unknown keys.

    Attributes
    ----------
    groups
        Headings of the advanced fields in a form, each with its fields; fields of no group come first.
    """

    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False)


class Choice(StrEnum):
    """One of several values of an option: written in recipes as its value, shown on screen in words.

    Attributes
    ----------
    words
        The value in words; the value itself, without underscores, when none are given.
    """

    words: str

    def __new__(cls, value: str, words: str = "") -> Self:
        """Make a member from its value and, where the value does not say it, its words."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words or value.replace("_", " ")
        return member


class Likelihood(Choice):
    """How a modality's values are modelled by its decoder."""

    NORMAL = "normal"
    NB = "nb", "negative binomial"
    ZINB = "zinb", "zero-inflated negative binomial"
    BERNOULLI = "bernoulli", "on or off (Bernoulli)"

    @property
    def of_counts(self) -> bool:
        """Whether raw counts are modelled (Bernoulli sees them as present or absent)."""
        return self is not Likelihood.NORMAL


class Dispersion(Choice):
    """What shares one inverse dispersion theta of the negative binomial."""

    FEATURE = "feature", "per gene"
    FEATURE_BATCH = "feature_batch", "per gene and batch"


class Activation(Choice):
    """Nonlinearity of the hidden layers."""

    LEAKY_RELU = "leaky_relu", "leaky ReLU"
    TANH = "tanh"


class Preset(Choice):
    """Sets of integration options for common designs; a value given beside it wins."""

    STANDARD = "standard"
    PAIRED = "paired"
    MOSAIC = "mosaic"
    CITESEQ_LARGE = "citeseq_large", "large CITE-seq"


class TargetKind(Choice):
    """What kind of phenotype is predicted."""

    CLASSIFICATION = "classification"
    ORDINAL = "ordinal"
    REGRESSION = "regression"


class OrdinalLoss(Choice):
    """How ordered classes are learnt."""

    RANK = "rank"
    CUMULATIVE = "cumulative", "thresholds"


class SampleWeight(Choice):
    """How much a sample counts in training."""

    EQUAL = "equal", "all the same"
    CELLS = "cells", "by their cells"


class Training(Choice):
    """Whether the latent space is learnt before the prediction or together with it."""

    TWO_STEP = "two_step", "two steps"
    END_TO_END = "end_to_end"


class Pooling(Choice):
    """How a sample's cells become one vector."""

    GATED_ATTENTION = "gated_attention"
    ATTENTION = "attention"
    MEAN = "mean"
    MAX = "max"
    SUM = "sum"


class Device(Choice):
    """Where the model is trained."""

    AUTO = "auto", "automatic"
    CPU = "cpu", "processor"
    CUDA = "cuda", "graphics card"


def option(default: Any, title: str, description: str, *, advanced: bool = False, **limits: Any) -> Any:
    """Return a pydantic field with its form title and tooltip."""
    return Field(default, title=title, description=description, json_schema_extra={"advanced": advanced}, **limits)


MMD_GAMMAS = (
    *(1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
    *(1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0),
    *(1e2, 1e3, 1e4, 1e5, 1e6),
)
"""Widths of the MMD kernel (eq 5), the 19 values of the reference implementation."""

PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    Preset.STANDARD: {},
    Preset.PAIRED: {
        "batch_size": 256,
        "learning_rate": 1e-3,
        "kl_weight": 1e-5,
        "n_layers": 1,
        "dropout": 0.2,
        "epochs": 200,
    },
    Preset.MOSAIC: {
        "batch_size": 256,
        "learning_rate": 1e-3,
        "kl_weight": 1e-2,
        "n_layers": 1,
        "dropout": 0.2,
        "epochs": 200,
        "mmd_marginal_weight": 4000.0,
    },
    Preset.CITESEQ_LARGE: {
        "batch_size": 256,
        "learning_rate": 1e-4,
        "kl_weight": 0.1,
        "n_latent": 20,
        "n_layers": 1,
        "dropout": 0.2,
        "n_top_features": 2000,
        "epochs": 200,
    },
}
"""What each preset changes from the defaults (Table 1 and the presets of the paper)."""


class IntegrateOptions(Options):
    """Integration: the conditional multimodal VAE with a product of experts (method section 1).

    Learning rate, KL weight, layers and dropout are chosen for cohorts of some thousand cells per modality, where the
    paper's values (1e-3, 1e-5, 1 and 0.2) leave weak states out of the latent space, the batch size for speed; each
    description names the paper's.
    """

    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "What is pulled together": (
            *("kl_weight", "kl_anneal_fraction", "mmd_latent_weight", "mmd_marginal_weight", "mmd_unbiased"),
            "mmd_gammas",
        ),
        "Network": (
            *("dispersion", "activation", "n_hidden", "n_layers", "dropout", "covariate_dim", "condition_encoders"),
        ),
        "Training": ("patience", "validation_fraction", "seed", "device"),
    }

    preset: Preset = option(
        Preset.STANDARD,
        "Preset",
        "standard: cohorts of some thousand cells. paired, mosaic and citeseq_large are the paper's values: for cells "
        "with all modalities, for cells of which some lack one, and for large RNA and protein atlases. Values given "
        "beside it win.",
    )
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
    batch_size: int = option(
        512,
        "Batch size",
        "Cells per optimiser step. The paper's 256 takes up to 1.8 times as long for the same latent space; 1024 and "
        "more mix batches less well.",
        ge=2,
        le=65536,
    )
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
    mmd_latent_weight: float = option(
        0.0,
        "MMD between batches",
        "Pull that makes the latent of all levels of the first covariate alike (eq 5 to 9). Raise to 1-4000 when "
        "batches stay apart on the map; too high wipes out differences between donors.",
        advanced=True,
        ge=0,
        le=1e7,
    )
    mmd_marginal_weight: float = option(
        0.0,
        "MMD between modalities",
        "Pull that makes what the modalities say about the same cells alike. The paper uses 4000 when some cells lack "
        "a modality; 0 when all cells have all.",
        advanced=True,
        ge=0,
        le=1e7,
    )
    mmd_unbiased: bool = option(
        False,
        "Unbiased MMD",
        "Leaves each cell's distance to itself out of the MMD. Better for small batches, noisier.",
        advanced=True,
    )
    mmd_gammas: tuple[float, ...] = option(
        MMD_GAMMAS,
        "MMD kernel widths",
        "Gammas of the Gaussian kernels, in 1 / squared latent distance; the kernel is their mean. Keep the wide range "
        "unless you know the scale of the latent.",
        advanced=True,
        min_length=1,
    )
    dispersion: Dispersion = option(
        Dispersion.FEATURE,
        "Dispersion of counts",
        "feature: one inverse dispersion per gene. feature_batch: one per gene and level of the first covariate, for "
        "batches that differ in noise.",
        advanced=True,
    )
    activation: Activation = option(
        Activation.LEAKY_RELU, "Activation", "Nonlinearity of the hidden layers.", advanced=True
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

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, values: Any) -> Any:
        """Let the preset stand in for the values that are not given."""
        if not isinstance(values, dict) or "preset" not in values:
            return values
        try:
            preset = Preset(values["preset"])
        except ValueError:
            return values
        return {**PRESETS[preset], **values}


class MILOptions(Options):
    """The multiple-instance head: from all cells of a sample to its phenotype (method section 3)."""

    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Training": (
            *("learning_rate", "weight_decay", "dropout", "sample_noise", "whole_samples", "patience"),
            *("validation_fraction", "device"),
        ),
        "Phenotype": ("training", "lambda_class", "ordinal", "sample_weight", "balanced"),
        "Network": ("n_layers", "activation", "n_hidden", "n_attention", "cell_layer"),
    }

    pooling: Pooling = option(
        Pooling.GATED_ATTENTION,
        "Pooling",
        "How cells are combined. Gated attention learns which cells matter; mean treats all alike (a baseline); sum "
        "also tells how many cells there are, so prefer it only when that is meant.",
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
        "proportion to the differences between samples of one class, 0 is none. Lower it with hundreds of donors, and "
        "to predict a number from a few dozen.",
        advanced=True,
        ge=0,
        le=10,
    )
    training: Training = option(
        Training.TWO_STEP,
        "Training",
        "two_step: integrate first, then predict; the authors' advice, because the latent does not depend on labels, "
        "can be checked by itself and serves several questions. end_to_end: both together (eq 10), once per fold and "
        "much slower; try it when the phenotype's signal is lost in the integration.",
        advanced=True,
    )
    lambda_class: float = option(
        1.0,
        "Weight of the phenotype",
        "End-to-end training only: how much the prediction's loss counts beside the reconstruction (lambda-class of "
        "eq 10).",
        advanced=True,
        ge=0,
        le=1e6,
    )
    ordinal: OrdinalLoss = option(
        OrdinalLoss.RANK,
        "Ordered classes",
        "rank: squared error of the class's rank, rounded (the paper). cumulative: one threshold between neighbours, "
        "which gives probabilities; better when the classes are not evenly spaced or the donors few, where rank falls "
        "to the middle class.",
        advanced=True,
    )
    sample_weight: SampleWeight = option(
        SampleWeight.EQUAL,
        "Samples count",
        "equal: each sample the same. cells: in proportion to its cells, when small samples are unreliable.",
        advanced=True,
    )
    whole_samples: bool = option(
        False,
        "Train on whole samples",
        "Shows all cells of a sample at once instead of random draws. With some dozens of donors draws find rare states "
        "better; try it with hundreds of samples.",
        advanced=True,
    )
    n_layers: int = option(1, "Classifier layers", "Hidden layers of the classifier.", advanced=True, ge=1, le=3)
    activation: Activation = option(
        Activation.LEAKY_RELU, "Activation", "Nonlinearity of the hidden layers.", advanced=True
    )
    n_hidden: int = option(
        128, "Hidden units", "Width of the classifier's hidden layers.", advanced=True, ge=2, le=4096
    )
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


class FeatureChoice(Choice):
    """On what the most variable features are chosen."""

    COUNTS = "counts"
    LOG_NORMALISED = "log_normalised", "log-normalised values"


class Transform(Choice):
    """What is done to the counts of a modality before a normal likelihood sees them."""

    AUTO = "auto", "automatic"
    NONE = "none"
    LOG_NORMALISED = "log_normalised", "log-normalised"
    CLR_CELL = "clr_cell", "centred log-ratio per cell"
    CLR_PROTEIN = "clr_protein", "centred log-ratio per protein"
    TF_IDF = "tf_idf", "TF-IDF"


class PrepareOptions(Options):
    """Preprocessing of one modality (method section 1): recorded with the run, never written into the data."""

    n_top_features: int | None = option(
        None,
        "Most variable features",
        "How many features are kept, by their variability; 0 keeps all. Empty: what the model's options say for RNA, "
        "20,000 peaks of chromatin, all proteins.",
        advanced=True,
        ge=0,
        le=1_000_000,
    )
    feature_choice: FeatureChoice = option(
        FeatureChoice.COUNTS,
        "Variability of",
        "counts: variance of Pearson residuals (RNA) or of openness (chromatin). log_normalised: dispersion of "
        "log-normalised values, for matrices without counts.",
        advanced=True,
    )
    feature_batch: str | None = option(
        None,
        "Variable in every",
        "The obs column whose levels are ranked one by one, so that no batch alone decides; empty takes the first "
        "covariate.",
        advanced=True,
    )
    transform: Transform = option(
        Transform.AUTO,
        "Transform",
        "What a normal likelihood sees of counts. auto: log1p of counts per 10,000 for RNA and chromatin, centred "
        "log-ratio per cell for proteins. clr_protein centres each protein instead; tf_idf is for chromatin.",
        advanced=True,
    )
    drop_isotype_controls: bool = option(
        False,
        "Drop isotype controls",
        "Leaves out proteins whose name says isotype or control antibody; they measure background only.",
        advanced=True,
    )
    weight: float = option(
        1.0,
        "Weight",
        "How much the reconstruction of this modality counts (lambda of eq 4). Raise it for a modality with few "
        "features that is drowned by the others.",
        advanced=True,
        ge=0,
        le=1e6,
    )


class LabelTransfer(Choice):
    """How labels go from reference cells to new ones."""

    RANDOM_FOREST = "random_forest"
    NEAREST = "nearest", "nearest cells"


class QueryOptions(Options):
    """Mapping new samples onto a fit (method section 2): only new covariate levels are learnt, the rest stays."""

    epochs: int = option(
        40, "Epochs", "Passes over the new cells; none are needed when no covariate level is new.", ge=1, le=5000
    )
    learning_rate: float = option(
        3e-3,
        "Learning rate",
        "Step size for the new covariate levels. Lower it if the loss jumps.",
        advanced=True,
        gt=0,
        le=1,
    )
    batch_size: int = option(256, "Batch size", "Cells per optimiser step.", advanced=True, ge=2, le=65536)
    min_overlap: float = option(
        0.5,
        "Least overlap",
        "Part of the fit's features that the new file must have, per modality; missing ones count as 0. Below it the "
        "mapping is refused.",
        advanced=True,
        ge=0,
        le=1,
    )
    transfer: LabelTransfer = option(
        LabelTransfer.NEAREST,
        "Label transfer",
        "nearest: vote of the nearest reference cells. random_forest: as the paper; better for classes that overlap.",
    )
    n_neighbors: int = option(
        15, "Neighbours", "Reference cells that vote for the label of a new cell.", advanced=True, ge=1, le=1000
    )
    seed: int = option(0, "Seed", "Start of the random numbers.", advanced=True, ge=0)
    device: Device = option(Device.AUTO, "Device", "auto uses the GPU when there is one.", advanced=True)


class SearchOptions(Options):
    """Random search for the head's options, inside the training folds only (method, Tables 1 to 3)."""

    trials: int = option(
        0,
        "Options tried",
        "How many random sets of options each fold tries on its own training donors before it predicts; 0 uses the "
        "options as given. 20 takes about 80 times as long.",
        ge=0,
        le=1000,
    )
    inner_folds: int = option(
        4, "Inner folds", "Parts of the training donors that judge each set of options.", advanced=True, ge=2, le=20
    )
    seed: int = option(0, "Seed", "Start of the random numbers.", advanced=True, ge=0)


class ImputedUnits(StrEnum):
    """In which units a modality is imputed."""

    COUNTS = "counts"
    NORMALISED = "normalised"


class ImputeOptions(Options):
    """Expected values of modalities that some cells lack (written to imputed.h5ad, never into the data)."""

    modalities: tuple[str, ...] = option(
        (),
        "Impute",
        "Modalities whose expected values are written for every cell, as the fit decodes them from the latent; empty "
        "writes none. Expectations vary less than measurements: do not test differences on them.",
    )
    units: ImputedUnits = option(
        ImputedUnits.NORMALISED,
        "Units",
        "normalised: log1p of expected counts per 10,000, comparable between cells. counts: expected counts at the "
        "library size below. Modalities that were not modelled as counts have one unit, which the file names.",
    )
    library: int = option(
        10_000,
        "Library size",
        "Counts per cell that expected counts add up to, in cells in which the modality was not measured; measured cells "
        "keep their own. Of no effect on normalised values.",
        advanced=True,
        ge=1,
        le=1_000_000_000,
    )
