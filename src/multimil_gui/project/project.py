"""A project: a folder ``NAME.multimil`` that survives a kill at any instant.

Layout: ``project.json`` (the manifest, the only file ever replaced), ``manifests/`` (its last ten versions),
``objects/`` (immutable blobs named by their hash), ``store/`` (the data), ``journal.jsonl`` (edits not saved yet).
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from multimil_gui._version import __version__
from multimil_gui.core.errors import Refusal
from multimil_gui.project.commit import atomic_commit, atomic_folder, refusal, remove_leftovers
from multimil_gui.project.journal import Entry, Journal
from multimil_gui.project.manifest import Manifest, ProjectError, read_manifest, references, write_manifest
from multimil_gui.project.objects import ObjectStore, json_bytes, parse_json

__all__ = ["SUFFIX", "Project", "ProjectError"]

#: Ending of a project folder's name.
SUFFIX = ".multimil"

#: Saved states that can be gone back to.
KEPT_MANIFESTS = 10

_MANIFEST = "project.json"
_LOCK = ".lock"
_HOLDER = ".holder.json"


class Project:
    """An open project; use :meth:`create` or :meth:`open`, and :meth:`close` or ``with``.

    Attributes
    ----------
    path
        The folder.
    manifest
        What was saved last (or the earlier state that was asked for).
    objects
        The blobs.
    read_only_reason
        Why nothing can be written, in words; "" when it can.
    notes
        What was found while opening, in words (damaged journal lines, missing parts).
    """

    def __init__(self, path: Path, manifest: Manifest, lock: FileLock | None, read_only_reason: str) -> None:
        self.path = path
        self.manifest = manifest
        self.objects = ObjectStore(path / "objects")
        self.read_only_reason = read_only_reason
        self.notes: tuple[str, ...] = ()
        self._lock = lock
        self._journal = Journal(path / "journal.jsonl")
        self._writing = threading.RLock()
        self._remove_when_empty = False

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Project:
        """Make a new project folder (``.multimil`` is added to its name when missing) and lock it.

        Nothing is in it before the first :meth:`save`; closed before that, it is removed again.

        Raises
        ------
        ProjectError
            When something is already there, or the place cannot be written to.
        """
        given = Path(path)
        folder = given if given.suffix == SUFFIX else given.with_name(given.name + SUFFIX)
        if folder.exists() and (not folder.is_dir() or any(not item.name.startswith(".") for item in folder.iterdir())):
            raise ProjectError("There is already something under this name.", f"{folder.name}.", "Choose another name.")
        made = not folder.exists()
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise _as_project_error(refusal(error, folder)) from error
        lock, reason = _acquire(folder)
        if reason:
            raise ProjectError(f"The project cannot be made here: {reason}", f"{folder.name}.", "Choose another place.")
        project = cls(folder, Manifest(project_id=secrets.token_hex(16), generation=0), lock, "")
        project._remove_when_empty = made
        return project

    @classmethod
    def open(cls, path: str | os.PathLike[str], generation: int | None = None) -> Project:
        """Open a project; read-only when somebody else has it open or the folder cannot be written to.

        Parameters
        ----------
        path
            The folder, or its ``project.json``.
        generation
            An earlier saved state, one of :meth:`generations`; None for the last.

        Raises
        ------
        ProjectError
            When it is no project or its manifest is damaged; never opens as an empty project.
        """
        given = Path(path)
        folder = (given.parent if given.name == _MANIFEST else given).resolve()
        manifest_path = folder / _MANIFEST if generation is None else _kept_path(folder, generation)
        try:
            manifest = read_manifest(manifest_path)
        except ProjectError as error:
            raise _with_way_out(error, folder, generation) from error
        lock, reason = _acquire(folder)
        project = cls(folder, manifest, lock, reason)
        if lock is not None:
            for part in (folder, folder / "objects", folder / "manifests"):
                remove_leftovers(part)
        missing = [name for name in manifest.objects if not project.objects.has(name)]
        if missing:
            project.protect(f"{len(missing)} of {len(manifest.objects)} saved parts are missing.")
        return project

    @staticmethod
    def generations(path: str | os.PathLike[str]) -> tuple[int, ...]:
        """Return the saved states that can be opened, newest first."""
        found = (item.stem for item in (Path(path) / "manifests").glob("*.json"))
        return tuple(sorted((int(stem) for stem in found if stem.isdigit()), reverse=True))

    # -- reading -------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The shown name: the folder's without its ending."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return bool(self.read_only_reason)

    @property
    def state(self) -> Mapping[str, Any]:
        """What was saved, as plain values."""
        return self.manifest.state

    @property
    def store_path(self) -> Path:
        """The folder of the data inside the project."""
        return self.path / "store"

    def unsaved(self) -> Mapping[str, Any] | None:
        """Return the state after the last edit that was journalled but never saved, or None.

        Damaged lines are skipped and counted in :attr:`notes`.
        """
        entries, damaged = self._journal.read()
        if damaged:
            self._note(f"{damaged} line{'s' if damaged > 1 else ''} of the journal of unsaved edits could not be read.")
        for entry in reversed(entries):
            ours = entry.project_id == self.manifest.project_id and entry.generation == self.manifest.generation
            if ours and all(self.objects.has(name) for name in references(entry.state)):
                return entry.state
        return None

    def protect(self, reason: str) -> None:
        """Stop all writing, because something could be lost by it; the reason is shown."""
        self._note(reason)
        if not self.read_only_reason:
            self.read_only_reason = reason

    # -- writing -------------------------------------------------------------------------------------------------------

    def add_store(self, folder: Path) -> None:
        """Put the data into the project (hard links where possible); nothing happens when they are there.

        Raises
        ------
        ProjectError
            When other data are there, or they cannot be written.
        """
        self._writable()
        if self.store_path.exists():
            if (self.store_path / "index.json").read_bytes() != (folder / "index.json").read_bytes():
                raise ProjectError(
                    "This project holds other data.", f"{self.name}.", "Save under another name with “Save as”."
                )
            return
        with self._writing, _project_errors():
            atomic_folder(self.store_path, lambda target: _link_tree(folder, target))

    def save(self, state: Mapping[str, Any]) -> None:
        """Save a state: plain JSON values that refer to blobs as ``{"blob": name}``.

        A kill at any instant leaves the state saved before, or this one.

        Raises
        ------
        ProjectError
            When the project is read-only, a blob is missing, or the disk refuses.
        """
        self._writable()
        with self._writing, _project_errors():
            used = references(dict(state))
            gone = sorted(name for name in used if not self.objects.has(name))
            if gone:
                raise ProjectError("A part of the project is missing, so it cannot be saved.", f"objects/{gone[0]}.")
            newest = max((self.manifest.generation, *self.generations(self.path)))
            manifest = Manifest(
                application=f"MultiMIL GUI {__version__}",
                project_id=self.manifest.project_id,
                generation=newest + 1,
                objects=tuple(sorted(used)),
                state=dict(state),
            )
            kept = _kept_path(self.path, manifest.generation)
            kept.parent.mkdir(exist_ok=True)
            write_manifest(kept, manifest)
            write_manifest(self.path / _MANIFEST, manifest)
            self.manifest = manifest
            # From here on the save is done; tidying up may fail and is then done after the next one.
            with contextlib.suppress(OSError, ProjectError):
                self._tidy()

    def journal(self, state: Mapping[str, Any]) -> None:
        """Write down the state after an edit that is not saved yet; ProjectError as in :meth:`save`."""
        self._writable()
        with self._writing, _project_errors():
            self._journal.append(Entry(self.manifest.project_id, self.manifest.generation, dict(state)))

    def discard_unsaved(self) -> None:
        """Forget the journalled edits."""
        self._writable()
        with self._writing, contextlib.suppress(OSError):
            self._journal.clear()

    def close(self) -> None:
        """Let others write; the project cannot be used afterwards. A new one that was never saved is removed."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                (self.path / _HOLDER).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None
            if self._remove_when_empty and self.manifest.generation == 0:
                # Else a first save that failed would leave a folder that is no project and blocks its name.
                shutil.rmtree(self.path, ignore_errors=True)
        self.read_only_reason = self.read_only_reason or "the project was closed."

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _writable(self) -> None:
        if self.read_only_reason:
            raise ProjectError(
                "This project is open for reading only.",
                self.read_only_reason,
                "Save under another name with “Save as”.",
            )

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes = (*self.notes, text)

    def _tidy(self) -> None:
        self._journal.clear()
        used = set(self.manifest.objects)
        for rank, generation in enumerate(self.generations(self.path)):
            path = _kept_path(self.path, generation)
            if rank >= KEPT_MANIFESTS:
                path.unlink()
            else:
                used.update(read_manifest(path).objects)
        self.objects.remove_unused(used)


