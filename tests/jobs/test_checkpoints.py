from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from multimil_gui.jobs.checkpoints import Checkpoints

ARRAYS = {"weights/a": np.arange(6, dtype=np.float32).reshape(2, 3), "train": np.array([0.5, np.nan])}
VALUES = {"best_epoch": 3, "stage": "fold 1", "modalities": ["rna", "adt"]}


@pytest.fixture
def kept(tmp_path) -> Checkpoints:
    checkpoints = Checkpoints(tmp_path / "resume", "f" * 64)
    checkpoints.save("fold0", ARRAYS, VALUES)
    return checkpoints


def test_a_kept_stage_comes_back_the_same(kept):
    arrays, values = kept.load("fold0")
    assert values == VALUES
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].tobytes() == array.tobytes()


def test_a_stage_of_another_run_is_not_taken(kept):
    assert Checkpoints(kept.folder, "g" * 64).load("fold0") is None


def test_a_missing_stage_is_none(kept):
    assert kept.load("fold1") is None


def test_clear_removes_all(kept):
    kept.clear()
    assert not kept.folder.exists()
    kept.clear()


def test_no_unfinished_file_stays(kept):
    assert [path.name for path in kept.folder.iterdir()] == ["fold0.safetensors"]


def test_any_damage_is_noticed(kept):
    path = kept.folder / "fold0.safetensors"
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        path.write_bytes(bytes(damaged))
        found = kept.load("fold0")
        # A flipped bit in the padding or in the order of keys may be harmless; a wrong number never comes back.
        assert found is None or (
            found[1] == VALUES and all(found[0][name].tobytes() == ARRAYS[name].tobytes() for name in ARRAYS)
        )
    for length in range(0, len(content), 11):
        path.write_bytes(content[:length])
        assert kept.load("fold0") is None


@given(
    npst.arrays(st.sampled_from([np.float32, np.int64, np.bool_]), npst.array_shapes(max_dims=3, max_side=4)),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
)
def test_all_arrays_survive(tmp_path_factory, array, values):
    checkpoints = Checkpoints(tmp_path_factory.mktemp("resume"), "x")
    checkpoints.save("map", {"map": array.T}, values)
    arrays, again = checkpoints.load("map")
    assert again == values
    np.testing.assert_array_equal(arrays["map"], array.T)
