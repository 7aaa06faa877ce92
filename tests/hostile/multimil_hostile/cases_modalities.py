"""Rows C13 and C14: modalities that do not fit each other, or are not what they are called."""

from __future__ import annotations

import h5py
import numpy as np

from multimil_hostile.make_h5ad import GENES, N_CELLS, PROTEINS, array, cells, counts, h5mu, mark
from multimil_hostile.outcomes import Load, Outcome, Refuse, changed

RNA, ADT = (counts(), GENES, cells()), (counts(N_CELLS - 4, 4) * 5, PROTEINS, cells()[4:])
BACK = (counts()[::-1], GENES, cells()[::-1])
OTHER = (counts(N_CELLS, 4), PROTEINS, [*cells()[:10], "stranger1", "stranger2"])
TWICE = (counts(N_CELLS, 4), PROTEINS, [*cells()[:11], "cell00"])


def _modalities(name: str, outcome: Outcome, **modalities: tuple) -> None:
    changed(h5mu, name, outcome, modalities=modalities)(lambda file: None)


_modalities("C13 modalities of other cells, in part", Load(12, {"rna": 6, "adt": 4}), rna=RNA, adt=ADT)
_modalities(
    "C13 modality in another order",
    Load(
        12,
        {"rna": 6, "adt": 4, "back": 6},
        (),
        ("rna and back hold the same values: one of them may be a copy by mistake.",),
    ),
    rna=RNA,
    adt=(ADT[0], PROTEINS, cells()[4:][::-1]),
    back=BACK,
)
_modalities(
    "C13 modality with cells that the file lacks",
    Refuse(
        "A modality has cells that the table of all cells lacks.",
        "x.h5mu: mod/adt: 2 cells, for example stranger1, stranger2.",
        "Write the file anew with mudata.",
    ),
    rna=RNA,
    adt=OTHER,
)
_modalities(
    "C13 modality with a cell twice",
    Refuse(
        "The cells of the modalities cannot be matched: cell names are repeated.",
        "x.h5mu: mod/adt: 1 repeated name.",
        "Make the names unique (obs_names_make_unique) and write the file anew.",
    ),
    rna=RNA,
    adt=TWICE,
)
_modalities(
    "C13 modalities with names that are no names",
    Load(
        12,
        {"proto": 6, "adt": 4, "con": 6},
        (),
        ("proto and con hold the same values: one of them may be a copy by mistake.",),
    ),
    **{"__proto__": RNA, "..%2f": ADT, "con\n": BACK},
)
_modalities(
    "C14 two modalities with the same values",
    Load(
        12,
        {"rna": 6, "spliced": 6},
        (),
        ("rna and spliced hold the same values: one of them may be a copy by mistake.",),
    ),
    rna=RNA,
    spliced=RNA,
)
_modalities(
    "C14 genes called chromatin",
    Load(
        12,
        {"rna": 6, "atac": 6},
        (),
        (
            "atac has features that do not look like peaks, e.g. GNLY, PPBP.",
            "rna and atac hold the same values: one of them may be a copy by mistake.",
        ),
    ),
    rna=RNA,
    atac=(counts(), GENES[::-1], cells()),
)
_modalities(
    "C14 peaks called genes", Load(12, {"rna": 6, "adt": 4}, (), ("rna has features that look like peaks of chromatin, e.g. chr1:100-150, chr1:200-250.", )), rna=(counts(), [f"chr1:{i}00-{i}50" for i in range(1, 7)], cells()), adt=ADT
)  # fmt: skip


@changed(
    h5mu,
    "C13 no modalities",
    Refuse("The file has no modalities.", "x.h5mu: mod is empty.", "Write the file anew with mudata."),
)
def _(file: h5py.File) -> None:
    del file["mod/rna"], file["mod/adt"]


@changed(
    h5mu,
    "C13 modality that is an array",
    Refuse('The modality "adt" is not an AnnData object.', "x.h5mu: mod/adt.", "Write the file anew with mudata."),
)
def _(file: h5py.File) -> None:
    del file["mod/adt"]
    file["mod/adt"] = np.eye(3)


@changed(
    h5mu,
    "C13 shared features instead of cells",
    Refuse(
        "The modalities of this file share features, not cells.",
        "x.h5mu: axis is not 0.",
        "Write the file anew with mudata.",
    ),
)
def _(file: h5py.File) -> None:
    file.attrs["axis"] = 1


@changed(h5mu, "C13 map of cells that lies", Load(12, {"rna": 6, "adt": 4}))
def _(file: h5py.File) -> None:
    array(file["obsmap"], "adt", np.array([[-1] * N_CELLS]))
    array(file["obsmap"], "rna", np.arange(N_CELLS, dtype=np.uint32)[::-1] + 1)


@changed(
    h5mu,
    "C13 hundred modalities",
    Refuse("The file has more than 50 modalities.", "x.h5mu: mod holds 102.", "Write the file anew with mudata."),
)
def _(file: h5py.File) -> None:
    for number in range(100):
        mark(file["mod"].create_group(f"m{number}"), "anndata")


@changed(
    h5mu,
    "C13 modality without a matrix",
    Load(12, {"rna": 6}, (), ('The modality "adt" has no matrix and is left out.',)),
)
def _(file: h5py.File) -> None:
    del file["mod/adt/X"]


@changed(h5mu, "C13 order of modalities that are not there", Load(12, {"adt": 4, "rna": 6}))
def _(file: h5py.File) -> None:
    file["mod"].attrs["mod-order"] = np.array(["rna", "nothing"], dtype=h5py.string_dtype())
