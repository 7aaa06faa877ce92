"""One form field per option type: a magicgui widget that keeps its value exactly, however small."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from magicgui import widgets as mg
from pydantic.fields import FieldInfo
from qtpy.QtWidgets import QAbstractSpinBox, QLineEdit, QWidget

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
        self._text = _TEXTS.get(field.annotation)
        self._exact: Any = None

    @property
    def native(self) -> QWidget:
        """The Qt widget."""
        return self.widget.native

    def value(self) -> Any:
        """Return the value as typed: a text field's is parsed, or returned as it is when it cannot be."""
        if self._text is None:
            return self.widget.value
        written, parse = self._text
        text = str(self.widget.value).strip()
        # A number shown in a few digits is kept exactly until its text is edited.
        if text == written(self._exact):
            return self._exact
        try:
            return parse(text)
        except ValueError:
            return text

    def set_value(self, value: Any) -> None:
        """Show a value; a number is kept exactly until its text is edited."""
        self._exact = value
        self.widget.value = value if self._text is None else self._text[0](value)
        if isinstance(self.native, QLineEdit):
            self.native.setCursorPosition(0)

    def in_words(self) -> str:
        """Return the present value as it is shown."""
        return value_in_words(self.value())

    def disable(self, reason: str) -> None:
        """Grey the field out because it does not apply, for this reason; an empty reason lets it be edited."""
        self.native.setEnabled(not reason)
        self.native.setToolTip(f"{reason}\n{self.tooltip}" if reason else self.tooltip)


def format_float(value: float) -> str:
    """Return a number in a few digits: 0.3333, 0.001, 1e-05."""
    return f"{value:.4g}"


def format_exact(value: float) -> str:
    """Return a number in as few digits as give it back exactly."""
    text = f"{value:g}"
    return text if float(text) == value else repr(value)


def value_in_words(value: Any) -> str:
    """Return an option's value as a person would write it: on, 0.3333, gated attention, automatic."""
    if value is None:
        return "automatic"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Enum):
        return enum_words(value)
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, tuple):
        return ", ".join(format_exact(item) if isinstance(item, float) else value_in_words(item) for item in value)
    return str(value)


def enum_words(value: Enum) -> str:
    """Return a choice in words."""
    return str(getattr(value, "words", str(value.value).replace("_", " ")))


def _tooltip(field: FieldInfo) -> str:
    kind, words = field.annotation, field.description or ""
    if isinstance(kind, type) and issubclass(kind, Enum):
        # The description explains the values by the names they have in a recipe.
        for item in sorted(kind, key=lambda item: -len(str(item.value))):
            where = rf"\b{item.value}\b" if "_" in str(item.value) else rf"\b{item.value}(?=:)"
            words = re.sub(where, enum_words(item), words)
    parts = [words]
    allowed = limits_in_words(field)
    if allowed:
        parts.append(f"Allowed: {allowed}.")
    parts.append(f"Default: {value_in_words(field.default)}.")
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
    if kind in _TEXTS:
        line = mg.LineEdit(name=name)
        if field.default is None and isinstance(line.native, QLineEdit):
            line.native.setPlaceholderText(value_in_words(None))
        return line
    if isinstance(kind, type) and issubclass(kind, Enum):
        return mg.ComboBox(name=name, choices=[(enum_words(item), item) for item in kind])
    raise TypeError(f"no form field for option {name!r} of type {kind!r}")


def _float(text: str) -> float:
    return float(text.replace(",", "."))


def _floats(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in re.split(r"[\s,;]+", text) if part)


def _or_none(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: parse(text) if text else None


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


#: Option types that are edited as text: how a value is written, and how a text is read (ValueError when it cannot be).
_TEXTS: dict[Any, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    float: (lambda value: "" if value is None else format_float(value), _float),
    tuple[float, ...]: (lambda value: value_in_words(value or ()), _floats),
    int | None: (_plain, _or_none(int)),
    str | None: (_plain, _or_none(str)),
    str: (_plain, str),
}
