"""From what the user wants to what the map draws: a pure function of the session's frozen values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multimil_gui.state.scatter_view import ScatterView

if TYPE_CHECKING:
    from multimil_gui.state.session import Session


def resolve(session: Session) -> ScatterView:
    """Return what the map of ``session`` draws.

    Arrays that did not change since the last call for the same session are the same objects, so that a view can
    compare with ``is`` and upload only what changed. Without a map all arrays are empty.
    """
    raise NotImplementedError
