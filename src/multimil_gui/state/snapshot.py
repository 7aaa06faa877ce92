"""The whole session as frozen values: what is written to disk, from any thread, while the user goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multimil_gui.state.cell_sets import CellSets
from multimil_gui.state.data import Data
from multimil_gui.state.runs import Runs
from multimil_gui.state.samples import SamplesView
from multimil_gui.state.selection import Selection
from multimil_gui.state.view import View


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The values of all parts of a session, and the window's layout."""

    data: Data
    view: View
    selection: Selection
    cell_sets: CellSets
    samples: SamplesView
    runs: Runs
    layout: Mapping[str, Any] = field(default_factory=dict)
