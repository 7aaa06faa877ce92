"""Text from files inside our sentences: short, on one line, and with every invisible character shown."""

from __future__ import annotations

import unicodedata

#: Characters of a name that are shown.
MAX_SHOWN = 80
#: Categories of characters that are invisible or change how their neighbours look: control, format, surrogate, unset.
_INVISIBLE = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
_PICTURES = {"\n": "⏎", "\r": "␍", "\t": "␉", "\x7f": "␡"}


def shown(text: object, limit: int = MAX_SHOWN) -> str:
    """Return the text as it may stand in a sentence: at most ``limit`` characters, control characters as ␀ ⏎."""
    whole = str(text)
    cut = whole if len(whole) <= limit else f"{whole[: limit - 1]}…"
    return "".join(_visible(character) for character in cut)


def counted(number: int, word: str, several: str = "") -> str:
    """Return ``1 cell`` or ``2,345 cells``; ``several`` is the plural where an s does not make it."""
    return f"{number:,} {word if number == 1 else several or word + 's'}"


def verb(number: int, one: str, several: str) -> str:
    """Return the form of a verb: ``is`` for one, ``are`` for several."""
    return one if number == 1 else several


def listing(items: list[str], total: int | None = None, most: int = 3) -> str:
    """Return the first items as they may stand in a sentence: ``a, b, c and 4 more``."""
    total = len(items) if total is None else total
    text = ", ".join(shown(item) for item in items[:most])
    return f"{text} and {total - most:,} more" if total > most else text


def size_text(n_bytes: float) -> str:
    """Return a number of bytes in words: ``512 bytes``, ``3.4 MB``."""
    if n_bytes < 1000:
        return f"{int(n_bytes)} bytes"
    for unit in ("kB", "MB", "GB", "TB"):
        n_bytes /= 1000
        if n_bytes < 1000:
            return f"{n_bytes:,.1f} {unit}"
    return f"{n_bytes:,.0f} TB"


def _visible(character: str) -> str:
    if character.isprintable() and unicodedata.category(character) not in _INVISIBLE:
        return character
    if character in _PICTURES:
        return _PICTURES[character]
    if ord(character) < 0x20:
        return chr(0x2400 + ord(character))
    return f"‹{ord(character):04X}›"
