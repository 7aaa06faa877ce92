"""Which cells each pane of a split map draws."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from pydantic import TypeAdapter

from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file
from multimil_gui.state.replay import replay
from multimil_gui.state.selection import SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.split import MOST_PANES, columns_to_split_by, split_of
from multimil_gui.state.view import SPLIT_BY_MODALITY, Drawing, View


@pytest.fixture
def session(store) -> Session:
    opened = Session()
    opened.open_store(store)
    return opened


def test_levels_get_a_pane_each_and_missing_ones_too(session):
    session.set_view(split="label")
    split = split_of(session)
    assert [pane.title for pane in split.panes] == ["B", "T", "missing"] and split.words == ""
    rows = np.arange(60)
    for i, pane in enumerate(split.panes):
        assert np.array_equal(pane.rows, rows[rows % 3 == i])
    assert split_of(session) is split
    session.set_view(drawing=Drawing.MEAN)
    assert split_of(session) is split


def test_no_split_without_levels(session):
    for nothing in ("", "no such column", SPLIT_BY_MODALITY):
        session.set_view(split=nothing)
        assert split_of(session) is None
    assert {"condition", "sample_id", "label"} <= set(columns_to_split_by(session))


def test_too_many_levels_show_the_largest_and_say_so(tmp_path):
    import anndata as ad
    import pandas as pd

    sizes = np.arange(1, 21)
    level = np.repeat([f"L{i:02d}" for i in sizes], sizes)
    data = ad.AnnData(np.ones((len(level), 2), np.float32), obs=pd.DataFrame({"kind": pd.Categorical(level)}))
    data.obs_names = [f"c{i}" for i in range(len(level))]
    data.write_h5ad(tmp_path / "many.h5ad")
    session = Session()
    session.open_store(import_file(tmp_path / "many.h5ad", tmp_path / "stores", SilentReporter()))
    session.set_view(split="kind")
    split = split_of(session)
    assert [pane.title for pane in split.panes] == [f"L{i:02d}" for i in range(9, 21)]
    assert len(split.panes) == MOST_PANES
    assert split.words == f"The 12 largest of 20 levels of kind; {sum(range(1, 9))} cells of the others are not shown."


def test_panes_of_measured_modalities_and_the_recipe_of_a_selection_in_one(small_h5mu, tmp_path):
    store = import_file(small_h5mu, tmp_path / "stores", SilentReporter())
    session = Session()
    session.open_store(store)
    session.set_view(split=SPLIT_BY_MODALITY)
    split = split_of(session)
    every = np.concatenate([pane.rows for pane in split.panes])
    assert np.array_equal(np.sort(every), np.arange(store.n_cells))
    names = tuple(store.index.modalities)
    for pane in split.panes:
        there = [name for name in names if np.isin(pane.rows, store.modality_rows(name)).all()]
        assert pane.title == " + ".join(there)
    session.add_map("flat", np.zeros((store.n_cells, 2), np.float32))
    square = [[-1, -1], [1, -1], [1, 1], [-1, 1]]
    pane = split.panes[0]
    recipe = SelectionRecipe(SelectionKind.LASSO, {"map": "flat", "polygon": square, "measured": pane.title})
    assert np.array_equal(np.flatnonzero(replay(session, recipe).mask), pane.rows)


def test_ways_to_draw_can_be_undone(session):
    before = session.view.value
    session.set_view(drawing=Drawing.DENSITY, contours=True, split="label")
    assert session.view.value == replace(before, drawing=Drawing.DENSITY, contours=True, split="label")
    session.commands.undo()
    assert session.view.value == before


def test_a_project_without_these_settings_opens_as_one_map_of_points():
    old = {key: value for key, value in asdict(View()).items() if key not in ("drawing", "contours", "split")}
    assert TypeAdapter(View).validate_python(old) == View()
    new = View(drawing=Drawing.MEAN, contours=True, split="label")
    plain = TypeAdapter(View).dump_python(new, mode="json")
    assert TypeAdapter(View).validate_python(plain) == new
