"""Who may import whom, where import-linter cannot see: what really is in ``sys.modules`` of a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest
from multimil_testing.rooms import QT_MODULES

HEAVY = ["torch", "scanpy", "anndata", "mudata", "sklearn", "numba", "umap", "optuna", "matplotlib.pyplot"]
QT_FREE_ROOMS = ["core", "data", "analysis", "project", "state", "jobs", "cli"]
LIGHT_ROOMS = ["app", "widgets", "views", "state", "project", "cli"]
# The kernels are compiled code; the canvas imports them after the first paint.
NOT_AT_START = {
    "multimil_gui.views._kernels",
    "multimil_gui.views._kernels_squares",
    "multimil_gui.state._region_kernels",
}

WALK = """
import importlib, json, pkgutil, sys, traceback
room = importlib.import_module("multimil_gui." + sys.argv[1])
left_out = set(json.loads(sys.argv[2]))
names = [room.__name__]
if hasattr(room, "__path__"):
    names += [module.name for module in pkgutil.walk_packages(room.__path__, room.__name__ + ".")]
failures = {}
for name in names:
    if name in left_out:
        continue
    try:
        importlib.import_module(name)
    except ImportError:
        failures[name] = traceback.format_exc()
print(json.dumps({"failures": failures, "modules": sorted(sys.modules), "imported": len(names)}))
"""
BLOCK_QT = """
import sys
from multimil_testing.rooms import QtBlocker
sys.meta_path.insert(0, QtBlocker())
"""
VERSION = """
import contextlib, io, json, sys
from multimil_gui.cli import main
text = io.StringIO()
with contextlib.redirect_stdout(text):
    try:
        status = main(["--version"]) or 0
    except SystemExit as stop:
        status = stop.code or 0
print(json.dumps({"status": status, "text": text.getvalue(), "modules": sorted(sys.modules)}))
"""


def _fresh_process(code: str, *arguments: str) -> dict:
    """Run the code in a new interpreter that finds the test support; return the JSON of its last line."""
    path = f"import sys; sys.path[:0] = {[entry for entry in sys.path if entry]!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", path + code, *arguments], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("room", QT_FREE_ROOMS)
def test_room_imports_where_qt_cannot_be(room: str) -> None:
    found = _fresh_process(BLOCK_QT + WALK, room, json.dumps(["multimil_gui.jobs.qt"]))

    assert found["failures"] == {}
    assert not set(QT_MODULES) & set(found["modules"])


@pytest.mark.parametrize("room", LIGHT_ROOMS)
def test_room_starts_without_the_engine(room: str) -> None:
    found = _fresh_process(WALK, room, json.dumps(sorted(NOT_AT_START)))

    assert found["failures"] == {}
    assert sorted(set(HEAVY) & set(found["modules"])) == []


def test_version_is_told_without_numpy_or_qt() -> None:
    found = _fresh_process(VERSION)

    assert found["status"] == 0
    assert "0." in found["text"]
    assert sorted({*HEAVY, "numpy", "pandas", "pydantic", "qtpy"} & set(found["modules"])) == []


def test_the_heavy_modules_are_installed_and_so_would_be_seen() -> None:
    assert [name for name in HEAVY if find_spec(name.partition(".")[0]) is None] == []
