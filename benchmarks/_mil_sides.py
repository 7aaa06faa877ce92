"""Both sides of the benchmarks of the multiple-instance head, each in a process of its own, asked one thing at a time."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
PEER_HELP = "Python of an environment with multimil 0.2.0 (or set MULTIMIL_PEER_PYTHON)"


def peer_python() -> str | None:
    """Return the peer's interpreter, None when none is given."""
    return os.environ.get("MULTIMIL_PEER_PYTHON")


@cache
def planted_cohorts() -> ModuleType:
    """Return the generator of cohorts with a known disease state, which the tests use too."""
    path = HERE.parent / "tests" / "core" / "planted.py"
    spec = importlib.util.spec_from_file_location("planted_cohorts", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Side:
    """A process that answers requests, one JSON object a line; its libraries' chatter goes to a file."""

    def __init__(self, python: str, script: str, folder: Path) -> None:
        self._log = folder / f"{script}.log"
        self._process = subprocess.Popen(
            [python, str(HERE / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("w"),
            text=True,
            env={**os.environ, **ONE_THREAD},
            cwd=folder,
        )

    def ask(self, **request: object) -> dict:
        """Return the answer to a request."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self._process.args} ended early:\n{self._log.read_text()[-3000:]}")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def row(ours: float, peer: float | None, unit: str, *, higher: bool = True) -> dict:
    """Return one result; the ratio says how many times better ours is."""
    ratio = None if peer is None or not peer or not ours else ours / peer if higher else peer / ours
    return {
        "ours": round(ours, 4),
        "peer": None if peer is None else round(peer, 4),
        "ratio": None if ratio is None else round(ratio, 3),
        "unit": unit,
    }
