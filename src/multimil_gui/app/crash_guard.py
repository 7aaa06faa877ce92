"""Whether the programs that ran before ended by themselves, and what to do when several in a row did not."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from multimil_gui.core.errors import Refusal
from multimil_gui.project.commit import atomic_commit

SAFE_AFTER = 3
"""So many crashes in a row make the next start a safe one."""

_REPORT_CHARACTERS = 20_000


@dataclass(frozen=True)
class Past:
    """What happened before this start.

    Attributes
    ----------
    crashed
        Whether a program crashed or was killed since the last start.
    in_a_row
        Crashes since a program last ended by itself.
    """

    crashed: bool = False
    in_a_row: int = 0

    @property
    def safe_mode(self) -> bool:
        """Whether this start does without what may have crashed: the graphics card and the kept arrangement."""
        return self.in_a_row >= SAFE_AFTER


class CrashGuard:
    """Marks the running program by a locked file; the system frees the lock however the program ends.

    No clock and no process number is asked, so that neither a changed time nor a reused number misleads it.

    Parameters
    ----------
    folder
        Where the marks lie; made when missing. When it cannot be written, nothing is known and nothing is marked.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: FileLock | None = None

    def begin(self) -> Past:
        """Mark this program as running; return what happened before."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            crashes = sum(1 for _ in self._abandoned())
            in_a_row = self._known() + crashes
            if crashes:
                self._remember(in_a_row)
            self._lock = FileLock(self._folder / f"running-{secrets.token_hex(8)}.lock")
            self._lock.acquire(timeout=0)
        except OSError:
            self._lock = None
            return Past()
        return Past(bool(crashes), in_a_row)

    def end(self) -> None:
        """Say that this program ends by itself."""
        if self._lock is None:
            return
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock = None
        self._remember(0)

    def _abandoned(self) -> Iterator[Path]:
        """Remove and return the marks that no program holds."""
        for path in sorted(self._folder.glob("running-*.lock")):
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            lock.release()
            path.unlink(missing_ok=True)
            yield path

    def _known(self) -> int:
        try:
            number = json.loads((self._folder / "crashes.json").read_text(encoding="utf-8"))["in_a_row"]
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        return number if isinstance(number, int) else 0

    def _remember(self, in_a_row: int) -> None:
        content = json.dumps({"in_a_row": in_a_row}).encode()

        def write(file: BinaryIO) -> None:
            file.write(content)

        try:
            atomic_commit(self._folder / "crashes.json", write)
        except (OSError, Refusal):
            # Counting is a help; a full disk must not keep the program from starting or ending.
            return


def crash_report(crash_file: Path) -> str:
    """Return the end of what a native crash wrote, empty when there is nothing."""
    try:
        return crash_file.read_text(encoding="utf-8", errors="replace")[-_REPORT_CHARACTERS:]
    except OSError:
        return ""
