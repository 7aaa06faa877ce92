"""Open the user's file: a child process reads, checks and copies it; the window never touches it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Reporter
from multimil_gui.data.store import Store


@dataclass(frozen=True)
class Inspection:
    """What the reader says about a file.

    Attributes
    ----------
    status
        0 readable, 2 refused.
    summary
        Plain values: cells, modalities, obs columns, obsm; empty when refused.
    warnings
        Findings that do not stop the import.
    refusal
        Why the file was refused, else None.
    """

    status: int
    summary: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    refusal: Refusal | None = None


def import_file(source: Path, stores: Path, reporter: Reporter) -> Store:
    """Import a file into a folder of stores, or reuse the store of a file with the same bytes.

    The reading is done by a child process with a clean environment, a memory and a time limit; cancelling kills it.

    Parameters
    ----------
    source
        An .h5ad, .h5mu, AnnData or MuData .zarr folder, or 10x .h5 file; opened read-only, once.
    stores
        Folder that holds the stores; made when missing. The store is named after the hash of the source.
    reporter
        Told the progress and asked whether to stop.

    Raises
    ------
    Refusal
        When the file cannot be read: what is wrong, where, what to do.
    Cancelled
        When the user cancelled; nothing is left behind.
    """
    raise NotImplementedError


def inspect_file(source: Path) -> Inspection:
    """Read and check a file exactly as :func:`import_file` does, but keep nothing."""
    raise NotImplementedError
