"""One form field per option type: a magicgui widget that keeps its value exactly, however small."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from magicgui import widgets as mg
from pydantic.fields import FieldInfo
from qtpy.QtWidgets import QAbstractSpinBox, QWidget

from multimil_gui.widgets._ui import WheelGuard

_INT_LIMIT = 2**31 - 1


def limits(field: FieldInfo) -> tuple[float, float]:
    """Return the (lowest, highest) limit that pydantic checks, infinite where there is none."""
    low, high = -math.inf, math.inf
    for item in field.metadata:
        if isinstance(item, Ge | Gt):
            low = float(getattr(item, "ge", getattr(item, "gt", low)))
        elif isinstance(item, Le | Lt):
            high = float(getattr(item, "le", getattr(item, "lt", high)))
    return low, high


def limits_in_words(field: FieldInfo) -> str:
    """Return e.g. ``"above 0, at most 1"``; empty without limits."""
    words = []
    for item in field.metadata:
        if isinstance(item, Ge):
            words.append(f"at least {item.ge:g}")
        elif isinstance(item, Gt):
            words.append(f"above {item.gt:g}")
        elif isinstance(item, Le):
            words.append(f"at most {item.le:g}")
        elif isinstance(item, Lt):
            words.append(f"below {item.lt:g}")
    return ", ".join(words)


class OptionField:
    """A field of a form: a magicgui widget, its exact value, and the words of its tooltip.

    Parameters
    ----------
    name
        Name of the option.
    field
        Its pydantic description: title, tooltip, limits, default.
    guard
        Keeps the wheel from changing unfocused fields.
    """

    def __init__(self, name: str, field: FieldInfo, guard: WheelGuard) -> None:
        self.name = name
        self.title = field.title or name
        self.advanced = bool(isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("advanced"))
        self.tooltip = _tooltip(field)
        self.widget = _make_widget(name, field)
        native = self.native
        native.setObjectName(name)
        native.setAccessibleName(self.title)
        native.setToolTip(self.tooltip)
        native.setMinimumWidth(64)
        guard.watch(native)
        self._is_float = field.annotation is float
        self._exact: float | None = None

    @property
    def native(self) -> QWidget:
        """The Qt widget."""
        return self.widget.native

    def value(self) -> Any:
        """Return the value as typed: a float's text is parsed, or returned as it is when it is no number."""
        if not self._is_float:
            return self.widget.value
        text = str(self.widget.value).strip()
        if self._exact is not None and text == format_float(self._exact):
            return self._exact
        try:
            return float(text.replace(",", "."))
        except ValueError:
            return text

    def set_value(self, value: Any) -> None:
        """Show a value; a float is kept exactly until its text is edited."""
        if self._is_float:
            self._exact = float(value)
            self.widget.value = format_float(self._exact)
        else:
            self.widget.value = value


def format_float(value: float) -> str:
    """Return a number in a few digits: 0.3333, 0.001, 1e-05."""
    return f"{value:.4g}"


def _tooltip(field: FieldInfo) -> str:
    words = field.description or ""
    default = field.default.value if isinstance(field.default, Enum) else field.default
    if isinstance(default, bool):
        default = "on" if default else "off"
    elif isinstance(default, float):
        default = format_float(default)
    parts = [words]
    allowed = limits_in_words(field)
    if allowed:
        parts.append(f"Allowed: {allowed}.")
    parts.append(f"Default: {default}.")
    return "\n".join(part for part in parts if part)


def _make_widget(name: str, field: FieldInfo) -> mg.bases.ValueWidget:
    kind = field.annotation
    if kind is bool:
        return mg.CheckBox(name=name, text=" ")
    if kind is int:
        low, high = limits(field)
        box = mg.SpinBox(name=name, min=int(max(low, -_INT_LIMIT)), max=int(min(high, _INT_LIMIT)))
        if isinstance(box.native, QAbstractSpinBox):
            box.native.setCorrectionMode(QAbstractSpinBox.CorrectionMode.CorrectToNearestValue)
            box.native.setGroupSeparatorShown(False)
        return box
    if kind is float:
        return mg.LineEdit(name=name)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return mg.ComboBox(name=name, choices=[(str(item.value).replace("_", " "), item) for item in kind])
    raise TypeError(f"no form field for option {name!r} of type {kind!r}")
