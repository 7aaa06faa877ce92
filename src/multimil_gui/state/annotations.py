"""Adding, renaming and deleting annotations: labels of the cells that were computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.state.data import Annotation, Data
from multimil_gui.state.receive import free_name


def with_annotation(
    data: Data, name: str, codes: np.ndarray, levels: Sequence[str], provenance: Mapping[str, object]
) -> tuple[Data, str]:
    """Return the data that also has this annotation, and its name, made unique among all columns.

    Raises
    ------
    ValueError
        When the codes are not one per cell, or do not belong to the levels.
    """
    n_cells = 0 if data.store is None else data.store.index.n_cells
    frozen = np.array(codes, dtype=np.int32)
    if frozen.shape != (n_cells,) or (len(frozen) and not -1 <= frozen.min() <= frozen.max() < len(levels)):
        raise ValueError("An annotation has one code per cell, from -1 to the number of levels.")
    frozen.setflags(write=False)
    key = free_name(name.strip() or "labels", data.columns_of_cells)
    made = Annotation(key, frozen, tuple(levels), dict(provenance))
    return replace(data, annotations=(*data.annotations, made)), key


def check_new_name(data: Data, name: str, new: str) -> None:
    """Raise Refusal unless the annotation ``name`` is there and may be called ``new``."""
    if data.annotation(name) is None:
        raise Refusal("There is no such annotation.", f"{name}.", "Choose one of the list.")
    if not new:
        raise Refusal("A name is missing.", "", "Type a name.")
    if new != name and data.has_column(new):
        raise Refusal("There is already a column of this name.", f"{new}.", "Choose another name.")


def renamed(data: Data, codes: np.ndarray, new: str) -> tuple[Data, str, str]:
    """Return the data in which the annotation with these codes has a new name, with its old and its new name.

    The new name is made unique: a job may have taken it since it was checked.
    """
    found = next(one for one in data.annotations if one.codes is codes)
    key = free_name(new, [name for name in data.columns_of_cells if name != found.name])
    changed = tuple(replace(one, name=key) if one is found else one for one in data.annotations)
    return replace(data, annotations=changed), found.name, key


def without(data: Data, codes: np.ndarray) -> Data:
    """Return the data that lacks the annotation with these codes."""
    return replace(data, annotations=tuple(one for one in data.annotations if one.codes is not codes))


def put_back(data: Data, annotation: Annotation, place: int) -> Data:
    """Return the data that has a deleted annotation again, where it was; under another name when that was taken."""
    again = replace(annotation, name=free_name(annotation.name, data.columns_of_cells))
    return replace(data, annotations=(*data.annotations[:place], again, *data.annotations[place:]))
