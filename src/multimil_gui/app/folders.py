"""Showing where something was saved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from multimil_gui.app.notifications import Kind, Notification, Offer


def saved_notification(path: Path) -> Notification:
    """Return "Saved NAME" with a button that shows it in its folder."""

    def show() -> None:
        show_in_folder(path)

    return Notification(Kind.SUCCESS, f"Saved {path.name}", offer=Offer("Show in folder", show))


def show_in_folder(path: Path) -> None:
    """Open the folder of ``path`` in the desktop's file manager, with it marked where the desktop can."""
    if sys.platform == "win32":
        subprocess.Popen(["explorer", f"/select,{path}"])
    elif sys.platform == "darwin":
        subprocess.Popen(["open", "-R", str(path)])
    else:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
