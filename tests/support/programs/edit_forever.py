"""Opens a store in a session and edits it for ever: ``edit_forever.py STORE DRAFTS``; prints each edit with its time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from qtpy.QtCore import QCoreApplication, QTimer

from multimil_gui.app.notifications import Notifications
from multimil_gui.app.project_keeper import ProjectKeeper
from multimil_gui.data.store import Store
from multimil_gui.state.session import Session


def main() -> None:
    app = QCoreApplication(sys.argv[:1])
    session = Session()
    keeper = ProjectKeeper(session, Notifications(), Path(sys.argv[2]))
    session.open_store(Store.open(Path(sys.argv[1])))
    session.mark_saved()

    def edit() -> None:
        session.select_category("cell_type", "B cell")
        session.add_cell_set()
        sys.stdout.write(f"{len(session.cell_sets.items)} {time.monotonic()}\n")
        sys.stdout.flush()

    timer = QTimer()
    timer.timeout.connect(edit)
    timer.start(100)
    app.exec()
    del keeper


if __name__ == "__main__":
    main()
