"""How the map is shown: which map, coloured by what, what is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from multimil_gui.data.cohort import Scope
from multimil_gui.data.gene_sets import GeneSet
from multimil_gui.state.evented import Part


class ColorKind(StrEnum):
    """What a cell's colour means."""

    NONE = "none"
    OBS = "obs"
    FEATURE = "feature"
    ATTENTION = "attention"
    CONTRIBUTION = "contribution"
    PREDICTION = "prediction"
    TOP = "top"
    CELL_SET = "cell set"
    SAMPLES = "samples"
    MODALITY = "modality"
    QUERY = "query"
    SCORE = "score"
    BLEND = "blend"


class QueryColor(StrEnum):
    """What is known of new cells that were mapped onto a reference."""

    LABEL = "label"
    CONFIDENCE = "confidence"
    DISTANCE = "distance"
    FAR = "far"


class ScoreSource(StrEnum):
    """Which models the scores come from."""

    HELD_OUT = "held_out"
    TRAINED = "trained"


class Drawing(StrEnum):
    """How cells are put on the map."""

    POINTS = "points"
    DENSITY = "density"
    MEAN = "mean"


#: ``View.split`` for one pane per combination of measured modalities; no obs column is called so.
SPLIT_BY_MODALITY = "multimil:modality"


@dataclass(frozen=True)
class ColorBy:
    """What cells are coloured by.

    Attributes
    ----------
    kind
        The kind.
    key
        OBS: the column; FEATURE: the feature's name; CONTRIBUTION: the outcome (``MILResult.outcomes``); PREDICTION: the
        class, "" for the predicted value or expected rank; MODALITY: the modality whose share of the latent is shown;
        QUERY: a :class:`QueryColor`; SCORE: the name of a gene set; BLEND: two features with a tab between them; CELL_SET: the set's id as text, "" for all sets. Unused otherwise.
    modality
        FEATURE, SCORE: the modality. BLEND: the modality of both features, or of each with a tab between them.
    """

    kind: ColorKind = ColorKind.NONE
    key: str = ""
    modality: str = ""


@dataclass(frozen=True)
class CellFilter:
    """A condition that cells meet to be shown; several are met together.

    Attributes
    ----------
    color
        The value looked at: anything cells can be coloured by.
    low, high
        Least and greatest number shown, both inclusive, None for no limit; cells without a number are not shown.
    levels
        The levels shown ("" is the one of missing values); None for a range of numbers.
    rank
        The numbers are ranks of the attention, as they were shown when the filter was made.
    """

    color: ColorBy
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] | None = None
    rank: bool = False


@dataclass(frozen=True)
class LevelColor:
    """A colour that the user gave to a level of an obs column; level "" cannot have one."""

    column: str
    level: str
    rgb: tuple[int, int, int]


@dataclass(frozen=True)
class View:
    """How the map is shown.

    Attributes
    ----------
    map_key
        Name of the map, "" when there is none.
    color
        What cells are coloured by.
    palette
        Palette of continuous colours (``palettes.CONTINUOUS``), None for the one that suits the values.
    rank
        Show attention as its rank within the sample.
    percentiles
        (low, high) percentiles of the shown values that become the ends of a continuous palette.
    hidden
        Levels of the present categorical colour that are not drawn; "" is the level of missing values.
    point_size
        Diameter in logical pixels, None to choose it from density.
    source
        Scores by models that never saw the patient, or trained on it.
    top_percent, top_scope
        What "top cells" means: part of the cells with the highest attention, per condition or overall.
    filters
        Only cells that meet all of these are shown, at most one for each value; see ``state.crossfilter``.
    level_colors
        Colours given by hand, at most one for each level.
    gene_sets
        Named lists of genes whose scores can be shown; see ``state.gene_lists``.
    drawing
        Points, or squares: the number of cells in each, or the mean of the shown value.
    contours
        Whether lines of equal density of the shown cells lie over the map.
    split
        obs column whose levels get a pane each, :data:`SPLIT_BY_MODALITY`, "" for one map of all cells.
    """

    map_key: str = ""
    color: ColorBy = ColorBy()
    palette: str | None = None
    rank: bool = False
    percentiles: tuple[float, float] = (1.0, 99.0)
    hidden: frozenset[str] = frozenset()
    point_size: float | None = None
    source: ScoreSource = ScoreSource.HELD_OUT
    top_percent: float = 10.0
    top_scope: Scope = Scope.CONDITION
    filters: tuple[CellFilter, ...] = ()
    level_colors: tuple[LevelColor, ...] = ()
    gene_sets: tuple[GeneSet, ...] = ()
    drawing: Drawing = Drawing.POINTS
    contours: bool = False
    split: str = ""


class ViewState(Part[View]):
    """The evented view; read here, change through the session (``session.set_view(point_size=3)``)."""

    @property
    def map_key(self) -> str:
        """Name of the map, "" when there is none."""
        return self.value.map_key

    @property
    def color(self) -> ColorBy:
        """What cells are coloured by."""
        return self.value.color

    @property
    def palette(self) -> str | None:
        """Palette of continuous colours, None for the one that suits."""
        return self.value.palette

    @property
    def rank(self) -> bool:
        """Whether attention is shown as its rank within the sample."""
        return self.value.rank

    @property
    def percentiles(self) -> tuple[float, float]:
        """Percentiles that become the ends of a continuous palette."""
        return self.value.percentiles

    @property
    def hidden(self) -> frozenset[str]:
        """Levels that are not drawn."""
        return self.value.hidden

    @property
    def point_size(self) -> float | None:
        """Point diameter in logical pixels, None for automatic."""
        return self.value.point_size

    @property
    def source(self) -> ScoreSource:
        """Which models the scores come from."""
        return self.value.source

    @property
    def top_percent(self) -> float:
        """Part of the cells that counts as top, in percent."""
        return self.value.top_percent

    @property
    def top_scope(self) -> Scope:
        """Among which cells the top is taken."""
        return self.value.top_scope

    @property
    def filters(self) -> tuple[CellFilter, ...]:
        """What cells must meet to be shown."""
        return self.value.filters

    @property
    def level_colors(self) -> tuple[LevelColor, ...]:
        """Colours given by hand."""
        return self.value.level_colors

    @property
    def gene_sets(self) -> tuple[GeneSet, ...]:
        """Named lists of genes."""
        return self.value.gene_sets

    @property
    def drawing(self) -> Drawing:
        """How cells are put on the map."""
        return self.value.drawing

    @property
    def contours(self) -> bool:
        """Whether lines of equal density lie over the map."""
        return self.value.contours

    @property
    def split(self) -> str:
        """What the map is split by, "" for one map."""
        return self.value.split
