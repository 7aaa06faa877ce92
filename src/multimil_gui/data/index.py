"""The JSON index of a Store: what is in it, without reading any array."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

#: Version of the Store's layout; a store of another version is imported anew.
STORE_VERSION = 2

#: Levels of a column that are listed in the index, and their characters.
MAX_LISTED_LEVELS = 50
MAX_LISTED_TEXT = 20_000

#: Bytes of an index; a larger one is not read.
MAX_INDEX_BYTES = 64 << 20

#: Columns that a matrix may have to be taken for a latent space.
MAX_LATENT_DIMS = 500


class ColumnKind(StrEnum):
    """What kind of values an obs column holds."""

    CATEGORY = "category"
    NUMBER = "number"
    BOOL = "bool"
    TEXT = "text"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MatrixInfo(_Frozen):
    """One matrix of a modality.

    Attributes
    ----------
    n_features
        Columns.
    dtype
        Type of the values on disk, e.g. ``"uint8"``.
    counts
        All values are non-negative integers.
    sparse
        Stored as CSR; else dense.
    smallest, largest
        Range of the values, zeros included.
    """

    n_features: int
    dtype: str
    counts: bool
    sparse: bool
    smallest: float
    largest: float


class ModalityInfo(_Frozen):
    """One modality; ``dtype``, ``counts`` and ``sparse`` describe its first matrix.

    Attributes
    ----------
    n_cells
        Cells in which the modality was measured; only these rows are stored.
    n_features
        Columns of the first matrix.
    layers
        Names of its matrices: ``"X"``, ``"raw"``, ``"layers/NAME"``.
    matrices
        The same names with their description.
    """

    n_cells: int
    n_features: int
    dtype: str
    counts: bool
    sparse: bool
    layers: tuple[str, ...]
    matrices: dict[str, MatrixInfo]

    @property
    def embedding(self) -> bool:
        """Whether the first matrix may itself serve as latent space: dense real values, few columns, some negative."""
        few = self.n_features <= MAX_LATENT_DIMS
        return few and not self.sparse and not self.counts and self.matrices[self.layers[0]].smallest < 0


class ColumnInfo(_Frozen):
    """One obs column.

    Attributes
    ----------
    n_levels
        Distinct values, missing ones not counted.
    levels
        The values in display order when there are at most 50, else empty; numbers are not listed.
    n_missing
        Cells without a value.
    """

    name: str
    kind: ColumnKind
    n_levels: int
    levels: tuple[str, ...]
    n_missing: int


class StoreIndex(_Frozen):
    """Everything the window needs to propose columns and maps.

    Attributes
    ----------
    source_name, source_hash
        Name of the source file and BLAKE2b (hex) of its bytes.
    obsm
        Number of dimensions of each obsm array.
    note
        What the file says about itself (``uns["source"]``), e.g. that it is simulated.
    hashes
        BLAKE2b (hex) of the decoded values, type and shape of each array, by path inside the store.
    """

    version: int
    source_name: str
    source_hash: str
    n_cells: int
    modalities: dict[str, ModalityInfo]
    obs: tuple[ColumnInfo, ...]
    obsm: dict[str, int]
    note: str
    warnings: tuple[str, ...]
    hashes: dict[str, str]

    def column(self, name: str) -> ColumnInfo | None:
        """Return the description of an obs column, None when there is none of that name."""
        return next((column for column in self.obs if column.name == name), None)
