"""The recipe: the full configuration of a run, one TOML file, the contract of window, CLI, tests and cluster."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from multimil_gui.core.options import (
    ImputeOptions,
    IntegrateOptions,
    Likelihood,
    MILOptions,
    Options,
    PrepareOptions,
    QueryOptions,
    SearchOptions,
    TargetKind,
    Training,
    option,
)
from multimil_gui.data.cohort import Scope


class ModalitySection(PrepareOptions):
    """``[data.modalities.NAME]``: which matrix of a modality is used, how it is prepared and how it is modelled."""

    matrix: str = option("X", "Matrix", "X, raw, or layers/NAME.")
    likelihood: Likelihood = option(
        Likelihood.NB,
        "Likelihood",
        "nb for raw counts, zinb for counts with many drop-outs; normal for transformed values (RNA log1p, protein "
        "CLR); bernoulli for open or closed chromatin.",
    )


class DataSection(Options):
    """``[data]``: the file and what its columns mean."""

    path: Path = option(..., "File", "An .h5ad, .h5mu, .zarr (also zipped), 10x .h5 or .mtx; relative to the recipe.")
    sample: str = option(..., "Sample column", "The obs column that names the sample (one phenotype each).")
    donor: str | None = option(
        None, "Donor column", "The obs column that names the person; folds never split a donor. Default: the sample."
    )
    cell_type: str | None = option(
        None, "Cell type column", "The obs column with cell types, for summaries and baselines."
    )
    covariates: tuple[str, ...] = option(
        (), "Covariates", "Obs columns whose effect the integration removes, e.g. the batch. Never the phenotype."
    )
    continuous_covariates: tuple[str, ...] = option(
        (),
        "Continuous covariates",
        "Obs columns with numbers whose effect the integration removes, e.g. the part of mitochondrial counts.",
        advanced=True,
    )
    modalities: dict[str, ModalitySection] = option(
        {}, "Modalities", "Which modalities are integrated; empty takes all of the file.", advanced=True
    )


class LatentSection(Options):
    """``[latent]``: use a latent space that the file already has."""

    use: str | None = option(
        None, "Latent", "The obsm key (X_pca, X_scVI, X_totalVI, ...) or X for a matrix that is itself an embedding."
    )


class TargetSection(Options):
    """``[target]``: the phenotype."""

    column: str = option(..., "Phenotype column", "The obs column to predict; one value per sample.")
    kind: TargetKind = option(
        TargetKind.CLASSIFICATION,
        "Kind",
        "classification: named classes. ordinal: classes in a meaningful order, such as stages. regression: a number, "
        "such as age.",
    )
    order: tuple[str, ...] = option(
        (),
        "Class order",
        "Classes in the order to show, for ordinal from low to high; empty sorts by name.",
        advanced=True,
    )
    reference: str | None = option(None, "Control class", "The class of the healthy or untreated samples.")
    ignore: tuple[str, ...] = option(
        (),
        "Left-out classes",
        "Classes that are not part of the question: their samples are predicted, never trained on or scored.",
        advanced=True,
    )


class CVSection(Options):
    """``[cv]``: how the prediction is judged. Folds are always split by donor."""

    folds: int = option(
        5, "Folds", "Parts the donors are split into; each is predicted by models that never saw it.", ge=2, le=100
    )
    seed: int = option(0, "Seed", "Start of the random numbers of folds and models.", advanced=True, ge=0)


class AnalysisSection(Options):
    """``[analysis]``: what is computed after the fit."""

    top_percent: float = option(
        10.0, "Top cells, %", "Cells with the highest attention that count as top cells.", gt=0, le=100
    )
    top_scope: Scope = option(
        Scope.CONDITION, "Top cells among", "condition: within each class (as the paper); overall: among all cells."
    )
    map: bool = option(True, "Compute a map", "A 2-D UMAP of the latent.")
    baselines: bool = option(True, "Baselines", "Simple models in the same folds, to compare with.")
    integration_metrics: bool = option(
        True,
        "Integration metrics",
        "Judges a learnt latent space by the scIB metrics, when cell types are known: are cell types apart, are batches "
        "and modalities mixed. A few seconds; on at most 10,000 cells.",
        advanced=True,
    )


class QuerySection(QueryOptions):
    """``[query]``: map the samples of the file onto an earlier fit instead of learning a latent space."""

    fit: Path = option(..., "Fit", "The fit.safetensors of an earlier run; relative to the recipe.")


class ExportSection(Options):
    """``[export]``: which files are written besides cells, samples and the report."""

    h5ad: bool = option(True, "result.h5ad", "The data with attention, contributions, latent and provenance added.")
    html: bool = option(True, "report.html", "A page to read and print.")


class Recipe(Options):
    """The whole recipe.

    Exactly one of ``latent.use``, ``integrate`` and ``query`` is given: the latent comes from the file, is learnt, or is
    that of an earlier fit.
    """

    data: DataSection
    latent: LatentSection = Field(default_factory=LatentSection)
    integrate: IntegrateOptions | None = None
    query: QuerySection | None = None
    target: TargetSection | None = None
    further_targets: tuple[TargetSection, ...] = ()
    mil: MILOptions = Field(default_factory=MILOptions)
    search: SearchOptions = Field(default_factory=SearchOptions)
    cv: CVSection = Field(default_factory=CVSection)
    analysis: AnalysisSection = Field(default_factory=AnalysisSection)
    impute: ImputeOptions = Field(default_factory=ImputeOptions)
    export: ExportSection = Field(default_factory=ExportSection)

    @model_validator(mode="after")
    def _one_latent(self) -> Recipe:
        sources = (self.latent.use, self.integrate, self.query)
        if sum(source is not None for source in sources) != 1:
            raise ValueError(
                "the latent space must come from exactly one place: set latent.use to an obsm key of the file, "
                "add an [integrate] section, or add a [query] section"
            )
        return self

    @model_validator(mode="after")
    def _imputing_needs_a_fit(self) -> Recipe:
        if self.impute.modalities and self.latent.use is not None:
            raise ValueError("impute.modalities needs a fit that can decode: add [integrate] or [query]")
        return self

    @model_validator(mode="after")
    def _further_targets_follow_one(self) -> Recipe:
        if self.further_targets and self.target is None:
            raise ValueError("further_targets need a main target: add a [target] section")
        return self

    @model_validator(mode="after")
    def _end_to_end_has_both_ends(self) -> Recipe:
        if self.mil.training is not Training.END_TO_END:
            return self
        if self.integrate is None or self.target is None:
            raise ValueError(
                'with mil.training = "end_to_end" latent space and prediction are learnt together: it needs an [integrate] '
                "and a [target] section"
            )
        if self.search.trials:
            raise ValueError(
                'with mil.training = "end_to_end" each trial of a search would integrate anew: set search.trials to 0'
            )
        return self
