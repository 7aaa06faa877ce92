"""From the session to what the map draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file
from multimil_gui.state.coloring import N_COLORS, categorical, continuous, robust_limits
from multimil_gui.state.palettes import CONTINUOUS, MISSING, category_colors, palette_lut, parse_hex
from multimil_gui.state.resolve import DIMMED, HIDDEN, NORMAL, SELECTED, coloring_of, resolve
from multimil_gui.state.scatter_view import ColorScale
from multimil_gui.state.selection import SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind, ScoreSource

LASSO = SelectionRecipe(SelectionKind.LASSO)


def color(session: Session, kind: ColorKind, key: str = "", modality: str = ""):
    session.color_by(ColorBy(kind, key, modality))
    return resolve(session)


def drawn(view) -> np.ndarray:
    """Return the colour each cell is drawn in."""
    return view.lut[view.values][:, :3]


def test_nothing_open_is_an_empty_map():
    view = resolve(Session())
    assert view.positions.shape == (0, 2)
    assert view.values.shape == view.states.shape == (0,)
    assert view.n_shown == 0


def test_plain(session: Session):
    view = color(session, ColorKind.NONE)
    assert view.positions.dtype == np.float32
    assert view.values.dtype == view.states.dtype == view.lut.dtype == np.uint8
    assert len(np.unique(drawn(view), axis=0)) == 1
    assert (view.legend, view.scale, view.numbers) == ((), None, None)
    assert view.n_shown == 60


def test_a_category_with_its_legend(session: Session):
    view = color(session, ColorKind.OBS, "condition")
    # The control class comes first, whatever its name.
    assert [(entry.level, entry.count, entry.shown) for entry in view.legend] == [
        ("healthy", 30, True),
        ("ill", 30, True),
    ]
    assert drawn(view)[0].tolist() == list(view.legend[1].rgb)
    assert drawn(view)[59].tolist() == list(view.legend[0].rgb)
    assert view.title == "condition"


def test_the_files_colours_are_used(session: Session):
    view = color(session, ColorKind.OBS, "label")
    assert [(entry.level, entry.count) for entry in view.legend] == [("B", 20), ("T", 20), ("", 20)]
    assert drawn(view)[0].tolist() == [255, 0, 0]
    assert drawn(view)[1].tolist() == [0, 255, 0]
    assert drawn(view)[2].tolist() == list(MISSING)
    assert view.values[2] == 0


def test_hidden_levels_are_not_drawn(session: Session):
    color(session, ColorKind.OBS, "label")
    session.set_hidden(["B", ""])
    view = resolve(session)
    assert (view.states[[0, 2]] == HIDDEN).all()
    assert view.states[1] == NORMAL
    assert view.n_shown == 20
    assert [entry.shown for entry in view.legend] == [False, True, False]


def test_selected_cells_stand_out_and_hidden_ones_stay_hidden(session: Session):
    color(session, ColorKind.OBS, "label")
    session.set_hidden(["B"])
    mask = np.zeros(60, dtype=bool)
    mask[[0, 1]] = True
    session.select(mask, LASSO)
    view = resolve(session)
    assert view.states[:3].tolist() == [HIDDEN, SELECTED, DIMMED]


def test_numbers_with_missing_values(session: Session):
    view = color(session, ColorKind.OBS, "age")
    assert view.values[5] == 0
    assert np.isnan(view.numbers[5])
    assert view.values[0] == 1
    assert view.values[59] == 255
    assert (np.diff(np.delete(view.values, 5).astype(int)) >= 0).all()
    assert 0 <= view.scale.low < 5 < 80 < view.scale.high <= 88.5
    assert view.legend == ()


def test_a_gene_is_normalised_and_says_so(session: Session):
    view = color(session, ColorKind.FEATURE, "GNLY", "rna")
    row = np.arange(60)
    counts = row % 5
    expected = np.log1p(10_000 * counts / (counts + 3 + row // 20))
    np.testing.assert_allclose(view.numbers, expected, rtol=1e-5)
    assert view.title == "GNLY (rna, log1p of counts per 10,000)"


def test_a_gene_that_is_off_has_one_colour(session: Session):
    view = color(session, ColorKind.FEATURE, "OFF", "rna")
    assert (view.numbers == 0).all()
    assert len(np.unique(view.values)) == 1


def test_cells_without_the_modality_are_grey(small_h5mu, tmp_path):
    store = import_file(small_h5mu, tmp_path / "stores", SilentReporter())
    session = Session()
    session.open_store(store)
    feature = store.features("adt")[0]
    view = color(session, ColorKind.FEATURE, feature, "adt")
    absent = np.ones(store.index.n_cells, dtype=bool)
    absent[store.modality_rows("adt")] = False
    assert absent.any()
    assert (view.values[absent] == 0).all()
    assert (view.values[~absent] > 0).all()


def test_attention_names_its_source(trained: Session):
    view = resolve(trained)
    assert view.title == "attention, held-out models"
    np.testing.assert_array_equal(view.numbers, trained.mil().held_out_cells.attention)
    trained.set_view(source=ScoreSource.TRAINED)
    view = resolve(trained)
    assert view.title == "attention, trained on this patient"
    np.testing.assert_array_equal(view.numbers, trained.mil().trained_cells.attention)
    trained.set_view(rank=True)
    view = resolve(trained)
    assert view.title == "attention rank within the sample, trained on this patient"
    assert (view.scale.low, view.scale.high) == (0, 1)


def test_limits_follow_the_percentiles(trained: Session):
    trained.set_view(percentiles=(0.0, 50.0))
    view = resolve(trained)
    assert view.scale.high == pytest.approx(np.median(view.numbers))
    assert (view.values[view.numbers >= view.scale.high] == 255).all()


def test_contribution_is_signed_about_zero(trained: Session):
    view = color(trained, ColorKind.CONTRIBUTION, "ill")
    assert view.scale.centre == 0
    assert view.scale.low == -view.scale.high
    assert view.values[0] == 0
    known = np.isfinite(view.numbers)
    assert (view.values[known & (view.numbers > 0.1)] > 128).all()
    assert (view.values[known & (view.numbers < -0.1)] < 128).all()
    assert view.title == "contribution to ill, held-out models"


def test_prediction_is_that_of_the_cells_sample(trained: Session):
    view = color(trained, ColorKind.PREDICTION, "ill")
    np.testing.assert_array_equal(view.numbers, np.repeat(trained.predictions().probability[:, 1], 10))
    assert view.title == "predicted probability of ill, held-out models"


def test_top_cells(trained: Session):
    view = color(trained, ColorKind.TOP)
    assert [(entry.level, entry.count) for entry in view.legend] == [("top 10 %", 6), ("other cells", 54)]
    assert view.title == "top 10 % attention per condition, held-out models"
    trained.set_view(top_percent=20.0)
    assert resolve(trained).legend[0].count == 12


def test_one_set_and_all_sets(session: Session):
    session.select_category("cell_type", "B")
    first = session.add_cell_set("B cells")
    session.select_samples([0])
    session.add_cell_set("s0")
    view = color(session, ColorKind.CELL_SET, str(first))
    assert [(entry.level, entry.count) for entry in view.legend] == [("B cells", 20), ("other cells", 40)]
    assert view.legend[0].rgb == session.cell_sets.get(first).color
    view = color(session, ColorKind.CELL_SET)
    assert {entry.level: entry.count for entry in view.legend} == {
        "B cells": 16,
        "s0": 6,
        "other cells": 34,
        "in several sets": 4,
    }
    session.delete_cell_set(first)
    assert resolve(session).legend[0].level == "s0"


def test_selected_samples(session: Session):
    session.select_samples([2, 0])
    view = color(session, ColorKind.SAMPLES)
    assert [(entry.level, entry.count) for entry in view.legend] == [("s0", 10), ("s2", 10), ("other cells", 40)]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (ColorKind.OBS, "gone"),
        (ColorKind.FEATURE, "gone"),
        (ColorKind.ATTENTION, ""),
        (ColorKind.CONTRIBUTION, "ill"),
        (ColorKind.PREDICTION, "ill"),
        (ColorKind.TOP, ""),
        (ColorKind.CELL_SET, "7"),
        (ColorKind.SAMPLES, ""),
    ],
)
def test_what_is_not_there_is_plain_and_says_so(session: Session, kind: ColorKind, key: str):
    view = color(session, kind, key, "rna")
    assert view.title.startswith("no ")
    assert view.legend == ()
    assert (view.values == 1).all()


def test_cells_without_coordinates_are_not_drawn(session: Session):
    xy = np.ones((60, 2), dtype=np.float32)
    xy[7] = np.nan
    session.add_map("partial", xy)
    view = resolve(session)
    assert view.states[7] == HIDDEN
    assert view.n_shown == 59
    assert np.isfinite(view.positions).all()


def test_only_what_changed_is_a_new_array(trained: Session):
    first = resolve(trained)
    mask = np.zeros(60, dtype=bool)
    mask[3] = True
    trained.select(mask, LASSO)
    second = resolve(trained)
    assert second.positions is first.positions
    assert second.values is first.values
    assert second.lut is first.lut
    assert second.states is not first.states
    trained.set_view(map_key="X_umap")
    third = resolve(trained)
    assert third.positions is not second.positions
    assert third.values is second.values
    assert third.states is not second.states or np.array_equal(third.states, second.states)
    trained.color_by(ColorBy(ColorKind.OBS, "age"))
    fourth = resolve(trained)
    assert fourth.values is not third.values
    assert fourth.states is third.states
    trained.commands.undo()
    assert resolve(trained).values is third.values


def test_recolouring_after_another_mapping_is_not_stale(session: Session, store):
    from multimil_gui.data.check import build_cohort
    from multimil_gui.data.cohort import Columns

    assert [entry.level for entry in resolve(session).legend] == ["healthy", "ill"]
    other = Columns(sample="sample_id", donor="donor", target="condition", reference="ill")
    session.set_cohort(build_cohort(store, other), other)
    assert [entry.level for entry in resolve(session).legend] == ["ill", "healthy"]


# -- the parts ---------------------------------------------------------------------------------------------------------


def test_more_levels_than_colours_start_again():
    codes = np.arange(600, dtype=np.int32)
    names = tuple(f"level {i}" for i in range(600))
    made = categorical(codes, names, {}, "many")
    assert (made.values > 0).all()
    assert len(made.levels) == 600
    for code in (0, 254, 255, 599):
        assert made.lut[made.values[code], :3].tolist() == list(made.levels[code].rgb)
    assert made.levels[0].rgb == made.levels[N_COLORS].rgb


@given(
    hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)),
    st.sampled_from(CONTINUOUS),
)
def test_any_numbers_become_colours(numbers: np.ndarray, palette: str):
    low, high = robust_limits(numbers, (1, 99))
    assert np.isfinite([low, high]).all()
    assert low <= high
    made = continuous(numbers, ColorScale(low, high, palette), "x")
    known = np.isfinite(numbers)
    assert ((made.values == 0) == ~known).all()
    order = np.argsort(numbers[known], kind="stable")
    assert (np.diff(made.values[known][order].astype(int)) >= 0).all()


def test_palettes_have_missing_first_and_are_opaque():
    for name in CONTINUOUS:
        lut = palette_lut(name)
        assert lut.shape == (256, 4)
        assert tuple(lut[0, :3]) == MISSING
        assert (lut[:, 3] == 255).all()
        assert len(np.unique(lut[1:], axis=0)) > 200
    with pytest.raises(KeyError):
        palette_lut("jet")


@given(st.integers(0, 255))
def test_category_colours_are_distinct_and_stable(n: int):
    colors = category_colors(n)
    assert len(colors) == n
    assert colors == category_colors(255)[:n]
    if n <= 60:
        assert len(set(colors)) == n


@given(st.text(max_size=9))
def test_any_text_is_a_colour_or_none(text: str):
    rgb = parse_hex(text)
    assert rgb is None or all(0 <= part <= 255 for part in rgb)


def test_hex_colours():
    assert parse_hex("#ff8000") == (255, 128, 0)
    assert parse_hex("#F80") == (255, 136, 0)
    assert parse_hex("#ff8000ff") == (255, 128, 0)
    assert parse_hex("red") is None


def test_level_that_does_not_exist_is_refused(session: Session):
    with pytest.raises(Refusal):
        session.select_category("condition", "unknown")


def test_values_of_any_colour_whatever_the_map_shows(session):
    shown = resolve(session)
    age = coloring_of(session, ColorBy(ColorKind.OBS, "age"))
    kinds = coloring_of(session, ColorBy(ColorKind.OBS, "condition"))
    assert age.numbers is not None and kinds.codes is not None
    assert len(age.numbers) == len(kinds.codes) == session.data.n_cells
    assert resolve(session).values is shown.values


def test_values_need_open_data():
    with pytest.raises(Refusal, match="No data is open"):
        coloring_of(Session(), ColorBy(ColorKind.ATTENTION))
