"""The session as plain values and blobs of a project, and back, exactly as it was left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Cohort, Columns
from multimil_gui.project.objects import DamagedObject, ObjectStore
from multimil_gui.project.project import ProjectError
from multimil_gui.state.cell_sets import CellSet, CellSets
from multimil_gui.state.data import Annotation, Arrays, Data, GivenTarget, open_data
from multimil_gui.state.recipes import from_plain, to_plain
from multimil_gui.state.result_codec import decode_result, encode_result
from multimil_gui.state.runs import RunKind, RunRecord, Runs
from multimil_gui.state.samples import SamplesView
from multimil_gui.state.selection import Selection
from multimil_gui.state.selection_state import nothing
from multimil_gui.state.snapshot import Snapshot
from multimil_gui.state.view import View

if TYPE_CHECKING:
    from multimil_gui.data.store import Store

T = TypeVar("T")

#: Version of the values below, inside the manifest's own version.
FORMAT = 1

_VIEW = TypeAdapter(View)
_SAMPLES = TypeAdapter(SamplesView)
_COLUMNS = TypeAdapter(Columns)
_GIVEN = TypeAdapter(tuple[GivenTarget, ...])

_UNREADABLE = (DamagedObject, KeyError, TypeError, ValueError, IndexError, AttributeError)


class Encoder:
    """Turns snapshots into plain values; what was written before is not written again.

    Parameters
    ----------
    objects
        Where arrays go.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._runs: dict[RunRecord, dict[str, Any]] = {}

    def encode(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the plain values of ``snapshot``; its arrays are blobs afterwards."""
        store = snapshot.data.store
        if store is None:
            raise ProjectError("There is nothing to save yet.", "", "Open data first.")
        columns = snapshot.data.columns
        return {
            "format": FORMAT,
            "source": {"name": store.index.source_name, "hash": store.index.source_hash},
            "columns": None if columns is None else _COLUMNS.dump_python(columns, mode="json"),
            "given": _GIVEN.dump_python(snapshot.data.given, mode="json"),
            "maps": self._arrays(snapshot.data.maps),
            "latents": self._arrays(snapshot.data.latents),
            "annotations": [self._annotation(annotation) for annotation in snapshot.data.annotations],
            "view": _sorted_sets(_VIEW.dump_python(snapshot.view, mode="json"), "hidden"),
            "selection": {
                "mask": self._array(snapshot.selection.mask),
                "recipe": to_plain(snapshot.selection.recipe),
            },
            "cell_sets": {
                "next_id": snapshot.cell_sets.next_id,
                "items": [self._cell_set(item) for item in snapshot.cell_sets.items],
            },
            "samples": _sorted_sets(_SAMPLES.dump_python(snapshot.samples, mode="json"), "selected"),
            "runs": {
                "active_id": snapshot.runs.active_id,
                "target": snapshot.runs.target,
                "records": [self._run(record) for record in snapshot.runs.records],
            },
            "layout": dict(snapshot.layout),
        }

    def _array(self, array: np.ndarray) -> dict[str, str]:
        return {"blob": self._objects.put_array(array)}

    def _arrays(self, arrays: Arrays) -> list[list[Any]]:
        return [[name, self._array(array)] for name, array in arrays.computed.items()]

    def _annotation(self, annotation: Annotation) -> dict[str, Any]:
        return {
            "name": annotation.name,
            "codes": self._array(annotation.codes),
            "levels": list(annotation.levels),
            "provenance": dict(annotation.provenance),
        }

    def _cell_set(self, item: CellSet) -> dict[str, Any]:
        return {
            "id": item.id,
            "name": item.name,
            "mask": self._array(item.mask),
            "recipe": to_plain(item.recipe),
            "color": list(item.color),
            "provenance": dict(item.provenance),
            "locked": item.locked,
            "notes": item.notes,
        }

    def _run(self, record: RunRecord) -> dict[str, Any]:
        if record not in self._runs:
            self._runs[record] = {
                "id": record.id,
                "name": record.name,
                "kind": record.kind.value,
                "latent_key": record.latent_key,
                "map_key": record.map_key,
                "recipe": dict(record.recipe),
                "content": encode_result(record.result, self._objects),
            }
        return self._runs[record]


class Decoder:
    """Turns plain values back into a snapshot; collects what cannot be read instead of giving up.

    Parameters
    ----------
    objects
        Where the arrays are.
    store
        The project's data.

    Attributes
    ----------
    notes
        What could not be read, in words.
    """

    def __init__(self, objects: ObjectStore, store: Store) -> None:
        self._objects = objects
        self._store = store
        self._n_cells = store.index.n_cells
        self.notes: list[str] = []

    def decode(self, state: Mapping[str, Any]) -> Snapshot:
        """Return the session that was saved.

        Raises
        ------
        ProjectError
            When the values are of a newer version or belong to other data.
        """
        if state.get("format") != FORMAT:
            raise ProjectError(
                "What was saved in this project is of another version.",
                f"{state.get('format')!r}.",
                "Update the program.",
            )
        source = state.get("source")
        if not isinstance(source, dict) or source.get("hash") != self._store.index.source_hash:
            raise ProjectError("The data in this project are not the data it was made with.", f"{source!r:.200}.")
        data = self._data(state)
        runs = self._part("The runs", lambda: self._runs(state["runs"], data.cohort), Runs())
        layout = state.get("layout")
        return Snapshot(
            data=data,
            view=self._part("The view", lambda: _VIEW.validate_python(state["view"]), View(next(iter(data.maps), ""))),
            selection=self._part("The selection", lambda: self._selection(state["selection"]), nothing(self._n_cells)),
            cell_sets=self._part("The cell sets", lambda: self._cell_sets(state["cell_sets"]), CellSets()),
            samples=self._part("The selected samples", lambda: self._samples(state, data.cohort), SamplesView()),
            runs=runs,
            layout=layout if isinstance(layout, dict) else {},
        )

    def _part(self, what: str, decode: Callable[[], T], default: T) -> T:
        try:
            return decode()
        except (*_UNREADABLE, ValidationError) as error:
            reason = str(error) if isinstance(error, Refusal) else type(error).__name__
            self.notes.append(f"{what} could not be read: {reason}")
            return default

    def _data(self, state: Mapping[str, Any]) -> Data:
        data = open_data(self._store)
        columns = self._part("The meaning of the columns", lambda: _columns(state["columns"]), None)
        nothing_given: tuple[GivenTarget, ...] = ()
        given = self._part(
            "The targets of the reference", lambda: _GIVEN.validate_python(state.get("given", ())), nothing_given
        )
        cohort = None if columns is None else self._cohort(columns, given)
        maps = self._computed(data.maps, state, "maps", "map")
        latents = self._computed(data.latents, state, "latents", "latent")
        data = Data(self._store, maps=maps, latents=latents, annotations=self._annotations(state))
        return data if cohort is None else data.with_cohort(cohort, columns, given)

    def _cohort(self, columns: Columns, given: tuple[GivenTarget, ...]) -> Cohort | None:
        from multimil_gui.data.check import build_cohort

        try:
            cohort = build_cohort(self._store, columns)
            if not given:
                return cohort
            from multimil_gui.data.given_targets import with_targets

            return with_targets(cohort, [target for target, _ in given], [column for _, column in given])
        except Refusal as error:
            self.notes.append(f"The cohort could not be built again: {error}")
            return None

    def _computed(self, arrays: Arrays, state: Mapping[str, Any], key: str, word: str) -> Arrays:
        entries: list[Any] = self._part(f"The list of {key}", lambda: list(state[key]), [])
        for entry in entries:
            read = self._part(f"A {word}", partial(self._named, entry), None)
            if read is not None:
                arrays = arrays.with_computed(*read)
        return arrays

    def _named(self, entry: Any) -> tuple[str, np.ndarray]:
        name, reference = entry
        array = self._objects.get_array(reference["blob"])
        if array.ndim != 2 or len(array) != self._n_cells or array.dtype != np.float32:
            raise ValueError("not one row per cell")
        return str(name), array

    def _annotations(self, state: Mapping[str, Any]) -> tuple[Annotation, ...]:
        # Projects of earlier versions have none.
        entries: list[Any] = self._part("The list of annotations", lambda: list(state.get("annotations", ())), [])
        read = (self._part("An annotation", partial(self._annotation, entry), None) for entry in entries)
        return tuple(annotation for annotation in read if annotation is not None)

    def _annotation(self, plain: Mapping[str, Any]) -> Annotation:
        codes, levels = self._objects.get_array(plain["codes"]["blob"]), tuple(str(name) for name in plain["levels"])
        if (
            codes.shape != (self._n_cells,)
            or codes.dtype != np.int32
            or not -1 <= codes.min() <= codes.max() < len(levels)
        ):
            raise ValueError("not one label per cell")
        return Annotation(str(plain["name"]), codes, levels, dict(plain["provenance"]))

    def _mask(self, reference: Mapping[str, Any]) -> np.ndarray:
        mask = self._objects.get_array(reference["blob"])
        if mask.shape != (self._n_cells,) or mask.dtype != bool:
            raise ValueError("not one value per cell")
        return mask

    def _selection(self, plain: Mapping[str, Any]) -> Selection:
        return Selection(self._mask(plain["mask"]), from_plain(plain["recipe"]))

    def _cell_sets(self, plain: Mapping[str, Any]) -> CellSets:
        items: list[CellSet] = []
        for number, entry in enumerate(plain["items"], start=1):
            name = entry.get("name", number) if isinstance(entry, dict) else number
            item = self._part(f"The cell set {name}", partial(self._cell_set, entry), None)
            if item is not None:
                items.append(item)
        next_id = max((int(plain["next_id"]), *(item.id + 1 for item in items)))
        return CellSets(tuple(items), next_id)

    def _cell_set(self, plain: Mapping[str, Any]) -> CellSet:
        red, green, blue = (int(value) for value in plain["color"])
        return CellSet(
            int(plain["id"]),
            str(plain["name"]),
            self._mask(plain["mask"]),
            from_plain(plain["recipe"]),
            (red, green, blue),
            dict(plain["provenance"]),
            # Projects of earlier versions know neither.
            bool(plain.get("locked", False)),
            str(plain.get("notes", "")),
        )

    def _samples(self, state: Mapping[str, Any], cohort: Cohort | None) -> SamplesView:
        samples = _SAMPLES.validate_python(state["samples"])
        n_samples = 0 if cohort is None else len(cohort.samples.names)
        if any(not 0 <= index < n_samples for index in samples.selected):
            raise ValueError("a sample that does not exist")
        return samples

    def _runs(self, plain: Mapping[str, Any], cohort: Cohort | None) -> Runs:
        records: list[RunRecord] = []
        for number, entry in enumerate(plain["records"], start=1):
            name = entry.get("name", number) if isinstance(entry, dict) else number
            record = self._part(f"The run {name}", partial(self._run, entry, cohort), None)
            if record is not None:
                records.append(record)
        active = plain["active_id"]
        known = any(record.id == active for record in records)
        # Projects of earlier versions know one target only.
        target, n_targets = int(plain.get("target", 0)), 0 if cohort is None else cohort.n_targets
        return Runs(tuple(records), int(active) if known else None, target if 0 <= target < n_targets else 0)

    def _run(self, plain: Mapping[str, Any], cohort: Cohort | None) -> RunRecord:
        record = RunRecord(
            id=int(plain["id"]),
            name=str(plain["name"]),
            kind=RunKind(plain["kind"]),
            result=decode_result(plain["content"], self._objects),
            latent_key=str(plain["latent_key"]),
            map_key=str(plain["map_key"]),
            recipe=dict(plain["recipe"]),
        )
        _check_shapes(record, self._n_cells, cohort)
        return record


def _columns(plain: Any) -> Columns | None:
    return None if plain is None else _COLUMNS.validate_python(plain)


def _check_shapes(record: RunRecord, n_cells: int, cohort: Cohort | None) -> None:
    """Raise ValueError when a run's arrays are not of this cohort's cells and samples."""
    for latent in (record.integration, record.query):
        if latent is None:
            continue
        shares = (n_cells, len(latent.modalities))
        if len(latent.latent) != n_cells or latent.modality_weight.shape != shares:
            raise ValueError("a latent of other cells")
    whole = record.mil
    if whole is None:
        return
    if cohort is None or len(whole.further) != cohort.n_targets - 1:
        raise ValueError("predictions of other targets")
    n_samples = len(cohort.samples.names)
    for mil in (whole, *whole.further):
        for cells in (mil.held_out_cells, mil.trained_cells):
            if cells.attention.shape != (n_cells,) or cells.contribution.shape != (n_cells, len(mil.outcomes)):
                raise ValueError("scores of other cells")
        for predictions in (mil.held_out, mil.trained):
            if predictions.probability.shape != (n_samples, len(mil.classes)):
                raise ValueError("predictions of other samples")
            if predictions.value is not None and predictions.value.shape != (n_samples,):
                raise ValueError("values of other samples")


def _sorted_sets(plain: dict[str, Any], key: str) -> dict[str, Any]:
    """Return ``plain`` with the list under ``key`` sorted: sets come in an order that changes from run to run."""
    return {**plain, key: sorted(plain[key])}
