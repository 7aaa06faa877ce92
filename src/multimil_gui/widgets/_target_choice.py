"""Which of several targets is shown; not there while there is one only."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QWidget

from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Target
from multimil_gui.state.session import Session
from multimil_gui.widgets._ui import WheelGuard

_KINDS = {TargetKind.CLASSIFICATION: "classes", TargetKind.ORDINAL: "ordered classes", TargetKind.REGRESSION: "number"}


class TargetChoice(QComboBox):
    """A combo box of the targets.

    Parameters
    ----------
    session
        The session; changed through its commands only. The owner calls :meth:`refresh` when it changed.
    """

    def __init__(self, session: Session, guard: WheelGuard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Target")
        self.setToolTip("Which of the predicted phenotypes is shown, everywhere in the window")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        guard.watch(self)
        self._session = session
        self._shown: tuple[Target | None, ...] = ()
        self.activated.connect(self._on_chosen)
        self.refresh()

    @property
    def is_needed(self) -> bool:
        """Whether there is more than one target."""
        return self.count() > 1

    def refresh(self) -> None:
        """Offer the targets of the session and show the present one."""
        targets = tuple(cohort.target for cohort in self._session.data.value.by_target)
        if targets != self._shown:
            self._shown = targets
            self.clear()
            for number, target in enumerate(targets):
                if target is not None:
                    self.addItem(f"{target.column} ({_KINDS[target.kind]})", number)
        self.setCurrentIndex(self.findData(self._session.runs.target))

    def _on_chosen(self) -> None:
        self._session.show_target(int(self.currentData()))
