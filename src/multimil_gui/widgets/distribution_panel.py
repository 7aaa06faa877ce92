"""How the shown value is spread: over cells, conditions and samples, and against another value."""

from __future__ import annotations

from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from multimil_gui.state.session import Session
from multimil_gui.widgets._composition_page import CompositionPage
from multimil_gui.widgets._gate_page import GatePage
from multimil_gui.widgets._histogram_page import HistogramPage
from multimil_gui.widgets._violin_page import ViolinPage


class DistributionPanel(QWidget):
    """Plots of what the map is coloured by, all linked with the map: what is selected here is selected there, and back.

    Parameters
    ----------
    session
        The session; changed through its commands only.

    Attributes
    ----------
    histogram, violins, composition, gate
        The pages.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("distribution_panel")
        self.setAccessibleName("Distribution")
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("distribution_tabs")
        self.tabs.setDocumentMode(True)
        self.histogram = HistogramPage(session, self)
        self.violins = ViolinPage(session, self)
        self.composition = CompositionPage(session, self)
        self.gate = GatePage(session, self)
        for page, title, tip in (
            (self.histogram, "Cells", "How the shown value is spread over the cells"),
            (self.violins, "Groups", "The shown value per condition or cell type, with the samples as points"),
            (self.composition, "Samples", "What each sample consists of"),
            (self.gate, "Gate", "Any two values of the cells against each other"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(page, title), tip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
