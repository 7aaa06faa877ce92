"""``fit.safetensors``: everything that mapping new samples needs, in one file that can be given to others.

The arrays are those of a safetensors file; one metadata entry holds the rest as JSON, with a hash over both. Reading
trusts nothing: the header, the JSON and the shapes that options and features demand are checked before any array is read.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from multimil_gui._version import __version__
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import IntegrateOptions, MILOptions, TargetKind
from multimil_gui.data.cohort import Labelling, Target
from multimil_gui.data.fitted import FitInputs
from multimil_gui.jobs.fit import Fit, FittedHead, ReferenceCells
from multimil_gui.jobs.fit_shapes import head_shapes, integration_shapes
from multimil_gui.jobs.imputation import Measured
from multimil_gui.project.commit import atomic_path
from multimil_gui.project.objects import json_bytes, parse_json

FIT_FILE = "fit.safetensors"
FORMAT = 1
"""Version of the layout below."""

MAX_BYTES = 4 * 2**30
"""Larger files are refused: ten million reference cells take less than a quarter of it."""

_MAX_HEADER = 64 * 2**20
_KEY = "multimil_fit"
_INTEGRATION, _HEAD, _REFERENCE = "integration/", "head/", "reference/"
_TYPES = {"F32": np.dtype("<f4"), "I32": np.dtype("<i4")}
_INPUTS = TypeAdapter(FitInputs)
_FIX = f"Choose the {FIT_FILE} that a run with [integrate] wrote, or copy it again from where it came."

_Expected = dict[str, tuple[str, tuple[int, ...]]]
"""dtype and shape of each array, by name."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


class _CellTypes(_Part):
    name: str
    levels: tuple[str, ...]


class _Reference(_Part):
    n_cells: int = Field(ge=1)
    has_map: bool
    cell_type: _CellTypes | None


class _Target(_Part):
    column: str
    kind: TargetKind
    classes: tuple[str, ...] = Field(min_length=1)
    reference: str | None


class _Head(_Part):
    targets: tuple[_Target, ...] = Field(min_length=1)
    options: MILOptions


class _Content(_Part):
    """What the JSON holds."""

    format: int
    application: str
    inputs: dict[str, Any]
    options: IntegrateOptions
    reference: _Reference
    head: _Head | None
    measured: dict[str, Measured]
    provenance: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True)
class _Place:
    """Where an array lies in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    n_bytes: int


def write_fit(path: Path, fit: Fit) -> Path:
    """Write a fit whole or not at all; the same fit gives the same bytes.

    Raises
    ------
    Refusal
        When the file cannot be written, or would not read back.
    """
    from safetensors.numpy import save_file

    arrays = _arrays(fit)
    content = _content(fit)
    text = json_bytes({"hash": _digest(content, arrays), "content": content}).decode("utf-8")

    def write(temporary: Path) -> None:
        save_file(arrays, temporary, metadata={_KEY: text})

    return atomic_path(path, write, check=lambda written: _check_written(written))


def read_fit(path: Path) -> Fit:
    """Read a fit.

    Raises
    ------
    Refusal
        When the file is no fit, is damaged, was made by a newer version, or does not hold what its options demand.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path.stat().st_size)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise Refusal("The fit cannot be read.", f"{path}: {reason}.", "Check the name and the folder.") from error
    except _Damaged as damage:
        raise Refusal(damage.what, f"{path.name}: {damage.where}.", damage.fix) from None


class _Damaged(Exception):
    """What is wrong with the file; becomes a refusal that names it."""

    def __init__(self, where: str, what: str = "This file is not a whole fit.", fix: str = _FIX) -> None:
        super().__init__(where)
        self.what, self.where, self.fix = what, where, fix


# -- writing -----------------------------------------------------------------------------------------------------------


def _check_written(path: Path) -> None:
    try:
        read_fit(path)
    except Refusal as error:
        raise Refusal("The fit could not be written: it reads back differently.", error.where, "") from error


def _arrays(fit: Fit) -> dict[str, np.ndarray]:
    reference = fit.reference
    arrays = {f"{_INTEGRATION}{name}": array for name, array in fit.weights.items()}
    if fit.head is not None:
        arrays |= {f"{_HEAD}{name}": array for name, array in fit.head.weights.items()}
    arrays |= {f"{_REFERENCE}latent": reference.latent, f"{_REFERENCE}modalities": reference.modalities}
    if reference.map2d is not None:
        arrays[f"{_REFERENCE}map2d"] = reference.map2d
    if reference.cell_type is not None:
        arrays[f"{_REFERENCE}cell_type"] = reference.cell_type.codes
    return {name: np.asarray(array, order="C") for name, array in arrays.items()}


