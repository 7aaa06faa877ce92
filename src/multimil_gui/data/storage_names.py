"""Names of columns and layers as names of folders that every system can hold; everyday names stay as they are."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable

#: Bytes of the name of a folder; systems allow 255.
_MAX_BYTES = 120
_PLAIN = frozenset(" _-.()[]{}+,;=@#&$'!^~")
#: Names that a system or zarr keeps for itself.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))})
_RESERVED = frozenset({"zarr.json", "c"})


def storage_names(names: Iterable[str]) -> dict[str, str]:
    """Return the folder of each name: itself when it is harmless, else with ``%2F`` and the like.

    Different names get different folders also where a system takes upper for lower case. The same names in the same
    order get the same folders.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name in found:
            continue
        folder, number = _escaped(name), 1
        while folder.casefold() in taken:
            number += 1
            folder = f"{_escaped(name)}%{number}"
        taken.add(folder.casefold())
        found[name] = folder
    return found


def layer_paths(matrices: Iterable[str]) -> dict[str, str]:
    """Return where each matrix (``"X"``, ``"raw"``, ``"layers/NAME"``) lies inside its AnnData group."""
    listed = list(matrices)
    folders = storage_names(name.removeprefix("layers/") for name in listed if name.startswith("layers/"))
    paths = {name: f"layers/{folders[name.removeprefix('layers/')]}" for name in listed if name.startswith("layers/")}
    return {name: paths.get(name, "raw/X" if name == "raw" else name) for name in listed}


def _escaped(name: str) -> str:
    if not name:
        return "%"
    text = "".join(character if _harmless(character) else _percent(character) for character in name)
    if text.startswith((".", "__", " ")) or text.lower() in _RESERVED or text.split(".")[0].lower() in _DEVICES:
        text = _percent(name[0]) + text[1:]
    if text.endswith((".", " ")):
        text = text[:-1] + _percent(text[-1])
    if len(text.encode()) > _MAX_BYTES:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        text = text.encode()[: _MAX_BYTES - 20].decode("utf-8", "ignore").rstrip(". %") + f"%{digest}"
    return text


def _harmless(character: str) -> bool:
    """Whether no system takes it for something else; accents must be in the form that macOS does not change."""
    if character in _PLAIN or (character.isascii() and character.isalnum()):
        return True
    return character.isalnum() and unicodedata.is_normalized("NFC", character) and not unicodedata.combining(character)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
