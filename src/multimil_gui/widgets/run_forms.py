"""Forms made from the recipe's own option classes: what the form shows and checks is what the command line checks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import Options
from multimil_gui.widgets._fields import OptionField
from multimil_gui.widgets._preset import PresetChoice
from multimil_gui.widgets._section import Section
from multimil_gui.widgets._ui import Mark, MarkedLine, Role, WheelGuard, label, set_property

_CAPTION_LETTERS = 16

OptionsT = TypeVar("OptionsT", bound=Options)


class OptionsForm(QWidget, Generic[OptionsT]):
    """A form for one options class: basic fields on top, advanced ones folded away, errors beside their field.

    Parameters
    ----------
    options_class
        A pydantic ``Options`` class of booleans, numbers, texts, lists of numbers and enums. A field ``preset`` fills in
        all others when it is chosen, and tells how many of them were changed since.
    leave_out
        Fields that are not shown and keep the value last given to :meth:`set_options`.
    fold_advanced
        Fold the advanced fields away; a short form may show them all.

    Signals
    -------
    changed()
        A field was edited; the form may or may not be valid.
    """

    changed = Signal()

    def __init__(
        self,
        options_class: type[OptionsT],
        leave_out: Collection[str] = (),
        parent: QWidget | None = None,
        *,
        fold_advanced: bool = True,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"form_{options_class.__name__}")
        self._class = options_class
        self._hidden: dict[str, Any] = {}
        self._guard = WheelGuard(self)
        self._errors: dict[str, MarkedLine] = {}
        self._filling = False
        self.fields: dict[str, OptionField] = {
            name: OptionField(name, info, self._guard)
            for name, info in options_class.model_fields.items()
            if name not in leave_out
        }
        self._left_out = tuple(name for name in options_class.model_fields if name in leave_out)
        self._general = MarkedLine(Mark.ERROR, "", self)
        self._general.hide()
        self._lay_out(fold_advanced)
        for field in self.fields.values():
            field.widget.changed.connect(self._on_changed)
        self._preset = PresetChoice(self, options_class, self.fields) if "preset" in self.fields else None
        self.set_options(options_class())

    def _lay_out(self, fold_advanced: bool) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        advanced = [field for field in self.fields.values() if field.advanced and fold_advanced]
        basic = [field for field in self.fields.values() if field not in advanced]
        if basic:
            layout.addWidget(self._form(basic))
        self.advanced: Section | None = None
        if advanced:
            page = self._grouped(advanced)
            self.advanced = Section("Advanced", page, "Show or hide the options that rarely need a change", self)
            self.advanced.setObjectName("advanced")
            layout.addWidget(self.advanced)
        layout.addWidget(self._general)

    def _grouped(self, fields: list[OptionField]) -> QWidget:
        """Return the fields under the headings of their class, those of no heading first."""
        page = QWidget(self)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        named = {name for names in self._class.groups.values() for name in names}
        groups = {"": [field for field in fields if field.name not in named]}
        groups |= {
            heading: [field for field in fields if field.name in names] for heading, names in self._class.groups.items()
        }
        for heading, members in groups.items():
            if not members:
                continue
            if heading:
                layout.addWidget(label(heading, Role.NOTE, page))
            layout.addWidget(self._form(members))
        return page

    def _form(self, fields: list[OptionField]) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(10)
        form.setVerticalSpacing(5)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for field in fields:
            caption = label(field.title, Role.BODY, page, wrap=True)
            caption.setToolTip(field.tooltip)
            caption.setBuddy(field.native)
            caption.setFixedWidth(caption_width(self))
            cell = QWidget(page)
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            column.addWidget(field.native)
            error = MarkedLine(Mark.ERROR, "", cell)
            error.setObjectName(f"{field.name}_error")
            error.hide()
            column.addWidget(error)
            self._errors[field.name] = error
            form.addRow(caption, cell)
        return page

    def options(self) -> OptionsT:
        """Return the checked options.

        Raises
        ------
        Refusal
            When a value is not allowed; the field is marked, with the reason in words.
        """
        problems = self._check()
        if isinstance(problems, Options):
            return problems
        first = next(iter(problems))
        where = f"{self.fields[first].title}: {problems[first]}" if first in self.fields else problems[first]
        raise Refusal("An option is not allowed.", f"{where}.", "Correct the marked field.")

    def set_options(self, options: OptionsT) -> None:
        """Fill in the form; values come back from :meth:`options` exactly as given."""
        self._filling = True
        try:
            for name, field in self.fields.items():
                field.set_value(getattr(options, name))
        finally:
            self._filling = False
        self._hidden = {name: getattr(options, name) for name in self._left_out}
        self._check()
        self.changed.emit()

    def value(self, name: str) -> Any:
        """Return the value of one field as it stands, allowed or not."""
        return self.fields[name].value()

    def disable(self, reasons: Mapping[str, str]) -> None:
        """Grey out the fields that do not apply, with the reason as tooltip; all others can be edited."""
        for name, field in self.fields.items():
            field.disable(reasons.get(name, ""))

    def is_valid(self) -> bool:
        """Return whether every field holds an allowed value."""
        return isinstance(self._check(), Options)

    def error(self, name: str) -> str:
        """Return the words shown beside a field; empty when it is fine."""
        return self._errors[name].words.text()

    def _on_changed(self) -> None:
        if not self._filling:
            self._check()
            self.changed.emit()

    def _check(self) -> OptionsT | dict[str, str]:
        values = {name: field.value() for name, field in self.fields.items()} | self._hidden
        problems: dict[str, str] = {}
        result: OptionsT | None = None
        try:
            result = self._class(**values)
        except ValidationError as error:
            for item in error.errors():
                name = str(item["loc"][0]) if item["loc"] else ""
                problems.setdefault(name, _in_words(dict(item)))
        for name, shown in self._errors.items():
            words = problems.get(name, "")
            shown.set_words(words)
            shown.setVisible(bool(words))
            set_property(self.fields[name].native, "invalid", bool(words))
        general = [words for name, words in problems.items() if name not in self._errors]
        self._general.set_words("\n".join(general))
        self._general.setVisible(bool(general))
        if self._preset is not None:
            self._preset.refresh()
        if self.advanced is not None and any(self.fields[name].advanced for name in problems if name in self.fields):
            self.advanced.expand(animate=False)
        return result if result is not None else problems


def caption_width(widget: QWidget) -> int:
    """Return the width of the captions of every form, so that the fields of a page stand below each other.

    At most half of a narrow panel; longer captions wrap.
    """
    return _CAPTION_LETTERS * widget.fontMetrics().averageCharWidth()


def options_form(
    options_class: type[OptionsT],
    leave_out: Collection[str] = (),
    parent: QWidget | None = None,
    *,
    fold_advanced: bool = True,
) -> OptionsForm[OptionsT]:
    """Return a form for an options class."""
    return OptionsForm(options_class, leave_out, parent, fold_advanced=fold_advanced)


_LIMIT_WORDS = (
    ("greater_than", "gt", "must be above"),
    ("greater_than_equal", "ge", "must be at least"),
    ("less_than", "lt", "must be below"),
    ("less_than_equal", "le", "must be at most"),
)


def _in_words(error: dict[str, Any]) -> str:
    """Say a pydantic error as a person would."""
    limits = error.get("ctx", {})
    given = error.get("input")
    kind = str(error.get("type", ""))
    for code, key, words in _LIMIT_WORDS:
        if kind == code:
            return f"{words} {limits[key]:g}"
    if kind in ("float_parsing", "float_type", "finite_number", "int_parsing", "int_type"):
        return "a number is missing" if given in ("", None) else f"“{given}” is not a number"
    if kind == "tuple_type":
        return "numbers with commas between them are needed"
    if kind == "too_short":
        return "a number is missing"
    return str(error.get("msg", "not allowed")).removeprefix("Value error, ")
