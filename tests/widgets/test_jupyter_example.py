"""The notebook example runs in a real kernel, whose event loop keeps the window alive between cells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

# In a process of its own: the client talks to the kernel through sockets, which tests are not allowed to open.
DRIVER = '''
import json, sys, tempfile
from pathlib import Path
from jupyter_client.manager import KernelManager

example, folder = Path(sys.argv[1]), sys.argv[2]
manager = KernelManager(transport="ipc", ip=folder + "/kernel")
manager.start_kernel(cwd=str(example.parent))
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=90)

def run(code):
    told = []
    reply = client.execute_interactive(code, timeout=120, output_hook=lambda message: told.append(message["content"]))
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(str(part.get("text", part.get("data", {}).get("text/plain", ""))) for part in told)

try:
    *cells, last = ["# " + cell for cell in example.read_text().split("# %%")[1:]]
    for cell in cells:
        run(cell)
    before = run(last)
    run("""
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from multimil_gui.views.canvas import Tool
fired = []
timer = QTimer()
timer.timeout.connect(lambda: fired.append(session.selection.count))
timer.start(1)
""")
    for _ in range(200):
        if run("print(len(fired))").strip() not in ("", "0"):
            break
    fired = run("print(len(fired))")
    run("""
session.set_view(split="")
widget.set_tool(Tool.POLYGON)
canvas = widget.canvas
for x, y in ((1, 1), (canvas.width() - 2, 1), (canvas.width() - 2, canvas.height() - 2), (1, canvas.height() - 2)):
    QTest.mouseClick(canvas, Qt.LeftButton, Qt.NoModifier, QPoint(x, y))
QTest.keyClick(canvas, Qt.Key_Return)
""")
    after = run(last)
    state = run("print(widget.isVisible(), len(widget.panes.canvases), session.selection.count, session.data.n_cells)")
    print(json.dumps({"before": before, "after": after, "fired": int(fired), "state": state.split()}))
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
'''


def test_the_notebook_example_runs_in_a_kernel_with_a_living_window(repository: Path, tmp_path: Path) -> None:
    example = repository / "examples" / "latent_map_jupyter.py"
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QT_API": os.environ.get("QT_API", "pyqt5"),
        "TMPDIR": str(tmp_path),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(example), str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["fired"] > 0, "the event loop does not run between cells"
    visible, canvases, selected, cells = found["state"]
    assert (visible, canvases) == ("True", "1")
    assert selected == cells != "0"
    assert "healthy" in found["before"] and found["before"] != found["after"]
