"""What the map draws: one frozen snapshot of arrays, made by ``resolve``, uploaded by a view."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

#: The same object always, so that a view sees that nothing changed.
NO_BACKDROP = np.zeros((0, 2), dtype=np.float32)


@dataclass(frozen=True)
class LegendEntry:
    """One level of a categorical colour.

    Attributes
    ----------
    level
        Level name as in the data; "" for cells without a value.
    rgb
        Its colour.
    count
        Cells of the level.
    shown
        Whether the level is drawn.
    met
        Cells of the level that meet the filters, hidden level or not; None for all.
    """

    level: str
    rgb: tuple[int, int, int]
    count: int
    shown: bool
    met: int | None = None

    @property
    def drawn(self) -> int:
        """Number of its cells that are drawn."""
        if not self.shown:
            return 0
        return self.count if self.met is None else self.met


@dataclass(frozen=True)
class ColorScale:
    """A continuous colour: value ``low`` is the first colour, ``high`` the last; ``centre`` is set for signed values."""

    low: float
    high: float
    palette: str
    centre: float | None = None


@dataclass(frozen=True)
class BlendScale:
    """A colour of two genes: their names, and the values of each that get the first and the last step."""

    names: tuple[str, str]
    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True)
class ScatterView:
    """The resolved map.

    Attributes
    ----------
    positions
        (n_cells, 2) float32.
    values
        (n_cells,) uint8 index into ``lut``.
    lut
        (256, 4) uint8 RGBA. Index 0 is the colour of missing values.
    states
        (n_cells,) uint8: 0 normal, 1 selected, 2 hidden, 3 dimmed.
    title
        What is coloured, in words, with its source ("attention, held-out").
    legend
        Levels of a categorical colour, else empty.
    scale
        Scale of a continuous colour, else None.
    numbers
        (n_cells,) float32 values behind a continuous colour (hover, histogram), else None.
    n_shown
        Cells drawn.
    backdrop
        (m, 2) float32 places of a reference's cells, drawn faintly behind; empty without any.
    blend
        Scales of a colour of two genes, else None; ``values`` rise with both, so that the highest can be drawn on top.
    pair
        The (n_cells,) float32 values of each of the two, else None.
    """

    positions: np.ndarray
    values: np.ndarray
    lut: np.ndarray
    states: np.ndarray
    title: str
    legend: tuple[LegendEntry, ...]
    scale: ColorScale | None
    numbers: np.ndarray | None
    n_shown: int
    backdrop: np.ndarray = field(default_factory=lambda: NO_BACKDROP)
    blend: BlendScale | None = None
    pair: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def high_on_top(self) -> bool:
        """Whether a higher value is more of something, so that it belongs on top; of signed ones neither end is."""
        return self.blend is not None or (self.scale is not None and self.scale.centre is None)
