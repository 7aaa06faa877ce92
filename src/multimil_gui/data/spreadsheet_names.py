"""Gene names that a spreadsheet turned into dates or numbers, and what they probably were."""

from __future__ import annotations

import re
from collections.abc import Sequence

from multimil_gui.data.words import counted, shown

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDS = ("january", "february", "march", "april", "june", "july", "august", "september", "sept", "october", "november")
#: Families of genes whose old symbols are months, and what they are called since 2020.
_FAMILIES = {
    "mar": ("MARCH", "MARCHF"),
    "sep": ("SEPT", "SEPTIN"),
    "dec": ("DEC", ""),
    "oct": ("OCT", ""),
    "nov": ("NOV", ""),
}
_SINGLE = {("dec", 1): "DEC1 (now DELEC1)", ("sep", 15): "SEP15 (now SELENOF)", ("oct", 4): "OCT4 (now POU5F1)"}
_DAY_MONTH = re.compile(r"(\d{1,2})[-/ ]([a-z]{3,9})\.?", re.IGNORECASE)
#: Two digits, as spreadsheets write it: Oct-4 is a name of its own.
_MONTH_DAY = re.compile(r"([a-z]{3})-(\d{2})", re.IGNORECASE)
_ISO = re.compile(r"(?:19|20)\d\d[-/](\d{1,2})[-/](\d{1,2})(?:[ T]00:00(?::00)?)?")
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?E\+?(\d{1,2})", re.IGNORECASE)
#: Days since 1900 of the years 1982 to 2036, as a spreadsheet shows dates stored as numbers.
_SERIAL = re.compile(r"(?:3\d|4\d)\d{3}")
_MAX_SHOWN = 3


def suggestion(name: str) -> str:
    """Return what a damaged gene name probably was, e.g. ``"MARCH1"`` for ``"1-Mar"``; empty for a sound name."""
    text = name.strip()
    if len(text) > 25:
        return ""
    month, day = _month_and_day(text)
    if (month, day) in _SINGLE:
        return _SINGLE[month, day]
    if month in _FAMILIES and 1 <= day <= 31:
        old, new = _FAMILIES[month]
        return f"{old}{day}" + (f" (now {new}{day})" if new else "")
    if month:
        return "a gene whose name looks like a date"
    found = _SCIENTIFIC.fullmatch(text)
    if found and int(found.group(3)) >= 3:
        return "a RIKEN clone or another name with an E between digits"
    return ""


def damaged_names(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return (name, suggestion) of the names that look damaged.

    Plain numbers are damage only when they are rare: a file may name all its genes by number.
    """
    found = [(name, guess) for name in names if (guess := suggestion(name))]
    serial = [name for name in names if _SERIAL.fullmatch(name.strip())]
    if serial and len(serial) < 0.05 * len(names):
        found += [(name, "a date stored as a number") for name in serial]
    return found


def damage_sentence(names: Sequence[str]) -> str:
    """Return one sentence on the damaged names with the first examples; empty when there are none."""
    found = damaged_names(names)
    if not found:
        return ""
    examples = ", ".join(f"{shown(name, 25)} looks like {guess}" for name, guess in found[:_MAX_SHOWN])
    more = f" and {len(found) - _MAX_SHOWN:,} more" if len(found) > _MAX_SHOWN else ""
    verb = "was" if len(found) == 1 else "were"
    return f"{counted(len(found), 'gene name')} {verb} damaged by a spreadsheet: {examples}{more}."


def _month_and_day(text: str) -> tuple[str, int]:
    """Return the month (three letters) and day of a date, ("", 0) when it is none."""
    found = _DAY_MONTH.fullmatch(text)
    if found:
        return _month(found.group(2)), int(found.group(1))
    found = _MONTH_DAY.fullmatch(text)
    if found:
        return _month(found.group(1)), int(found.group(2))
    found = _ISO.fullmatch(text)
    if found and 1 <= int(found.group(1)) <= 12:
        return _MONTHS[int(found.group(1)) - 1], int(found.group(2))
    return "", 0


def _month(word: str) -> str:
    lowered = word.lower()
    return lowered[:3] if lowered in (*_MONTHS, *_WORDS, "december") else ""
