"""Open the user's file: a child process reads, checks and copies it; the window never touches it."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import Reporter, SilentReporter
from multimil_gui.data.child import ask_worker, time_limit
from multimil_gui.data.index import StoreIndex
from multimil_gui.data.store import Store

_SUFFIX = ".store"
_UNFINISHED = ".~import-"
_ABANDONED_AFTER_S = 86_400.0
#: Hexadecimal digits of the source's hash in the name of its store.
_NAME_DIGITS = 16
#: A web address, also after pathlib has folded its slashes; a drive letter is none.
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/")


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
    source, stores = _existing(source), stores.absolute()
    stores.mkdir(parents=True, exist_ok=True)
    _clear_abandoned(stores)
    known = _known_stores(stores)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=stores))
    try:
        request = {"source": str(source), "store": str(unfinished / "store"), "known": sorted(known)}
        answer = ask_worker(request, reporter, time_limit(source))
        if "reuse" in answer:
            return Store.open(known[str(answer["reuse"])])
        return Store.open(_publish(unfinished / "store", stores / f"{str(answer['store'])[:_NAME_DIGITS]}{_SUFFIX}"))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def inspect_file(source: Path) -> Inspection:
    """Read and check a file exactly as :func:`import_file` does, but keep nothing."""
    try:
        source = _existing(source)
        request: dict[str, object] = {"source": str(source), "store": None, "known": []}
        answer = ask_worker(request, SilentReporter(), time_limit(source))
    except Refusal as refusal:
        return Inspection(status=2, refusal=refusal)
    index = StoreIndex.model_validate(answer["summary"])
    summary = index.model_dump(mode="json", exclude={"version", "warnings", "hashes"})
    return Inspection(status=0, summary=summary, warnings=index.warnings)


def _existing(source: Path) -> Path:
    if _ADDRESS.match(str(source)) or "::" in str(source):
        raise Refusal("Only files on this machine are opened.", f"{str(source)[:80]}.", "Download the file first.")
    if not source.exists():
        raise Refusal("The file does not exist.", f"{source.name}.", "Check the path.")
    return source.resolve()


def _known_stores(stores: Path) -> dict[str, Path]:
    """Return the readable stores by the hash of their source."""
    found = {}
    for folder in sorted(stores.glob(f"*{_SUFFIX}")):
        try:
            found[Store.open(folder).index.source_hash] = folder
        except Refusal:  # of another version or damaged: imported anew
            continue
    return found


def _publish(written: Path, final: Path) -> Path:
    if final.exists():  # damaged or of an older version, else it would have been reused
        shutil.rmtree(final)
    written.rename(final)
    return final


def _clear_abandoned(stores: Path) -> None:
    """Remove what an import left that was killed with its parent more than a day ago."""
    for folder in stores.glob(f"{_UNFINISHED}*"):
        if time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
