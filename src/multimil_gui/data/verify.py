"""Check every array of a store against its hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multimil_gui.data.hashing import hash_array


def damaged_arrays(store: Path, hashes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the paths (inside the store) of the arrays that are missing, unreadable or changed.

    Parameters
    ----------
    store
        The store folder.
    hashes
        Expected hash of each array, as in the index.
    """
    return tuple(path for path, expected in hashes.items() if not _intact(store, path, expected))


def _intact(store: Path, path: str, expected: str) -> bool:
    import zarr

    folder, _, inner = path.partition("/")
    try:
        array: Any = zarr.open_array(str(store / folder / inner), mode="r")
        return hash_array(array[:]) == expected
    except Exception:  # noqa: BLE001 - whatever a damaged array raises, it is damaged
        return False