def _acquire(folder: Path) -> tuple[FileLock | None, str]:
    """Return the lock, or None and the reason why the project is read-only, in words."""
    lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
        atomic_commit(folder / _HOLDER, _write_holder)
    except Timeout:
        return None, f"{_holder(folder)} has it open."
    except (OSError, Refusal, NotImplementedError):
        lock.release()
        return None, "the folder cannot be written to."
    return lock, ""


def _write_holder(file: Any) -> None:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A user id without a name, as in many containers.
        user = "Somebody"
    file.write(json_bytes({"user": user, "host": socket.gethostname(), "pid": os.getpid()}))


def _holder(folder: Path) -> str:
    try:
        found = parse_json((folder / _HOLDER).read_bytes())
        return f"{str(found['user'])[:40]} on {str(found['host'])[:40]} (process {int(found['pid'])})"
    except (OSError, ValueError, KeyError, TypeError):
        return "Another program"


def _kept_path(folder: Path, generation: int) -> Path:
    return folder / "manifests" / f"{generation:09d}.json"


def _with_way_out(error: ProjectError, folder: Path, failed: int | None) -> ProjectError:
    others = [number for number in Project.generations(folder) if number != failed]
    if error.fix or not others:
        return error
    words = f"An earlier saved state can be opened (number {others[0]} of {len(others)} kept)."
    return ProjectError(error.what, error.where, words)


def _as_project_error(error: Refusal) -> ProjectError:
    return ProjectError(error.what, error.where, error.fix)


@contextlib.contextmanager
def _project_errors() -> Any:
    try:
        yield
    except ProjectError:
        raise
    except Refusal as error:
        raise _as_project_error(error) from error
    except OSError as error:
        raise _as_project_error(refusal(error, Path(error.filename or "project"))) from error


def _link_tree(source: Path, target: Path) -> None:
    """Fill ``target`` with the files of ``source``: as hard links, as copies where the system has none."""
    for item in sorted(source.rglob("*")):
        place = target / item.relative_to(source)
        if item.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif item.is_file() and not item.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(item, place)
            except OSError:
                shutil.copyfile(item, place)
