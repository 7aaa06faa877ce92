"""File names from labels: safe on every system, never two alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: Longest name in UTF-8 bytes, so that an extension and a counter still fit everywhere.
MAX_BYTES = 100

_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def file_slug(label: str, taken: Iterable[str] = ()) -> str:
    """Return a file name (without extension) for a label.

    Letters and digits of any script, ``-``, ``_``, ``+`` and inner ``.`` stay; all else becomes ``_``. The result has
    at most :data:`MAX_BYTES` bytes, is no device name of Windows, and differs from all ``taken`` names also where
    upper and lower case are the same.
    """
    text = unicodedata.normalize("NFC", label)
    text = re.sub(r"[^\w+.-]+", "_", text)
    text = re.sub(r"_{2,}", "_", text).strip("._ ")
    text = _shorten(text, MAX_BYTES) or "unnamed"
    if text.split(".")[0].lower() in _DEVICES:
        text = _shorten(f"_{text}", MAX_BYTES)
    used = {name.casefold() for name in taken}
    slug, number = text, 2
    while slug.casefold() in used:
        slug = f"{_shorten(text, MAX_BYTES - 8)}_{number}"
        number += 1
    return slug


def _shorten(text: str, n_bytes: int) -> str:
    return text.encode("utf-8")[:n_bytes].decode("utf-8", errors="ignore").rstrip("._ ")
