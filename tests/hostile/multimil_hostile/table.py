"""The table of hostile inputs: every case of every file, in one list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data import child
from multimil_gui.data.import_ import import_file
from multimil_hostile import (
    cases_damage,
    cases_encodings,
    cases_kinds,
    cases_links,
    cases_matrix,
    cases_modalities,
    cases_sizes,
    cases_sparse,
    cases_tables,
    cases_tenx,
    cases_zarr,
    cases_zarr_descriptions,
    cases_zarr_pieces,
    cases_zip,
)
from multimil_hostile.outcomes import CASES, Case, Outcome, loaded, refused

FILES = (
    cases_damage,
    cases_encodings,
    cases_kinds,
    cases_links,
    cases_matrix,
    cases_modalities,
    cases_sizes,
    cases_sparse,
    cases_tables,
    cases_tenx,
    cases_zarr,
    cases_zarr_descriptions,
    cases_zarr_pieces,
    cases_zip,
)
__all__ = ["CASES", "FILES", "Case", "open_case", "open_path"]


def open_case(case: Case, folder: Path, command: Sequence[str]) -> Outcome:
    """Write a case into a new folder, open it as the program does, and say what came of it.

    Parameters
    ----------
    case
        The case.
    folder
        Folder for its files and stores; made here.
    command
        What stands for the import process.
    """
    (folder / "source").mkdir(parents=True)
    return open_path(case.build(folder / "source"), folder / "stores", command)


def open_path(path: Path, stores: Path, command: Sequence[str]) -> Outcome:
    """Open a path as the program does; nothing is left behind but a sound store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "worker_command", lambda: list(command))
        try:
            store = import_file(path, stores, SilentReporter())
        except Refusal as refusal:
            left = [entry.name for entry in stores.iterdir()] if stores.exists() else []
            assert left == [], left
            return refused(refusal)
    assert store.verify() == ()
    return loaded(store)
