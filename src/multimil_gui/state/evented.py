"""One part of the session: a frozen value that is replaced as a whole, and a signal that says so."""

from __future__ import annotations

from typing import Generic, TypeVar

from psygnal import Signal

T = TypeVar("T")


class Part(Generic[T]):
    """Holds one frozen value.

    Because values are replaced and never mutated, undo is putting the old one back, "unchanged" is identity, and
    a snapshot for a thread or a file is a reference.

    Attributes
    ----------
    changed
        Emitted (without arguments) after the value was replaced.
    """

    changed = Signal()

    def __init__(self, value: T) -> None:
        self._value = value

    @property
    def value(self) -> T:
        """The present frozen value."""
        return self._value

    def replace(self, value: T) -> None:
        """Put ``value`` in place without telling anyone; only the session calls this."""
        self._value = value
