"""A foldable section of a form."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget
from superqt import QCollapsible

_UNLIMITED = 16_777_215  # Qt's QWIDGETSIZE_MAX


class Section(QCollapsible):
    """A superqt collapsible that is still when folded: no animation, and Tab does not wander into hidden fields.

    Parameters
    ----------
    title
        The words of its header.
    page
        What it holds.
    tooltip
        Tooltip of the header.
    """

    def __init__(self, title: str, page: QWidget, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent, expandedIcon="▾", collapsedIcon="▸")
        self._page = page
        self.setDuration(0)
        header = self.toggleButton()
        header.setToolTip(tooltip)
        header.setAccessibleName(title)
        outside, inside = self.layout(), self.content().layout()
        if outside is not None and inside is not None:
            outside.setContentsMargins(0, 0, 0, 0)
            inside.setContentsMargins(0, 4, 0, 0)
            inside.addWidget(page)
        page.setVisible(False)
        self.toggled.connect(self._on_toggled)

    def _on_toggled(self, expanded: bool) -> None:
        self._page.setVisible(expanded)
        # superqt fixes the height to the size hint, which cuts wrapped words; the layout knows better.
        self.content().setMaximumHeight(_UNLIMITED if expanded else 0)
