"""What is done to counts before a likelihood sees them; each step can be repeated on other cells with what the fit kept.

scanpy and muon have the same transformations (the tests compare), but for a whole matrix in memory, with the totals of
the columns that are left, and with constants taken anew from whatever cells they are given: a query needs those of the
fit. Every zero of a sparse matrix stays one, but for the centred log-ratio, which has no zeros to keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import Likelihood, Transform
from multimil_gui.data.gather import MatrixSource
from multimil_gui.data.index import MatrixInfo
from multimil_gui.data.modality_names import ADT, ATAC, RNA

#: Counts per cell after normalisation.
TARGET_SUM = 1e4
_CLR = (Transform.CLR_CELL, Transform.CLR_PROTEIN)
_WORDS = {
    Transform.NONE: "none",
    Transform.LOG_NORMALISED: "10,000 counts per cell, log1p",
    Transform.CLR_CELL: "centred log-ratio per cell",
    Transform.CLR_PROTEIN: "centred log-ratio per protein",
    Transform.TF_IDF: "TF-IDF (log1p of 10,000 counts per cell, times log1p of cells per count of the peak)",
}


@dataclass(frozen=True)
class FittedTransform:
    """A transformation with everything that repeats it on other cells.

    Attributes
    ----------
    kind
        Which one; never ``auto``.
    binarised
        Counts become 0 or 1 (for the Bernoulli likelihood).
    constants
        By feature of the model: log mean of the proteins (CLR per protein) or inverse document frequency (TF-IDF);
        empty for the others, which use what is in the cell alone.
    """

    kind: Transform
    binarised: bool = False
    constants: tuple[float, ...] = ()

    @property
    def words(self) -> str:
        """What is done, for people."""
        return "any count is 1" if self.binarised else _WORDS[self.kind]

    @property
    def dense(self) -> bool:
        """Whether the result has no zeros to leave out."""
        return self.kind in _CLR

    @property
    def dtype(self) -> Any:
        """Type of the result; None when values stay as they are."""
        if self.binarised:
            return np.uint8
        return None if self.kind is Transform.NONE else np.float32

    @property
    def needs_totals(self) -> bool:
        """Whether the counts per cell, over all features of the file, are used."""
        return self.kind in (Transform.LOG_NORMALISED, Transform.TF_IDF)

    def steps(self) -> dict[str, object]:
        """Return this as plain values; :func:`transform_of` reads them."""
        return {"transform": str(self.kind), "binarised": self.binarised, "constants": list(self.constants)}


def transform_of(steps: Mapping[str, Any]) -> FittedTransform:
    """Return the transformation that :meth:`FittedTransform.steps` described."""
    return FittedTransform(Transform(steps["transform"]), bool(steps["binarised"]), tuple(steps["constants"]))


def pick_transform(source: MatrixSource, likelihood: Likelihood, wanted: Transform) -> Transform:
    """Return the transformation that a modality gets.

    Raises
    ------
    Refusal
        When the likelihood, the modality or its values do not go with the one asked for.
    """
    if likelihood.of_counts:
        if wanted in (Transform.AUTO, Transform.NONE):
            return Transform.NONE
        raise Refusal(
            f"{source.name} cannot be both transformed and modelled as counts.",
            f"transform is {wanted}, likelihood is {likelihood}.",
            'Set the likelihood to "normal", or the transform to "auto".',
        )
    if wanted is Transform.AUTO:
        if not source.info.counts:
            return Transform.NONE
        return Transform.CLR_CELL if source.name == ADT else Transform.LOG_NORMALISED
    _check_modality(source, wanted)
    if wanted is not Transform.NONE and source.info.smallest < 0:
        raise Refusal(
            f"{_WORDS[wanted]} cannot be computed of negative values.".capitalize(),
            f"The values of {source.name} {source.layer} range from {source.info.smallest:.3g} "
            f"to {source.info.largest:.3g}.",
            'Choose a matrix with counts, or set the transform to "none".',
        )
    return wanted


def fitting_transforms(name: str, info: MatrixInfo) -> tuple[Transform, ...]:
    """Return the transformations that go with a modality and the values of its matrix."""
    safe = (Transform.AUTO, Transform.NONE)
    return tuple(kind for kind in Transform if kind in safe or (_suits(name, kind) and info.smallest >= 0))


def _suits(name: str, kind: Transform) -> bool:
    """Say whether a transformation is meant for a modality; one of an unknown kind may be any."""
    if kind is Transform.TF_IDF:
        return name not in (RNA, ADT)
    return kind not in _CLR or name not in (RNA, ATAC)


def _check_modality(source: MatrixSource, wanted: Transform) -> None:
    if not _suits(source.name, wanted):
        what = "TF-IDF is for chromatin" if wanted is Transform.TF_IDF else "The centred log-ratio is for proteins"
        better = Transform.CLR_CELL if source.name == ADT else Transform.LOG_NORMALISED
        raise Refusal(f"{what}.", f"transform of {source.name} is {wanted}.", f'Set it to "{better}" or "auto".')


def fit_transform(
    source: MatrixSource, kind: Transform, likelihood: Likelihood, columns: np.ndarray
) -> FittedTransform:
    """Return the transformation with the constants of the cells of the matrix.

    Parameters
    ----------
    columns
        (n_kept,) int64 columns that are kept.
    """
    if kind is Transform.CLR_PROTEIN:
        means = _column_sums(source, np.log1p)[columns] / max(source.n_cells, 1)
        return FittedTransform(kind, constants=tuple(means.tolist()))
    if kind is Transform.TF_IDF:
        counts = _column_sums(source, lambda values: values)[columns]
        idf = np.log1p(np.divide(source.n_cells, counts, out=np.zeros(len(counts)), where=counts > 0))
        return FittedTransform(kind, constants=tuple(idf.tolist()))
    return FittedTransform(kind, binarised=likelihood is Likelihood.BERNOULLI)


def _column_sums(source: MatrixSource, of: Any) -> np.ndarray:
    from multimil_gui.data.column_sums import moments

    first, _ = moments(
        source.blocks("constants of the features"),
        lambda start, block: of(block.data.astype(np.float64)),
        source.bound,
        np.zeros(source.n_cells, dtype=np.int64),
        1,
        source.info.n_features,
    )
    return first[0]


def transformed(
    fitted: FittedTransform, chosen: csr_matrix, total: np.ndarray | None, known: np.ndarray | None = None
) -> csr_matrix | np.ndarray:
    """Return some cells as the model sees them.

    Parameters
    ----------
    fitted
        What is done.
    chosen
        (n, n_features) CSR of counts, features as in the model.
    total
        (n,) counts per cell over all features of the file, where ``needs_totals``.
    known
        (n_features,) bool, the features that the file has; None: all. The others become 0.
    """
    if fitted.binarised:
        return _like(chosen, np.ones(chosen.nnz, dtype=np.uint8))
    if fitted.kind is Transform.NONE:
        return chosen
    if fitted.dense:
        return _centred(fitted, chosen, known)
    assert total is not None
    factor = np.divide(TARGET_SUM, total, out=np.zeros(len(total)), where=total > 0)
    values = np.log1p(chosen.data * np.repeat(factor, np.diff(chosen.indptr)))
    if fitted.kind is Transform.TF_IDF:
        values *= np.asarray(fitted.constants)[chosen.indices]
    return _like(chosen, values.astype(np.float32))


def _centred(fitted: FittedTransform, chosen: csr_matrix, known: np.ndarray | None) -> np.ndarray:
    """Return log1p minus its mean over the cell's proteins, or over the protein's cells."""
    logged = np.log1p(chosen.toarray().astype(np.float64))
    inside = np.ones(chosen.shape[1], dtype=bool) if known is None else known
    if fitted.kind is Transform.CLR_CELL:
        centre = logged.sum(axis=1, keepdims=True) / max(inside.sum(), 1)
    else:
        centre = np.asarray(fitted.constants)[None, :]
    return np.where(inside, logged - centre, 0).astype(np.float32)


def _like(matrix: csr_matrix, values: np.ndarray) -> csr_matrix:
    return csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape)
