"""Shared by all rooms; the parts live in ``tests/support/multimil_testing``."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir
from multimil_testing import environment

environment.prepare()
set_hypothesis_home_dir(environment.REPOSITORY / ".hypothesis")
# Shared machines are slow at times: a deadline would make tests flaky.
settings.register_profile("multimil", deadline=None)
settings.load_profile("multimil")

pytest_plugins = [
    "multimil_testing.rooms",
    "multimil_testing.sandbox",
    "multimil_testing.qt_leaks",
    "multimil_testing.cohorts",
]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the repository."""
    return environment.REPOSITORY
