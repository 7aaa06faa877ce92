"""fit.safetensors: what is written comes back to the bit, and nothing else is ever taken for a fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import IntegrateOptions, Likelihood, MILOptions, TargetKind
from multimil_gui.data.cohort import Labelling, Target
from multimil_gui.data.fitted import FitInputs, FittedModality
from multimil_gui.jobs.fit import Fit, FittedHead, ReferenceCells
from multimil_gui.jobs.fit_file import MAX_BYTES, read_fit, write_fit
from multimil_gui.jobs.fit_shapes import design_of, head_shapes

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NAMES = st.lists(TEXT, min_size=1, max_size=4, unique=True).map(tuple)
TARGETS = (
    Target("condition", TargetKind.CLASSIFICATION, ("healthy", "ill", "cured"), "healthy"),
    Target("stage", TargetKind.ORDINAL, ("I", "II", "III", "IV")),
    Target("age", TargetKind.REGRESSION, ("age",)),
)


def _weights(inputs: FitInputs, options: IntegrateOptions, seed: int) -> Mapping[str, np.ndarray]:
    from multimil_gui.core.random_streams import torch_stream
    from multimil_gui.core.vae import MultimodalVAE

    return MultimodalVAE.fresh(design_of(inputs), options, torch_stream(seed)).arrays()


def _head(rng: np.random.Generator, targets: tuple[Target, ...], options: MILOptions, n_latent: int) -> FittedHead:
    shapes = head_shapes(targets, options, n_latent)
    return FittedHead(targets, options, {name: rng.normal(size=s).astype(np.float32) for name, s in shapes.items()})


def _made(seed: int = 0, *, with_head: bool = True, with_map: bool = True, with_types: bool = True) -> Fit:
    """Return a small fit of random numbers."""
    rng = np.random.default_rng(seed)
    options = IntegrateOptions(n_latent=3, n_hidden=4, covariate_dim=2, n_layers=1, dispersion="feature_batch")
    inputs = FitInputs(
        (
            FittedModality("rna", Likelihood.NB, ("A", "B", "C"), {"matrix": "X", "transform": "none"}),
            FittedModality("adt", Likelihood.NORMAL, ("P", "Q"), {"matrix": "X", "transform": "clr_cell"}),
        ),
        (("batch", ("b1", "b2")),),
        (("age", 41.5, 3.25),),
    )
    n = 7
    types = Labelling("cell_type", rng.integers(-1, 2, n).astype(np.int32), ("B", "T"))
    return Fit(
        inputs=inputs,
        options=options,
        weights=_weights(inputs, options, seed),
        reference=ReferenceCells(
            latent=rng.normal(size=(n, 3)).astype(np.float32),
            modalities=rng.integers(1, 4, n).astype(np.int32),
            map2d=rng.normal(size=(n, 2)).astype(np.float32) if with_map else None,
            cell_type=types if with_types else None,
        ),
        head=_head(rng, TARGETS, MILOptions(seeds=2, n_hidden=4, ordinal="cumulative"), 3) if with_head else None,
        measured={"rna": (((0,), 5), ((1,), 2)), "adt": (((1,), 2),)},
        provenance={"source": "cohort.h5mu", "n_cells": n, "recipe": {"cv": {"folds": 3}, "empty": None}},
        versions={"numpy": "2.0"},
    )


def _same_arrays(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.dtype == other[name].dtype
        assert array.shape == other[name].shape
        np.testing.assert_array_equal(array, other[name])


def _named(types: Labelling | None) -> tuple | None:
    return None if types is None else (types.name, types.levels)


def _same(one: Fit, other: Fit) -> None:
    assert (one.inputs, one.options) == (other.inputs, other.options)
    assert (one.provenance, one.versions, one.measured) == (other.provenance, other.versions, other.measured)
    _same_arrays(one.weights, other.weights)
    arrays = [{"latent": fit.reference.latent, "modalities": fit.reference.modalities} for fit in (one, other)]
    for place, fit in zip(arrays, (one, other), strict=True):
        if fit.reference.map2d is not None:
            place["map2d"] = fit.reference.map2d
        if fit.reference.cell_type is not None:
            place["codes"] = fit.reference.cell_type.codes
    _same_arrays(*arrays)
    assert _named(one.reference.cell_type) == _named(other.reference.cell_type)
    assert (one.head is None) == (other.head is None)
    if one.head is not None and other.head is not None:
        assert (one.head.targets, one.head.options) == (other.head.targets, other.head.options)
        _same_arrays(one.head.weights, other.head.weights)


@pytest.mark.parametrize("without", ["nothing", "with_head", "with_map", "with_types"])
def test_a_fit_comes_back_to_the_bit(tmp_path: Path, without: str) -> None:
    fit = _made(**({} if without == "nothing" else {without: False}))
    _same(fit, read_fit(write_fit(tmp_path / "fit.safetensors", fit)))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    features=st.lists(NAMES, min_size=1, max_size=3),
    likelihoods=st.lists(st.sampled_from(list(Likelihood)), min_size=3, max_size=3),
    covariates=st.dictionaries(TEXT, NAMES, max_size=2),
    continuous=st.dictionaries(TEXT.map(lambda name: f"number {name}"), st.floats(-1e6, 1e6), max_size=2),
    n_layers=st.integers(0, 2),
    condition=st.booleans(),
    kinds=st.lists(st.sampled_from(TARGETS), max_size=3, unique=True),
    seed=st.integers(0, 99),
)
def test_any_fit_comes_back_to_the_bit(
    tmp_path: Path, features, likelihoods, covariates, continuous, n_layers, condition, kinds, seed
) -> None:
    rng = np.random.default_rng(seed)
    inputs = FitInputs(
        tuple(
            FittedModality(f"m{i}", likelihood, names, {"rank": i})
            for i, (names, likelihood) in enumerate(zip(features, likelihoods, strict=False))
        ),
        tuple(covariates.items()),
        tuple((name, mean, 2.5) for name, mean in continuous.items()),
    )
    options = IntegrateOptions(n_latent=2, n_hidden=4, covariate_dim=1, n_layers=n_layers, condition_encoders=condition)
    fit = Fit(
        inputs=inputs,
        options=options,
        weights=_weights(inputs, options, seed),
        reference=ReferenceCells(rng.normal(size=(3, 2)).astype(np.float32), np.zeros(3, dtype=np.int32)),
        head=_head(rng, tuple(kinds), MILOptions(seeds=1, n_hidden=2), 2) if kinds else None,
        measured={modality.name: (((0,) * len(covariates), 3),) for modality in inputs.modalities},
    )
    _same(fit, read_fit(write_fit(tmp_path / "fit.safetensors", fit)))


def test_the_same_fit_gives_the_same_bytes(tmp_path: Path) -> None:
    files = [write_fit(tmp_path / name, _made()) for name in ("a.safetensors", "b.safetensors")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_fit_names_no_path(tmp_path: Path) -> None:
    header = write_fit(tmp_path / "fit.safetensors", _made()).read_bytes()
    assert str(tmp_path).encode() not in header


# -- damage ------------------------------------------------------------------------------------------------------------


def _refused(path: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_fit(path)
    refusal = caught.value
    assert refusal.what.endswith(".")
    assert path.name in refusal.where
    assert refusal.fix.endswith(".")
    return refusal


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    return write_fit(tmp_path / "whole.safetensors", _made()).read_bytes()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    _refused(path)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_one_changed_byte_is_refused_or_means_the_same(
    tmp_path: Path, whole: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "changed.safetensors"
    path.write_bytes(changed)
    try:
        found = read_fit(path)
    except Refusal:
        return
    _same(found, _made())


@pytest.mark.parametrize("content", [b"", b"\x00" * 8, b"not a fit at all", b"\xff" * 64, b"{}" * 50])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    _refused(path)


def test_other_safetensors_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros(3, dtype=np.float32)}, path)
    assert "something else" in _refused(path).where
    save_file({"weight": np.zeros(3, dtype=np.float32)}, path, metadata={"multimil_fit": "{}"})
    _refused(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    _refused(tmp_path / "nowhere.safetensors")
    _refused(tmp_path)


def test_a_file_that_claims_more_than_it_may_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "at most 4 GiB" in _refused(path).where
    path.write_bytes((2**62).to_bytes(8, "little") + b"{}")
    _refused(path)


def _edited(whole: bytes, edit) -> bytes:
    """Return the file with its header changed by ``edit(header, content)`` and a hash that fits to the new content."""
    from multimil_gui.jobs import fit_file

    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    described = json.loads(header["__metadata__"]["multimil_fit"])
    edit(header, described["content"])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            dtype = np.dtype("<f4") if entry["dtype"] == "F32" else np.dtype("<i4")
            part = whole[8 + length + begin : 8 + length + end]
            if len(part) == int(np.prod(entry["shape"])) * 4:
                arrays[name] = np.frombuffer(part, dtype=dtype).reshape(entry["shape"])
    described["hash"] = fit_file._digest(described["content"], arrays)
    header["__metadata__"]["multimil_fit"] = json.dumps(described)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + whole[8 + length :]


def _newer(header: dict, content: dict) -> None:
    content["format"] = 99
    content["application"] = "multimil-gui 9.0"


def _wider(header: dict, content: dict) -> None:
    content["options"]["n_hidden"] = 4096


def _huge(header: dict, content: dict) -> None:
    content["reference"]["n_cells"] = 10**15


def _fewer(header: dict, content: dict) -> None:
    content["inputs"]["modalities"][0]["features"].pop()


def _twice(header: dict, content: dict) -> None:
    content["inputs"]["modalities"][0]["features"][1] = "A"


def _unknown_option(header: dict, content: dict) -> None:
    content["options"]["command"] = "rm"


def _one_class(header: dict, content: dict) -> None:
    content["head"]["targets"][0]["classes"] = ["ill"]


def _other_array(header: dict, content: dict) -> None:
    header["integration/extra"] = header.pop("integration/covariate.batch")


def _shorter_levels(header: dict, content: dict) -> None:
    content["reference"]["cell_type"]["levels"] = []


def _overlapping(header: dict, content: dict) -> None:
    header["reference/latent"]["data_offsets"] = [0, 84]


def _other_type(header: dict, content: dict) -> None:
    header["reference/latent"]["dtype"] = "I32"


def _strange_level(header: dict, content: dict) -> None:
    content["measured"]["adt"][0][0] = [2]


def _flat_scale(header: dict, content: dict) -> None:
    content["inputs"]["continuous"][0][2] = 0.0


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_newer, "newer"),
        (_wider, "its options want"),
        (_huge, "its options want"),
        (_fewer, "its options want"),
        (_twice, "twice"),
        (_unknown_option, "options.command"),
        (_one_class, "fewer than two classes"),
        (_other_array, "covariate.batch is missing"),
        (_shorter_levels, "cell types"),
        (_overlapping, "overlap"),
        (_other_type, "its options want"),
        (_flat_scale, "continuous covariate"),
        (_strange_level, "under which levels"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused_in_words(tmp_path: Path, whole: bytes, edit, said: str) -> None:
    path = tmp_path / "edited.safetensors"
    path.write_bytes(_edited(whole, edit))
    assert said in _refused(path).where


def test_an_untouched_edit_is_read(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "edited.safetensors"
    path.write_bytes(_edited(whole, lambda header, content: None))
    _same(read_fit(path), _made())


def test_weights_that_are_not_numbers_are_refused_when_written_and_leave_no_file(tmp_path: Path) -> None:
    fit = _made()
    fit.weights["covariate.batch"][0, 0] = np.nan
    with pytest.raises(Refusal):
        write_fit(tmp_path / "fit.safetensors", fit)
    assert list(tmp_path.iterdir()) == []
