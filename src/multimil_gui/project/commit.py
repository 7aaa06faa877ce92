"""The only writer of files the user sees: whole or not at all, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from multimil_gui.core.errors import Refusal

#: Start of the names of unfinished files: hidden, and ignored by folder synchronisers.
TEMPORARY = ".~"

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
#: Windows refuses to replace a file that a scanner or indexer holds open for a moment.
_REPLACE_TRIES = 10 if os.name == "nt" else 1
_REPLACE_PAUSE_S = 0.2


def atomic_commit(
    path: str | os.PathLike[str], writer: Callable[[BinaryIO], None], check: Callable[[Path], None] | None = None
) -> Path:
    """Write a file so that at every instant ``path`` is the old file or the whole new one.

    The content goes to a temporary file in the same folder, is flushed to the disk, checked, and then takes the place
    of the old file in one step. On any error the temporary file is removed and the old file stays as it was.

    Parameters
    ----------
    path
        The file. A symbolic link is followed.
    writer
        Writes the content to an open binary file.
    check
        Re-opens the finished temporary file and raises when it is not what it should be.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    Refusal
        When the disk is full, the folder is missing or read-only, or the device fails. What ``writer`` and ``check``
        raise passes through.
    """
    target = _resolved(path)

    def write(temporary: Path) -> None:
        with temporary.open("xb") as file:
            writer(file)
            file.flush()

    return _commit(target, write, check)


def atomic_path(
    path: str | os.PathLike[str], writer: Callable[[Path], None], check: Callable[[Path], None] | None = None
) -> Path:
    """Like :func:`atomic_commit` for libraries that open the file themselves; ``writer`` gets the temporary path.

    The temporary name has the same suffix as ``path``.
    """
    return _commit(_resolved(path), writer, check)


def atomic_folder(path: str | os.PathLike[str], writer: Callable[[Path], None]) -> Path:
    """Write a new folder so that it appears whole or not at all.

    Parameters
    ----------
    path
        The folder; must not exist.
    writer
        Fills the temporary folder it is given.

    Raises
    ------
    Refusal
        When something is already there, or as in :func:`atomic_commit`.
    """
    target = Path(path)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise Refusal("There is already something under this name.", f"{target.name}.", "Choose another name.")
    temporary = _temporary(target)
    try:
        temporary.mkdir()
        writer(temporary)
        for file in sorted(temporary.rglob("*")):
            sync(file)
        sync(temporary)
        _replace(temporary, target)
        sync(target.parent)
    except OSError as error:
        raise refusal(error, target) from error
    finally:
        if temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)
    return target


def remove_leftovers(folder: Path) -> None:
    """Remove unfinished files that a killed program left directly in ``folder``; only for the folder's only writer."""
    for leftover in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()


def sync(path: Path) -> None:
    """Bring a file or folder to the disk itself, not only to the system's cache."""
    if path.is_dir() and os.name == "nt":
        return
    # Windows can only flush what is open for writing; a folder can only be opened for reading.
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        sync_handle(handle)
    except OSError as error:
        # Some network and FUSE file systems have no such operation for folders; there the rename is all one can do.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(handle)


def sync_handle(handle: int) -> None:
    """Bring an open file to the disk itself."""
    if sys.platform == "darwin":
        import fcntl

        # fsync on macOS stops at the drive's own cache.
        with contextlib.suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def refusal(error: OSError, path: Path) -> Refusal:
    """Return what went wrong in writing ``path``, in the user's words."""
    where = f"{path.name} in {path.parent.name or path.parent}."
    if error.errno in _FULL:
        return Refusal("The disk is full; nothing was changed.", where, "Free some space or choose another place.")
    if error.errno in _FORBIDDEN:
        return Refusal(
            "This place cannot be written to; nothing was changed.", where, "Choose another folder with “Save as”."
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Refusal("The folder does not exist (any more).", where, "Choose another folder.")
    if error.errno == errno.ENAMETOOLONG:
        return Refusal("The name is too long.", where, "Choose a shorter one.")
    reason = error.strerror or type(error).__name__
    return Refusal(f"The file could not be written: {reason}.", where, "Try again or choose another place.")


def _commit(target: Path, write: Callable[[Path], None], check: Callable[[Path], None] | None) -> Path:
    temporary = _temporary(target)
    try:
        write(temporary)
        sync(temporary)
        if check is not None:
            check(temporary)
        _replace(temporary, target)
        sync(target.parent)
    except OSError as error:
        raise refusal(error, target) from error
    finally:
        # After success it is no longer there; after a failure, also Ctrl+C, it must not stay.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return target


def _replace(temporary: Path, target: Path) -> None:
    for left in reversed(range(_REPLACE_TRIES)):
        try:
            temporary.replace(target)
            return
        except PermissionError:
            if not left:
                raise
            time.sleep(_REPLACE_PAUSE_S)


def _temporary(target: Path) -> Path:
    suffix = target.suffix[-16:]
    return target.with_name(f"{TEMPORARY}{target.stem[:40]}.{secrets.token_hex(4)}{suffix}")


def _resolved(path: str | os.PathLike[str]) -> Path:
    given = Path(path)
    return given.resolve() if given.is_symlink() else given
