"""Immutable blobs named by their content."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multimil_gui.project.objects import DamagedObject, ObjectStore, json_bytes, parse_json


def test_the_same_content_is_written_once(tmp_path: Path):
    objects = ObjectStore(tmp_path / "objects")
    name = objects.put(b"content")
    stamp = (objects.folder / name).stat().st_mtime_ns
    assert objects.put(b"content") == name
    assert (objects.folder / name).stat().st_mtime_ns == stamp
    assert objects.get(name) == b"content"


@given(
    hnp.arrays(
        st.sampled_from([np.bool_, np.float32, np.float64, np.int32, np.int64, np.uint8]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9),
    )
)
def test_arrays_come_back_equal_and_read_only(tmp_path_factory, array: np.ndarray):
    objects = ObjectStore(tmp_path_factory.mktemp("objects"))
    back = objects.get_array(objects.put_array(array))
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype
    assert not back.flags.writeable


def test_names_do_not_change_from_process_to_process(tmp_path: Path):
    program = (
        "import sys, numpy as np; from pathlib import Path; from multimil_gui.project.objects import ObjectStore;"
        "arrays = {f'mask{i}': np.arange(20) % (i + 2) == 0 for i in range(8)};"
        "sys.stdout.write(ObjectStore(Path(sys.argv[1])).put_arrays(arrays))"
    )
    names = {
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, check=True).stdout
        for _ in range(3)
    }
    assert len(names) == 1


def test_a_changed_or_missing_blob_is_refused(tmp_path: Path):
    objects = ObjectStore(tmp_path)
    name = objects.put(b"content")
    (tmp_path / name).write_bytes(b"Content")
    with pytest.raises(DamagedObject, match="changed"):
        objects.get(name)
    (tmp_path / name).unlink()
    with pytest.raises(DamagedObject, match="missing"):
        objects.get(name)
    for bad in ("../secret", "", "x" * 64, "/etc/hostname"):
        with pytest.raises(DamagedObject, match="name"):
            objects.get(bad)


def test_bytes_that_are_no_arrays_are_refused(tmp_path: Path):
    objects = ObjectStore(tmp_path)
    for content in (b"", b"\xff" * 40, (2**62).to_bytes(8, "little") + b"{}"):
        with pytest.raises(DamagedObject):
            objects.get_arrays(objects.put(content))


def test_a_blob_removed_behind_the_cache_is_written_again(tmp_path: Path):
    objects = ObjectStore(tmp_path)
    array = np.arange(5)
    array.setflags(write=False)
    name = objects.put_array(array)
    objects.remove_unused(set())
    assert not objects.has(name)
    assert objects.put_array(array) == name
    assert objects.has(name)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_json_comes_back_equal(value: object):
    assert parse_json(json_bytes(value)) == value


@pytest.mark.parametrize("text", [b'{"a":1,"a":2}', b"[" * 40 + b"]" * 40, b"[" * 100_000, b"", b"\xff\xfe"])
def test_hostile_json_is_refused(text: bytes):
    with pytest.raises(ValueError):
        parse_json(text)
