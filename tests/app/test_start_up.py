"""The window is on the screen before anything slow is imported; then it warms up without being asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "scanpy", "anndata", "mudata", "sklearn", "numba", "umap", "matplotlib.pyplot", "pandas", "zarr")

FIRST_PAINT = """
import json, sys
from multimil_gui.app.main import Program
program = Program()
program.show(warm=False)
program.app.processEvents()
assert program.window.grab().width() > 0
program.window.close()
program.end()
print(json.dumps(sorted(sys.modules)))
"""

WARM_UP = """
import sys
from multimil_gui.app.main import Program
program = Program()
program.show()
program._warm_up._begin()
program._warm_up.wait()
for name in ("torch", "pandas", "zarr", "sklearn", "numba", "pyqtgraph"):
    assert name in sys.modules, name
program.window.close()
program.end()
print("warm")
"""


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={**os.environ, **environment},
    )


def test_first_paint_needs_nothing_heavy() -> None:
    done = run(FIRST_PAINT)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "multimil_gui.app.main_window" in loaded
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


def test_what_is_slow_is_loaded_afterwards() -> None:
    done = run(WARM_UP)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "warm"


def test_the_program_starts_and_ends_by_itself(tmp_path: Path) -> None:
    program = "import sys; from multimil_gui.__main__ import window; sys.exit(window([]))"
    done = run(program, MULTIMIL_QUIT_AFTER_MS="300")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_on_the_command_line_is_opened_or_refused(tmp_path: Path) -> None:
    program = (
        "import sys; from multimil_gui.app import main\n"
        "def start(window):\n"
        "    window.services.notifications.posted.connect(lambda message: (print(message.text), window.close()))\n"
        "    window.files.open_path(main.Path(sys.argv[1]))\n"
        "sys.exit(main.run_window(start))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "gone.h5ad")],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "gone.h5ad" in done.stdout


QUIT_WITHOUT_CLOSING = """
import sys
from pathlib import Path
from qtpy.QtCore import QTimer
from multimil_gui.app.main import Program
program = Program()
program.show(warm=False)
window = program.window
window.files.mapping_asked.connect(lambda dialog: QTimer.singleShot(0, dialog.accept))
window.session.changed.connect(lambda: window.session.data.cohort and QTimer.singleShot(200, program.app.quit))
window.files.open_path(Path(sys.argv[1]))
sys.exit(program.run())
"""


def test_a_desktop_session_that_ends_takes_the_program_along_quietly(small_h5ad: Path) -> None:
    """Quitting without closing the window used to abort: its docks spoke to a window that was gone."""
    done = subprocess.run(
        [sys.executable, "-c", QUIT_WITHOUT_CLOSING, str(small_h5ad)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
