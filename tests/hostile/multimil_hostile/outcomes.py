"""What may come of opening a file: it loads, with or without warnings, or it is refused in three parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from multimil_gui.core.errors import Refusal
from multimil_gui.data.store import Store


@dataclass(frozen=True)
class Load:
    """The file opens.

    Attributes
    ----------
    cells, modalities, obsm
        What is in it; modalities with their number of features.
    warnings
        All warnings, in order.
    """

    cells: int
    modalities: dict[str, int]
    obsm: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refuse:
    """The file is refused. ``{n}`` stands for a number that depends on the version of a library."""

    what: str
    where: str
    fix: str


Outcome = Load | Refuse


@dataclass(frozen=True)
class Case:
    """One hostile input.

    Attributes
    ----------
    name
        Row of the threat table and what it is, e.g. ``"A1 external link"``.
    build
        Writes it into an empty folder and returns the path to open.
    outcome
        What must come of it.
    """

    name: str
    build: Callable[[Path], Path]
    outcome: Outcome


#: What to do, in the words of many refusals.
DAMAGED = "The file is damaged: download or write it again."
ANEW = "Write the file anew with a current anndata or mudata."
AUTHOR = "Ask its author for a plain copy, as anndata or mudata writes it."
AGAIN = "Download or copy it again."
FILE_AGAIN = "Download or copy the file again."
FOLDER_AGAIN = "Download or copy the folder again."
OPENABLE = "Open an .h5ad, .h5mu, 10x .h5 or .zarr.zip file, a .zarr folder or a 10x matrix folder."
#: The small file that most cases damage, opened without a word.
SOUND = Load(12, {"rna": 6}, ("X_pca",))
CASES: list[Case] = []


def warned(*warnings: str) -> Load:
    """Return the outcome of the small file with warnings."""
    return Load(SOUND.cells, SOUND.modalities, SOUND.obsm, warnings)


def case(name: str, outcome: Outcome) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    """Add the decorated builder to the table."""

    def add(build: Callable[[Path], Path]) -> Callable[[Path], Path]:
        assert name not in {known.name for known in CASES}, name
        CASES.append(Case(name, build, outcome))
        return build

    return add


def changed(
    make: Callable[..., Path], name: str, outcome: Outcome, **options: object
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Add a case that is a sound file with one change: the decorated function gets what ``make`` is writing."""

    def add(change: Callable[..., object]) -> Callable[..., object]:
        case(name, outcome)(lambda folder: make(folder, change=change, **options))
        return change

    return add


def loaded(store: Store) -> Load:
    """Describe an opened store."""
    index = store.index
    modalities = {name: info.n_features for name, info in index.modalities.items()}
    return Load(index.n_cells, modalities, tuple(index.obsm), index.warnings)


def refused(refusal: Refusal) -> Refuse:
    """Describe a refusal."""
    return Refuse(refusal.what, refusal.where, refusal.fix)


def same(found: Outcome, expected: Outcome) -> bool:
    """Whether they are equal, ``{n}`` in the expected one standing for any number."""
    if isinstance(found, Load) or isinstance(expected, Load):
        return found == expected
    pairs = ((found.what, expected.what), (found.where, expected.where), (found.fix, expected.fix))
    return all(re.fullmatch(re.escape(wanted).replace(r"\{n\}", r"[\d.,]+"), text) for text, wanted in pairs)
