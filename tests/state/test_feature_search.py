"""Features are found by any part of their name, best matches first, in every modality."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from multimil_gui.state.feature_search import LIMIT, RECENT, Feature, FeatureSearch

SEARCH = FeatureSearch(
    {"rna": ("CD3D", "CD33", "CD300A", "cd3", "TNFCD3", "GNLY", "A\nB"), "adt": ("CD3", "CD3D", "anti-CD33")}
)


def _names(found: tuple[Feature, ...]) -> list[str]:
    return [f"{feature.name} {feature.modality}" for feature in found]


def test_shorter_names_that_begin_with_the_text_come_first_then_those_that_contain_it() -> None:
    assert _names(SEARCH.matches("cd3")) == [
        "cd3 rna",
        "CD3 adt",
        "CD33 rna",
        "CD3D rna",
        "CD3D adt",
        "CD300A rna",
        "TNFCD3 rna",
        "anti-CD33 adt",
    ]
    assert _names(SEARCH.matches("  NLY ")) == ["GNLY rna"]
    assert SEARCH.matches("none") == ()


def test_the_name_itself_is_found_in_any_case_the_same_case_first() -> None:
    assert _names(SEARCH.exact("CD3")) == ["CD3 adt", "cd3 rna"]
    assert _names(SEARCH.exact("cd3d")) == ["CD3D rna", "CD3D adt"]
    assert SEARCH.exact("CD") == ()


def test_what_was_chosen_before_comes_first() -> None:
    search = FeatureSearch({"rna": tuple(f"GENE{i}" for i in range(100))})
    assert search.matches("") == ()
    for i in (3, 90, 3, *range(20, 40)):
        search.remember(Feature(f"GENE{i}", "rna"))
    assert len(search.recent) == RECENT and search.recent[0].name == "GENE39"
    assert search.matches("") == search.recent
    assert search.matches("gene", 3) == search.recent[:3]
    assert search.matches("GENE7")[0].name == "GENE7"


@given(
    st.lists(st.text("abAB\n 12", min_size=1, max_size=6), unique=True, max_size=30),
    st.text("abAB12", min_size=1, max_size=3),
)
def test_all_names_that_contain_the_text_and_no_others_are_found(names: list[str], text: str) -> None:
    found = FeatureSearch({"rna": names}).matches(text, LIMIT)
    wanted = {name for name in names if text.lower() in name.lower()}
    assert {feature.name for feature in found} == wanted and len(found) == len(wanted)
    begins = [feature.name.lower().startswith(text.lower()) for feature in found]
    assert begins == sorted(begins, reverse=True)
