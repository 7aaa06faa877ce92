"""The field that fills in a whole form: a preset, and how far the values have moved away from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QComboBox

from multimil_gui.core.options import Options
from multimil_gui.widgets._fields import OptionField, enum_words, value_in_words

if TYPE_CHECKING:
    from multimil_gui.widgets.run_forms import OptionsForm

#: Options that say nothing about the design: no preset changes them.
_KEPT = ("preset", "seed", "device")


class PresetChoice(QObject):
    """Fills in the values of a preset when it is chosen, again too; says how many were changed since.

    Parameters
    ----------
    form
        The form.
    options_class
        Its class: ``options_class(preset=...)`` has the values of a preset.
    fields
        Its fields; ``fields["preset"]`` is the choice.
    """

    def __init__(self, form: OptionsForm[Any], options_class: type[Options], fields: Mapping[str, OptionField]) -> None:
        super().__init__(form)
        self._form = form
        self._class = options_class
        self._fields = fields
        self._field = fields["preset"]
        combo = self._field.native
        assert isinstance(combo, QComboBox)
        self._combo = combo
        self._words = [combo.itemText(i) for i in range(combo.count())]
        # Also when the same entry is chosen again: that takes all changes back.
        combo.activated.connect(self._fill)

    def _fill(self) -> None:
        kept = {name: field.value() for name, field in self._fields.items() if name in _KEPT and name != "preset"}
        self._form.set_options(self._class(preset=self._field.value(), **kept))  # type: ignore[call-arg]

    def changed(self) -> dict[str, Any]:
        """Return the fields that differ from the preset, each with the value that the preset gives it."""
        wanted = self._class(preset=self._field.value())  # type: ignore[call-arg]
        return {
            name: getattr(wanted, name)
            for name, field in self._fields.items()
            if name not in _KEPT and field.value() != getattr(wanted, name)
        }

    def refresh(self) -> None:
        """Show how many values differ from the preset, and in the tooltip which."""
        differing, now = self.changed(), self._combo.currentIndex()
        for index, words in enumerate(self._words):
            more = f", {len(differing)} changed" if differing and index == now else ""
            self._combo.setItemText(index, words + more)
        lines = [
            f"{self._fields[name].title}: {self._fields[name].in_words()} (preset: {value_in_words(value)})"
            for name, value in differing.items()
        ]
        words = enum_words(self._field.value())
        more = f"\nChanged since “{words}” was chosen; choose it again to take this back:\n" + "\n".join(lines)
        self._combo.setToolTip(self._field.tooltip + (more if lines else ""))
