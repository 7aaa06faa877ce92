"""The one exception that is meant for the user."""

from __future__ import annotations


class Refusal(Exception):
    """Something the user asked for cannot be done; says what, where, and what to do.

    Parameters
    ----------
    what
        What is wrong, one sentence in the user's words.
    where
        File, key, counts and the first examples; empty when the place is evident.
    fix
        What the user can do about it.
    """

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.where, self.fix) if part)


class Cancelled(Exception):
    """The user cancelled the running job; everything stays as it was before."""
