"""Texts for Help: what the program runs on, and the licences of what is inside. Names no opened file."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING

from qtpy import API_NAME, QT_VERSION
from qtpy.QtGui import QGuiApplication

from multimil_gui._version import __version__
from multimil_gui.app.settings import log_folder, settings_file

if TYPE_CHECKING:
    from multimil_gui.app.services import Services

_PACKAGES = (
    "numpy", "scipy", "pandas", "anndata", "mudata", "scanpy", "zarr", "h5py", "torch", "numba", "umap-learn",
    "scikit-learn", "vispy", "pyqtgraph", "magicgui", "superqt", "psygnal", "pydantic", "matplotlib",
)  # fmt: skip

_ABOUT = """MultiMIL {version}

Which cells make these patients sick, and how sure can we be?

A window, and a toolkit of Qt widgets, round the method of Litinetskaya et al.,
"Multimodal weakly supervised learning to identify disease-specific changes in
single-cell atlases" (bioRxiv 2024.07.29.605625).

This program works offline. It never sends anything anywhere, and it never
changes the files you open.

LICENCES
This program: BSD-3-Clause.
{binding}
igraph, for clustering: GPL v2 or later.
Inter, the typeface: Copyright 2016-2022 The Inter Project Authors, SIL Open
Font License 1.1 (full text below).
The demo cohort: made from pbmc68k_reduced of scanpy (BSD-3-Clause); cells from
10x Genomics (CC BY 4.0).
numpy, scipy, pandas, anndata, mudata, scanpy, zarr, h5py, torch, numba,
umap-learn, scikit-learn, vispy, pyqtgraph, magicgui, superqt, psygnal,
pydantic, matplotlib and others: BSD, MIT, Apache-2.0 and similar; their own
files come with them.

----------------------------------------------------------------------------
{font_licence}"""

_BINDINGS = {
    "PyQt5": "PyQt5: GPL v3 or commercial; Qt 5: LGPL v3. A bundle that contains PyQt5 is GPL v3 as a whole.",
    "PyQt6": "PyQt6: GPL v3 or commercial; Qt 6: LGPL v3. A bundle that contains PyQt6 is GPL v3 as a whole.",
    "PySide6": "PySide6 and Qt 6: LGPL v3.",
}


def about() -> str:
    """Return version, method and licences."""
    licence = (files("multimil_gui") / "_assets" / "fonts" / "OFL.txt").read_text(encoding="utf-8")
    return _ABOUT.format(
        version=__version__, binding=_BINDINGS.get(API_NAME, f"{API_NAME} and Qt: see theirs."), font_licence=licence
    )


def system_information(services: Services) -> str:
    """Return versions, machine, screens, graphics and folders, one a line."""
    lines = [
        f"MultiMIL GUI  {__version__}",
        f"Python        {platform.python_version()} ({platform.python_implementation()})",
        f"System        {platform.platform()}",
        f"Processors    {os.cpu_count()}",
        f"Memory        {_memory()}",
        f"Qt            {QT_VERSION} ({API_NAME}), platform {QGuiApplication.platformName()}",
        f"Graphics      {_graphics()}",
        f"Theme         {services.theme.name.value} ({services.settings.values.theme.value})",
    ]
    for number, screen in enumerate(QGuiApplication.screens(), start=1):
        size = screen.size()
        ratio = screen.devicePixelRatio()
        lines.append(
            f"Screen {number}      {size.width()} x {size.height()}, {screen.logicalDotsPerInch():.0f} dpi, x{ratio:g}"
        )
    lines += [
        "",
        f"Settings      {settings_file()}",
        f"Opened data   {services.stores}",
        f"Log           {log_folder()}",
        "",
    ]
    lines += [f"{name:<14}{_version(name)}{'' if _loaded(name) else '  (not loaded)'}" for name in _PACKAGES]
    incidents = services.hooks.incidents
    lines += ["", f"Errors in this session: {len(incidents)}"]
    lines += [f"- {incident.text}\n{incident.details}".rstrip() for incident in incidents[-10:]]
    return "\n".join(lines)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _loaded(name: str) -> bool:
    module = {"umap-learn": "umap", "scikit-learn": "sklearn"}.get(name, name)
    return module in sys.modules


def _memory() -> str:
    import psutil

    memory = psutil.virtual_memory()
    return f"{memory.total / 2**30:.0f} GiB, {memory.available / 2**30:.0f} GiB free"


def _graphics() -> str:
    from multimil_gui.views.probe import gl_renderer, is_software

    renderer = gl_renderer()
    if renderer is None:
        return "no OpenGL; the map is drawn by the processor"
    return f"{renderer}; the map is drawn by the {'processor' if is_software(renderer) else 'graphics card'}"
