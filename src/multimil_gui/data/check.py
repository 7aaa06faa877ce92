"""Check the answers to "which column is what": one checker for the window, the command line and the library."""

from __future__ import annotations

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Cohort, Columns, Problem
from multimil_gui.data.store import Store


class CohortRefused(Refusal):
    """The columns do not make a cohort.

    Parameters
    ----------
    problems
        Everything found, errors first; the exception's own text is the first error.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        super().__init__(first.what, first.where, first.fix)
        self.problems = problems


def check_columns(store: Store, columns: Columns, n_folds: int | None = None) -> tuple[Problem, ...]:
    """Return every mistake and every remark about the chosen columns, errors first.

    Parameters
    ----------
    store
        The data.
    columns
        What each column is said to mean.
    n_folds
        Folds of the cross-validation; None skips the check of their number.
    """
    raise NotImplementedError


def build_cohort(store: Store, columns: Columns, n_folds: int | None = None) -> Cohort:
    """Build the checked cohort.

    Raises
    ------
    CohortRefused
        When :func:`check_columns` finds an error.
    """
    raise NotImplementedError
