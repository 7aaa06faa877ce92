"""The append-only journal of edits that are not saved yet: one line each, each with its checksum."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multimil_gui.project.commit import atomic_commit, refusal, sync_handle
from multimil_gui.project.objects import json_bytes, parse_json

#: A journal longer than this is rewritten with its last line only: every line holds the whole small state.
MAX_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Entry:
    """One line: the state after an edit, made upon one generation of one project."""

    project_id: str
    generation: int
    state: dict[str, Any]


class Journal:
    """A journal file.

    Parameters
    ----------
    path
        The file; made by the first entry.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Entry) -> None:
        """Add a line and bring it to the disk.

        Raises
        ------
        Refusal
            When it cannot be written.
        """
        body = json_bytes({"project": entry.project_id, "generation": entry.generation, "state": entry.state})
        line = b"%08x %s\n" % (zlib.crc32(body), body)
        try:
            size = self.path.stat().st_size if self.path.exists() else 0
            if size + len(line) > MAX_BYTES:
                atomic_commit(self.path, lambda file: _write(file, line))
                return
            with self.path.open("ab") as file:
                # The first byte ends a line that a crash tore; empty lines mean nothing.
                file.write(b"\n" + line if size else line)
                file.flush()
                sync_handle(file.fileno())
        except OSError as error:
            raise refusal(error, self.path) from error

    def read(self) -> tuple[tuple[Entry, ...], int]:
        """Return the whole entries, oldest first, and the number of damaged lines."""
        entries: list[Entry] = []
        damaged = 0
        for line in self._lines():
            entry = _parse(line)
            if entry is None:
                damaged += 1
            else:
                entries.append(entry)
        return tuple(entries), damaged

    def clear(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    def _lines(self) -> Iterator[bytes]:
        if not self.path.is_file() or self.path.stat().st_size > 2 * MAX_BYTES:
            return
        yield from (line for line in self.path.read_bytes().split(b"\n") if line)


def _parse(line: bytes) -> Entry | None:
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        found = parse_json(body)
        entry = Entry(str(found["project"]), int(found["generation"]), found["state"])
    except (ValueError, KeyError, TypeError):
        return None
    return entry if isinstance(entry.state, dict) else None


def _write(file: Any, content: bytes) -> None:
    file.write(content)