def _content(fit: Fit) -> dict[str, Any]:
    types, head = fit.reference.cell_type, fit.head
    return {
        "format": FORMAT,
        "application": f"multimil-gui {__version__}",
        "inputs": _INPUTS.dump_python(fit.inputs, mode="json"),
        "options": fit.options.model_dump(mode="json"),
        "reference": {
            "n_cells": len(fit.reference.latent),
            "has_map": fit.reference.map2d is not None,
            "cell_type": None if types is None else {"name": types.name, "levels": list(types.levels)},
        },
        "head": None if head is None else _plain_head(head),
        "measured": {name: [[list(levels), n] for levels, n in found] for name, found in fit.measured.items()},
        "provenance": dict(fit.provenance),
        "versions": dict(fit.versions),
    }


def _plain_head(head: FittedHead) -> dict[str, Any]:
    targets = [
        {"column": t.column, "kind": t.kind.value, "classes": list(t.classes), "reference": t.reference}
        for t in head.targets
    ]
    return {"targets": targets, "options": head.options.model_dump(mode="json")}


def _digest(content: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.blake2b(json_bytes(content), digest_size=32)
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(json_bytes([name, array.dtype.str, list(array.shape)]))
        digest.update(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


# -- reading -----------------------------------------------------------------------------------------------------------


def _read(file: BinaryIO, size: int) -> Fit:
    places, text, start = _header(file, size)
    plain, hashed = _metadata(text)
    content = _checked(plain)
    inputs = _checked_inputs(content)
    _compare(places, _expected(content, inputs))
    arrays = {name: _array(file, start, place) for name, place in places.items()}
    if _digest(plain, arrays) != hashed:
        raise _Damaged("its content was changed or damaged")
    _check_values(arrays, content)
    return _fit(content, inputs, arrays)


def _header(file: BinaryIO, size: int) -> tuple[dict[str, _Place], str, int]:
    """Return where the arrays lie, the metadata text, and where the arrays begin."""
    if size > MAX_BYTES:
        raise _Damaged(f"it has {size / 2**30:.1f} GiB, a fit has at most {MAX_BYTES / 2**30:.0f} GiB")
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(_MAX_HEADER, size - 8):
        raise _Damaged("it does not begin like a safetensors file, or was cut off")
    try:
        header = parse_json(file.read(length))
    except ValueError as error:
        raise _Damaged("its header is damaged") from error
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__"), dict):
        raise _Damaged("it is a safetensors file of something else")
    text = header.pop("__metadata__").get(_KEY)
    if not isinstance(text, str):
        raise _Damaged("it is a safetensors file of something else")
    places = {str(name): _place(entry) for name, entry in header.items()}
    end = 0
    for place in sorted(places.values(), key=lambda place: (place.start, place.n_bytes)):
        if place.start != end:
            raise _Damaged("its arrays overlap or leave gaps")
        end += place.n_bytes
    if 8 + length + end != size:
        raise _Damaged("it was cut off, or something was added at its end")
    return places, text, 8 + length


def _place(entry: Any) -> _Place:
    try:
        dtype, shape, (start, end) = str(entry["dtype"]), tuple(entry["shape"]), entry["data_offsets"]
        sizes = (*shape, start, end)
        if dtype not in _TYPES or any(type(number) is not int or number < 0 for number in sizes) or len(shape) > 8:
            raise ValueError
        n_bytes = math.prod(shape) * _TYPES[dtype].itemsize
        if n_bytes != end - start:
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise _Damaged("its list of arrays is damaged") from error
    return _Place(dtype, shape, start, n_bytes)


def _metadata(text: str) -> tuple[dict[str, Any], str]:
    try:
        found = parse_json(text.encode("utf-8", "surrogatepass"))
        plain, hashed = found["content"], found["hash"]
        version = plain["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise _Damaged("its description is damaged") from error
    if isinstance(version, int) and version > FORMAT:
        made_by = str(plain.get("application", "a newer version"))[:80]
        raise _Damaged(
            "its format is newer than this program", f"This fit was made by {made_by}.", "Update this program."
        )
    return plain, str(hashed)


def _checked(plain: dict[str, Any]) -> _Content:
    try:
        return _Content.model_validate(plain)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise _Damaged(f"its description is damaged ({key[:80]})") from error


def _checked_inputs(content: _Content) -> FitInputs:
    try:
        inputs = _INPUTS.validate_python(content.inputs)
    except ValidationError as error:
        raise _Damaged("the list of its features is damaged") from error
    lists = [("modality", [m.name for m in inputs.modalities])]
    lists += [("covariate", [name for name, _ in inputs.covariates] + [name for name, *_ in inputs.continuous])]
    lists += [(f"feature of {m.name}", list(m.features)) for m in inputs.modalities]
    lists += [(f"level of {name}", list(levels)) for name, levels in inputs.covariates]
    for what, names in lists:
        if len(set(names)) != len(names):
            raise _Damaged(f"it names a {what} twice")
    if not inputs.modalities or not all(levels for _, levels in inputs.covariates):
        raise _Damaged("it has no modality, or a covariate without levels")
    sizes = [len(levels) for _, levels in inputs.covariates]
    combinations = [levels for found in content.measured.values() for levels, _ in found]
    if set(content.measured) != {m.name for m in inputs.modalities} or not all(
        len(levels) == len(sizes) and all(0 <= code < size for code, size in zip(levels, sizes, strict=True))
        for levels in combinations
    ):
        raise _Damaged("it does not say under which levels each modality was measured")
    if not all(math.isfinite(mean) and 0 < sd < math.inf for _, mean, sd in inputs.continuous):
        raise _Damaged("the scale of a continuous covariate is no number above 0")
    return inputs


def _expected(content: _Content, inputs: FitInputs) -> _Expected:
    n_cells, n_latent = content.reference.n_cells, content.options.n_latent
    expected: _Expected = {
        f"{_INTEGRATION}{name}": ("F32", shape) for name, shape in integration_shapes(inputs, content.options).items()
    }
    if content.head is not None:
        targets = [_target(target) for target in content.head.targets]
        if any(len(target.classes) < 2 and target.kind is not TargetKind.REGRESSION for target in targets):
            raise _Damaged("a target has fewer than two classes")
        shapes = head_shapes(targets, content.head.options, n_latent)
        expected |= {f"{_HEAD}{name}": ("F32", shape) for name, shape in shapes.items()}
    expected[f"{_REFERENCE}latent"] = ("F32", (n_cells, n_latent))
    expected[f"{_REFERENCE}modalities"] = ("I32", (n_cells,))
    if content.reference.has_map:
        expected[f"{_REFERENCE}map2d"] = ("F32", (n_cells, 2))
    if content.reference.cell_type is not None:
        expected[f"{_REFERENCE}cell_type"] = ("I32", (n_cells,))
    return expected


def _compare(places: Mapping[str, _Place], expected: _Expected) -> None:
    for name in sorted(places.keys() | expected.keys()):
        if name not in places:
            raise _Damaged(f"the array {name[:80]} is missing")
        if name not in expected:
            raise _Damaged(f"the array {name[:80]} does not belong to it")
        found, wanted = (places[name].dtype, places[name].shape), expected[name]
        if found != wanted:
            raise _Damaged(f"the array {name[:80]} has the form {_form(*found)}, its options want {_form(*wanted)}")


def _form(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{' x '.join(map(str, shape)) or '1'} {dtype}"


def _array(file: BinaryIO, start: int, place: _Place) -> np.ndarray:
    file.seek(start + place.start)
    dtype = _TYPES[place.dtype]
    values = np.frombuffer(bytearray(file.read(place.n_bytes)), dtype=dtype)
    if values.nbytes != place.n_bytes:
        raise _Damaged("it was cut off")
    return values.reshape(place.shape).astype(dtype.newbyteorder("="), copy=False)


def _check_values(arrays: Mapping[str, np.ndarray], content: _Content) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and name != f"{_REFERENCE}map2d" and not np.isfinite(array).all():
            raise _Damaged(f"the array {name[:80]} holds values that are not numbers")
    types = content.reference.cell_type
    if types is not None:
        codes = arrays[f"{_REFERENCE}cell_type"]
        if codes.min(initial=0) < -1 or codes.max(initial=-1) >= len(types.levels):
            raise _Damaged("its cell types do not fit to their names")


def _fit(content: _Content, inputs: FitInputs, arrays: Mapping[str, np.ndarray]) -> Fit:
    types, head = content.reference.cell_type, content.head
    return Fit(
        inputs=inputs,
        options=content.options,
        weights=_under(_INTEGRATION, arrays),
        reference=ReferenceCells(
            latent=arrays[f"{_REFERENCE}latent"],
            modalities=arrays[f"{_REFERENCE}modalities"],
            map2d=arrays.get(f"{_REFERENCE}map2d"),
            cell_type=None if types is None else Labelling(types.name, arrays[f"{_REFERENCE}cell_type"], types.levels),
        ),
        head=None
        if head is None
        else FittedHead(tuple(_target(target) for target in head.targets), head.options, _under(_HEAD, arrays)),
        measured=content.measured,
        provenance=content.provenance,
        versions=content.versions,
    )


def _target(found: _Target) -> Target:
    return Target(found.column, found.kind, found.classes, found.reference)


def _under(start: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
