"""What the program and its import process say to each other: one JSON object a line, of exactly these forms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from multimil_gui.data.index import StoreIndex
from multimil_gui.data.words import shown

#: One line of an answer, and all lines together.
MAX_LINE = 32 << 20
MAX_TOTAL = 64 << 20
_MAX_TEXT = 600

_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
_Text = Annotated[str, Field(max_length=_MAX_TEXT)]
_Count = Annotated[int, Field(ge=0, lt=2**62)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(_Message):
    """What the import process is asked to do.

    Attributes
    ----------
    source
        File or folder to read.
    store
        Empty place to write the store to; None only inspects.
    known
        Hashes whose store exists already.
    cpu_s
        Seconds of CPU time it may take.
    """

    source: Path
    store: Path | None
    known: frozenset[_Digest]
    cpu_s: int


class Progress(_Message):
    """Where it is: a stage in the user's words, and how much of it is done."""

    progress: _Text
    done: _Count
    total: _Count


class Stored(_Message):
    """The store is written; the hash of the source."""

    store: _Digest


class Reused(_Message):
    """A store of the same source exists; its hash."""

    reuse: _Digest


class Summary(_Message):
    """What an import would give."""

    summary: StoreIndex


class Refused(_Message):
    """The file cannot be read: what, where, what to do."""

    refused: tuple[_Text, _Text, _Text]

    @classmethod
    def of(cls, what: str, where: str, fix: str) -> Refused:
        """Return it with texts of bounded length and without invisible characters."""
        return cls(refused=(shown(what, _MAX_TEXT), shown(where, _MAX_TEXT), shown(fix, _MAX_TEXT)))


Answer = Stored | Reused | Summary
_MESSAGES: TypeAdapter[Progress | Stored | Reused | Summary | Refused] = TypeAdapter(
    Progress | Stored | Reused | Summary | Refused
)


def parse(line: str) -> Progress | Stored | Reused | Summary | Refused:
    """Return a message.

    Raises
    ------
    ValueError
        When the line is none.
    """
    return _MESSAGES.validate_json(line)
