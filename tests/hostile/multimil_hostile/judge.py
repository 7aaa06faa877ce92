"""Open one mutant as the program does and judge what came of it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data import child
from multimil_gui.data.import_ import import_file
from multimil_gui.data.store import Store
from multimil_hostile.mutate import write_mutant

#: Seconds after which an import counts as hanging: the program's own limit on the clock, and some to end it.
MAX_S = 3 * 15 + 10


@dataclass(frozen=True)
class Verdict:
    """What came of one mutant.

    Attributes
    ----------
    outcome
        ``"loaded"``, ``"warned"``, or the first words of the refusal.
    wrong
        What must not have happened; empty when all is well.
    seconds
        How long it took.
    """

    outcome: str
    wrong: str
    seconds: float


def judge(seed: int, number: int, folder: Path, command: Sequence[str]) -> Verdict:
    """Write mutant ``number`` of ``seed`` into a new folder, open it, judge, and remove it when all is well."""
    folder.mkdir(parents=True)
    path = write_mutant(seed, number, folder)
    verdict = open_mutant(path, folder / "stores", command)
    if not verdict.wrong:
        shutil.rmtree(folder)
    return verdict


def open_mutant(path: Path, stores: Path, command: Sequence[str]) -> Verdict:
    """Open a damaged file and judge; any exception but a refusal is wrong, as is a store that cannot be used."""
    kept, child.worker_command = child.worker_command, lambda: list(command)
    began = time.monotonic()
    outcome, wrong = "", ""
    try:
        store = import_file(path, stores, SilentReporter())
        outcome = "warned" if store.index.warnings else "loaded"
        wrong = _use(store)
    except Refusal as refusal:
        outcome = re.sub(r"[\d.,]*\d", "N", refusal.what)[:70]
        wrong = _read_aloud(refusal)
        if stores.exists() and list(stores.iterdir()):
            wrong = "something was left behind"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        wrong = f"{type(error).__name__}: {error}"
    finally:
        child.worker_command = kept
    seconds = time.monotonic() - began
    if seconds > MAX_S:
        wrong = wrong or f"took {seconds:.0f} s"
    return Verdict(outcome, wrong, seconds)


def _read_aloud(refusal: Refusal) -> str:
    text = str(refusal)
    if not (refusal.what and refusal.where and refusal.fix):
        return f"a part of the refusal is missing: {text}"
    if re.search(r"Traceback|<class|object at 0x", text) or not text.isprintable() or len(text) > 900:
        return f"the refusal cannot be read: {text[:300]}"
    return ""


def _use(store: Store) -> str:
    """Use everything of a loaded store as the program does; return what is wrong with it."""
    damaged = store.verify()
    if damaged:
        return f"damaged at once: {damaged[0]}"
    frame = store.obs()
    for column in store.index.obs:
        labels = store.labelling(column.name)
        if len(frame[column.name]) != store.n_cells or labels.codes.max(initial=-1) >= len(labels.levels):
            return f"column {column.name!r} does not fit"
        if column.kind.value == "category":
            store.colors(column.name)
    for key in store.index.obsm:
        values = store.obsm(key)
        if values.shape[0] != store.n_cells or not np.isfinite(values).all():
            return f"coordinates {key!r} cannot be used"
    store.maps(), store.latents()
    for name, info in store.index.modalities.items():
        rows = store.modality_rows(name)
        if len(rows) != info.n_cells or (np.diff(rows) <= 0).any() or rows.max(initial=0) >= store.n_cells:
            return f"rows of {name} are wrong"
        for layer in info.layers:
            matrix = store.matrix(name, layer)
            values = matrix.data if info.matrices[layer].sparse else matrix
            if info.matrices[layer].sparse:
                matrix.check_format(full_check=True)
            if matrix.shape != (info.n_cells, len(store.features(name, layer))) or not np.isfinite(values).all():
                return f"matrix {layer} of {name} is wrong"
        store.feature_values(name, store.features(name)[0])
    return ""
