"""An error in whatever an action does is told and stops nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys
from multimil_gui.app.actions import ACTIONS
from multimil_gui.app.main import Program
program = Program()
program.show(warm=False)
window, found = program.window, {}
for action in ACTIONS:
    owner, _, name = action.call.rpartition(".")
    target = window
    for part in owner.split(".") if owner else ():
        target = getattr(target, part)
    def breaks(*_, _id=action.id):
        raise ValueError(f"broken {_id}")
    kept = getattr(target, name)
    setattr(target, name, breaks)
    made = window.actions_bound.qaction(action.id)
    made.setEnabled(True)
    made.trigger()
    program.app.processEvents()
    setattr(target, name, kept)
    # What is shown is limited when much breaks at once; all is kept for the report.
    found[action.id] = program.hooks.incidents[-1].text
assert window.isVisible()
program.end()
print(json.dumps(found))
"""


def test_every_action_may_break(tmp_path: Path) -> None:
    variables = dict(os.environ, QT_QPA_PLATFORM="offscreen", HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path / "s"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=110, check=False, env=variables
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) > 40
    for action, text in found.items():
        assert f"broken {action}" in text
        assert "goes on" in text
