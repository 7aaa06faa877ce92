"""Figures that no foreign file may exceed; each is far above what the field's own programs write."""

from __future__ import annotations

#: Groups or folders inside each other.
MAX_DEPTH = 32
#: Objects of an HDF5 file.
MAX_OBJECTS = 50_000
#: Files of a zarr folder or entries of its zip archive.
MAX_ENTRIES = 200_000
#: Attributes of one object, and bytes of one attribute.
MAX_ATTRIBUTES = 64
MAX_ATTRIBUTE_BYTES = 1 << 20
#: Characters of the name of a group, array or attribute.
MAX_NAME = 1024
#: Bytes of a description file of a zarr folder.
MAX_METADATA_BYTES = 4 << 20
#: Columns of a table.
MAX_COLUMNS = 10_000
#: Bytes that arrays may claim without having stored them; above, deflate's ceiling of about 1,030 to 1 decides.
FREE_BYTES = 64 << 20
MAX_RATIO = 1100
#: Bytes of one piece (chunk) after unpacking; numcodecs and HDF5 themselves stop at 2 and 4 GiB.
MAX_PIECE_BYTES = 1 << 31


def bomb(logical: int, stored: int) -> bool:
    """Return whether ``stored`` bytes cannot honestly unpack to ``logical`` bytes."""
    return logical > FREE_BYTES and logical > MAX_RATIO * max(stored, 1)
