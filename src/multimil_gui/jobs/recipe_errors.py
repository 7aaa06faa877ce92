"""Mistakes of a recipe in words: the dotted key, what is wrong, and the nearest thing that would be right."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_Place = tuple[str | int, ...]

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text in quotation marks",
    "path": "text in quotation marks",
    "tuple": 'a list, as in ["a", "b"]',
    "dict": "a table",
    "model": "a table, that is a section with its own keys",
}


def mistakes(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one sentence for each mistake, in the order of the keys."""
    return [_sentence(item, model) for item in error.errors(include_url=False)]


def _sentence(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    place: _Place = item["loc"]
    kind: str = item["type"]
    if kind == "extra_forbidden":
        return _unknown_key(place, model)
    if kind == "missing":
        return _missing(place, model)
    if kind == "enum":
        return _not_one_of(place, item["input"], model)
    if kind == "value_error":
        reason = str(item["ctx"]["error"])
        return _stop(f"{_dotted(place)}: {reason}" if place else reason[:1].upper() + reason[1:])
    if kind.startswith("tuple") and _list_of_tables(place, model):
        return f"{_dotted(place)} must be a list of tables; begin each with the line [[{_dotted(place)}]]."
    limits = _limits(_field(place, model))
    if kind.startswith(("greater_than", "less_than")):
        return f"{_dotted(place)} = {item['input']!r} is out of range; {limits}."
    expected = next((words for start, words in _KINDS.items() if kind.startswith(start)), "")
    if expected:
        allowed = f" ({limits})" if limits else ""
        return f"{_dotted(place)} = {_shown(item['input'])} must be {expected}{allowed}."
    return _stop(f"{_dotted(place)}: {item['msg']}")


def _unknown_key(place: _Place, model: type[BaseModel]) -> str:
    parent, key = place[:-1], str(place[-1])
    owner = _model(parent, model)
    known = tuple(owner.model_fields) if owner is not None else ()
    start = f"{_dotted(place)} is not a key of a recipe"
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if nearest:
        return f"{start}; did you mean {_dotted((*parent, nearest[0]))}?"
    elsewhere = [_dotted(other) for other in _all_keys(model) if other[-1] == key]
    if elsewhere:
        return f"{start}; it belongs to {' or '.join(elsewhere)}."
    near = difflib.get_close_matches(key, {str(other[-1]) for other in _all_keys(model)}, n=1, cutoff=0.75)
    elsewhere = [_dotted(other) for other in _all_keys(model) if near and other[-1] == near[0]]
    if elsewhere:
        return f"{start}; did you mean {' or '.join(elsewhere)}?"
    inside = _section(parent) if parent else "A recipe"
    return f"{start}. {inside} knows {', '.join(known)}."


def _missing(place: _Place, model: type[BaseModel]) -> str:
    field = _field(place, model)
    meaning = f": {field.description}" if field is not None and field.description else ""
    name = f"The section {_section(place)}" if _model(place, model) is not None else _dotted(place)
    return _stop(f"{name} is missing{meaning}")


def _not_one_of(place: _Place, value: object, model: type[BaseModel]) -> str:
    field = _field(place, model)
    allowed = _choices(field)
    nearest = difflib.get_close_matches(str(value), allowed, n=1, cutoff=0.45)
    hint = f'; did you mean "{nearest[0]}"?' if nearest else "."
    return f"{_dotted(place)} = {_shown(value)} must be one of {', '.join(allowed)}{hint}"


def _choices(field: FieldInfo | None) -> list[str]:
    for kind in _inner_types(field.annotation) if field is not None else ():
        if isinstance(kind, type) and issubclass(kind, Enum):
            return [str(member.value) for member in kind]
    return []


def _limits(field: FieldInfo | None) -> str:
    """Return the allowed range in words, e.g. ``"at least 1 and at most 5000"``."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    found = [
        f"{text} {getattr(limit, name)}"
        for limit in (field.metadata if field is not None else ())
        for name, text in words.items()
        if getattr(limit, name, None) is not None
    ]
    return " and ".join(found)


def _field(place: _Place, model: type[BaseModel]) -> FieldInfo | None:
    """Return the field at a dotted key; items of lists belong to their list."""
    for end in range(len(place), 0, -1):
        owner = _model(place[: end - 1], model)
        if owner is not None and place[end - 1] in owner.model_fields:
            return owner.model_fields[str(place[end - 1])]
    return None


def _model(place: _Place, model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the section at a dotted key, None when it is no section."""
    current: Any = model
    for key in place:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(key))
            current = field.annotation if field is not None else None
        elif get_origin(current) is dict:
            current = get_args(current)[1]
        elif get_origin(current) is tuple and isinstance(key, int):
            current = get_args(current)[0]
        else:
            return None
        current = next((kind for kind in _inner_types(current) if _is_section(kind)), None)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _list_of_tables(place: _Place, model: type[BaseModel]) -> bool:
    """Whether a key holds a list of sections, such as ``further_targets``."""
    return _model((*place, 0), model) is not None


def _section(place: _Place) -> str:
    """Return how a section begins in the file; one of a list by the name of the list."""
    return f"[[{_dotted(place[:-1])}]]" if isinstance(place[-1], int) else f"[{_dotted(place)}]"


def _is_section(kind: Any) -> bool:
    if get_origin(kind) in (dict, tuple):
        return True
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _inner_types(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def _all_keys(model: type[BaseModel], place: _Place = ()) -> Iterator[_Place]:
    for key in model.model_fields:
        here = (*place, key)
        yield here
        section = _model((key,), model)
        if section is not None:
            yield from _all_keys(section, here)


def _dotted(place: _Place) -> str:
    return ".".join(str(key) for key in place)


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _stop(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
