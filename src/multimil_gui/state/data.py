"""What is open: the store, the cohort, and every map and latent that can be shown or used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Labelling, Target
from multimil_gui.state.evented import Part

if TYPE_CHECKING:
    from multimil_gui.data.cohort import Cohort, Columns
    from multimil_gui.data.store import Store

GivenTarget: TypeAlias = tuple[Target, str | None]


class Arrays(Mapping[str, np.ndarray]):
    """Named arrays; those of the store are read when first asked for, those that were computed are at hand.

    Parameters
    ----------
    names
        Names in the store, in display order.
    read
        Reads one of them.
    computed
        Arrays made in this session, by name; they come after the store's.
    """

    def __init__(
        self,
        names: tuple[str, ...] = (),
        read: Callable[[str], np.ndarray] | None = None,
        computed: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self._stored = names
        self._read = read
        self._cache: dict[str, np.ndarray] = {}
        self.computed: Mapping[str, np.ndarray] = dict(computed or {})

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self.computed:
            return self.computed[name]
        if name not in self._stored or self._read is None:
            raise KeyError(name)
        if name not in self._cache:
            self._cache[name] = self._read(name)
        return self._cache[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._stored
        yield from (name for name in self.computed if name not in self._stored)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._stored or name in self.computed

    def with_computed(self, name: str, array: np.ndarray) -> Arrays:
        """Return a copy that also has ``array`` (read-only float32), with what was read before."""
        frozen = np.ascontiguousarray(array, dtype=np.float32).view()
        frozen.setflags(write=False)
        copy = Arrays(self._stored, self._read, {**self.computed, name: frozen})
        copy._cache = self._cache
        return copy

    def without(self, names: Collection[str]) -> Arrays:
        """Return a copy that lacks these computed arrays, with what was read before."""
        copy = Arrays(self._stored, self._read, {k: v for k, v in self.computed.items() if k not in names})
        copy._cache = self._cache
        return copy


@dataclass(frozen=True, eq=False)
class Annotation:
    """A label of every cell that was computed here, e.g. its cluster; used like a column of the file.

    Attributes
    ----------
    name
        Unique among the annotations and the columns of the file.
    codes
        (n_cells,) int32, file order, -1 for cells without a label; read-only.
    levels
        Names of the labels, in display order.
    provenance
        How it was made, plain JSON values.
    """

    name: str
    codes: np.ndarray
    levels: tuple[str, ...]
    provenance: Mapping[str, object] = field(default_factory=dict)

    @property
    def labelling(self) -> Labelling:
        """The same as a column of the file is read."""
        return Labelling(self.name, self.codes, self.levels)


@dataclass(frozen=True, eq=False)
class Data:
    """What is open.

    Attributes
    ----------
    store
        The canonical data, None before anything is opened.
    cohort, columns
        The checked cohort and the obs columns it was built from, None before the mapping is confirmed.
    maps
        2-D maps: (n_cells, 2) float32 by name.
    latents
        Latent spaces: (n_cells, n_latent) float32 by name.
    by_target
        The cohort as each target sees it, the main one first; the same objects while the cohort is the same.
    given
        Targets of an earlier fit that were given to the cohort (``data.given_targets``), each with the obs column in
        which the samples' phenotype is known, or None; empty when the targets are those of ``columns``.
    annotations
        Labels of the cells that were computed here, oldest first.
    """

    store: Store | None = None
    cohort: Cohort | None = None
    columns: Columns | None = None
    maps: Arrays = field(default_factory=Arrays)
    latents: Arrays = field(default_factory=Arrays)
    by_target: tuple[Cohort, ...] = ()
    given: tuple[GivenTarget, ...] = ()
    annotations: tuple[Annotation, ...] = ()

    def annotation(self, name: str) -> Annotation | None:
        """Return the annotation of this name, None without one."""
        return next((annotation for annotation in self.annotations if annotation.name == name), None)

    def has_column(self, name: str) -> bool:
        """Return whether there is a column or an annotation of this name."""
        return self.annotation(name) is not None or (
            self.store is not None and self.store.index.column(name) is not None
        )

    @property
    def columns_of_cells(self) -> tuple[str, ...]:
        """Names of the columns of the file, then of the annotations."""
        of_file = () if self.store is None else tuple(info.name for info in self.store.index.obs)
        return (*of_file, *(annotation.name for annotation in self.annotations))

    def labelling(self, name: str) -> Labelling:
        """Return a column of the file, or an annotation, as codes and level names; Refusal when there is none."""
        found = self.annotation(name)
        if found is not None:
            return found.labelling
        if self.store is None:
            raise Refusal("No data is open.", "", "Open a file or a project first.")
        return self.store.labelling(name)

    def with_cohort(self, cohort: Cohort | None, columns: Columns | None, given: tuple[GivenTarget, ...] = ()) -> Data:
        """Return a copy with another cohort."""
        views = () if cohort is None else tuple(cohort.of_target(number) for number in range(cohort.n_targets))
        return replace(self, cohort=cohort, columns=columns, by_target=views, given=given)

    def without_latents(self, names: Collection[str]) -> Data:
        """Return a copy that lacks these computed latents."""
        return replace(self, latents=self.latents.without(names)) if names else self

    def for_target(self, number: int) -> Cohort | None:
        """Return the cohort as if target ``number`` were its only one; the cohort itself when it has none."""
        return self.by_target[number] if number < len(self.by_target) else self.cohort


class DataState(Part[Data]):
    """The evented data; change through ``session.open_store``, ``set_cohort``, ``add_map`` and ``add_run``."""

    @property
    def store(self) -> Store | None:
        """The canonical data."""
        return self.value.store

    @property
    def cohort(self) -> Cohort | None:
        """The checked cohort."""
        return self.value.cohort

    @property
    def columns(self) -> Columns | None:
        """Which obs columns mean what."""
        return self.value.columns

    @property
    def maps(self) -> Arrays:
        """2-D maps: (n_cells, 2) float32 by name, read when asked for."""
        return self.value.maps

    @property
    def latents(self) -> Arrays:
        """Latent spaces: (n_cells, n_latent) float32 by name, read when asked for."""
        return self.value.latents

    @property
    def n_cells(self) -> int:
        """Number of cells, 0 before anything is opened."""
        return 0 if self.store is None else self.store.index.n_cells


def open_data(store: Store) -> Data:
    """Return what a store offers; its maps (the first two columns of an obsm array) are read when asked for."""
    return Data(
        store=store,
        maps=Arrays(store.maps(), lambda key: np.ascontiguousarray(store.obsm(key)[:, :2], dtype=np.float32)),
        latents=Arrays(store.latents(), store.latent),
    )
