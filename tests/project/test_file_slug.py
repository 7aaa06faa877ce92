"""Names of files from labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.project.slug import MAX_BYTES, file_slug


@pytest.mark.parametrize(
    ("label", "slug"),
    [
        ("T/NK", "T_NK"),
        ("CD4+ T", "CD4+_T"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("CON", "_CON"),
        ("lpt1.txt", "_lpt1.txt"),
        ("a:b", "a_b"),
        ("ends.", "ends"),
        ("a\u202eb", "a_b"),
        ("größe", "größe"),
    ],
)
def test_known_labels(label: str, slug: str):
    assert file_slug(label) == slug


@given(st.lists(st.text(max_size=200), max_size=8))
def test_any_labels_give_different_writable_names(labels: list[str]):
    taken: list[str] = []
    for label in labels:
        slug = file_slug(label, taken)
        assert 0 < len(slug.encode()) <= MAX_BYTES
        assert Path(slug).name == slug
        assert not set(slug) & set('<>:"/\\|?*\0')
        assert not slug.endswith((".", " "))
        assert slug.casefold() not in {other.casefold() for other in taken}
        taken.append(slug)
