"""The benchmark scripts run, and the first paint of the window needs no heavy module."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_first_paint_of_the_window_needs_no_heavy_module() -> None:
    startup = _script("startup")

    _, modules = startup.run(startup.OURS)

    assert "qtpy.QtWidgets" in modules
    assert sorted(set(startup.HEAVY) & set(modules)) == []


@pytest.mark.slow
def test_responsiveness_prints_its_result_as_json() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "responsiveness.py"), "--quick", "--json"],
        capture_output=True,
        text=True,
        timeout=115,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])
    assert {"ours", "peer", "ratio", "unit"} <= set(rows["event loop p99 gap while training"])
