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
from multimil_gui.data.index import MAX_INDEX_BYTES
from multimil_gui.data.protocol import Request, Reused, Stored, Summary
from multimil_gui.data.store import INDEX_FILE, Store
from multimil_gui.data.words import shown

_SUFFIX = ".store"
_UNFINISHED = ".~import-"
_ABANDONED_AFTER_S = 86_400.0
#: Hexadecimal digits of the source's hash in the name of its store.
_NAME_DIGITS = 16
#: A web address, also after pathlib has folded its slashes; a drive letter is none.
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:/")
#: The matrix of a 10x folder stands for its folder.
_MATRIX = re.compile(r"(.*_)?matrix\.mtx(\.gz)?$")


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

    The reading is done by a child process with a clean environment and limits of memory, CPU time, file size and time;
    cancelling kills it.

    Parameters
    ----------
    source
        An .h5ad, .h5mu, 10x .h5 or .zarr.zip file, an AnnData or MuData .zarr folder, or a 10x matrix folder (or the
        matrix in it); opened read-only.
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
        answer = ask_worker(_request(source, unfinished / "store", frozenset(known)), reporter)
        if isinstance(answer, Reused) and answer.reuse in known:
            return Store.open(known[answer.reuse])
        if not isinstance(answer, Stored):
            raise _wild(source)
        return Store.open(_publish(unfinished / "store", stores / f"{answer.store[:_NAME_DIGITS]}{_SUFFIX}", source))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def inspect_file(source: Path) -> Inspection:
    """Read and check a file exactly as :func:`import_file` does, but keep nothing."""
    try:
        source = _existing(source)
        answer = ask_worker(_request(source, None, frozenset()), SilentReporter())
        if not isinstance(answer, Summary):
            raise _wild(source)
    except Refusal as refusal:
        return Inspection(status=2, refusal=refusal)
    index = answer.summary
    summary = index.model_dump(mode="json", exclude={"version", "warnings", "hashes"})
    return Inspection(status=0, summary=summary, warnings=index.warnings)


def _request(source: Path, store: Path | None, known: frozenset[str]) -> Request:
    return Request(source=source, store=store, known=known, cpu_s=time_limit(source))


def _wild(source: Path) -> Refusal:
    return Refusal(
        "The reader of the file did not do what it said.", f"{shown(source.name)}.", "Do not open the file again."
    )


def _existing(source: Path) -> Path:
    if _ADDRESS.match(str(source)) or "::" in str(source):
        raise Refusal("Only files on this machine are opened.", f"{shown(source)}.", "Download the file first.")
    try:
        str(source).encode()
        found = source.resolve(strict=True)
    except UnicodeEncodeError as error:
        raise Refusal(
            "The name of the file is not valid text.", f"{shown(ascii(source.name))}.", "Rename the file."
        ) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Refusal("The file does not exist.", f"{shown(source.name)}.", "Check the path.") from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "the path is not valid"
        raise Refusal("The file cannot be reached.", f"{shown(source.name)}: {reason}.", "Check the path.") from error
    return found.parent if _MATRIX.match(found.name) else found


def _known_stores(stores: Path) -> dict[str, Path]:
    """Return the readable stores by the hash of their source."""
    found = {}
    for folder in sorted(stores.glob(f"*{_SUFFIX}")):
        try:
            found[Store.open(folder).index.source_hash] = folder
        except Refusal:  # of another version or damaged: imported anew
            continue
    return found


def _publish(written: Path, final: Path, source: Path) -> Path:
    index = written / INDEX_FILE
    if not index.is_file() or index.stat().st_size > MAX_INDEX_BYTES:
        raise _wild(source)
    if final.exists():  # damaged or of an older version, else it would have been reused
        shutil.rmtree(final)
    written.rename(final)
    return final


def _clear_abandoned(stores: Path) -> None:
    """Remove what an import left that was killed with its parent more than a day ago."""
    for folder in stores.glob(f"{_UNFINISHED}*"):
        if time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
