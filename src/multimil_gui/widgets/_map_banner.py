"""A quiet line above the map that stays until it is put away."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QWidget

from multimil_gui.widgets._ui import Mark, MarkedLine, tool_button


class Banner(QWidget):
    """One sentence behind a mark, with a button to put it away; hidden while there is nothing to say."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("map_banner")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        self.line = MarkedLine(Mark.NOTE, "", self)
        layout.addWidget(self.line, 1)
        self.close_button = tool_button("Hide", "Put this line away", "map_banner_hide")
        self.close_button.clicked.connect(self.hide)
        layout.addWidget(self.close_button)
        self.hide()

    def tell(self, words: str) -> None:
        """Show a sentence."""
        self.line.set_words(words)
        self.show()
