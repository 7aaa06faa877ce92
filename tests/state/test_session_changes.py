"""What the user can do in a session, and that all of it can be taken back."""

from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.data.cohort import Scope
from multimil_gui.state.recipes import describe
from multimil_gui.state.runs import RunKind
from multimil_gui.state.samples import VectorKind
from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind, ScoreSource

LASSO = SelectionRecipe(SelectionKind.LASSO, {"map": "X_umap", "polygon": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]})


def mask_of(*cells: int) -> np.ndarray:
    mask = np.zeros(60, dtype=bool)
    mask[list(cells)] = True
    return mask


def test_opening_shows_the_map_and_maps_the_condition(session: Session):
    assert session.data.n_cells == 60
    assert next(iter(session.data.maps)) == "X_umap"
    assert session.data.maps["X_umap"].shape == (60, 2)
    assert session.data.latents["X_pca"].shape == (60, 5)
    assert session.view.map_key == "X_umap"
    assert session.view.color == ColorBy(ColorKind.OBS, "condition")
    assert session.commands.undo_label is None


def test_opening_other_data_forgets_everything(trained: Session, store):
    trained.select(mask_of(1, 2), LASSO)
    trained.add_cell_set()
    trained.open_store(store)
    assert trained.selection.empty
    assert trained.cell_sets.items == ()
    assert trained.runs.records == ()
    assert list(trained.data.maps) == ["X_umap", "X_pca"]
    assert trained.commands.undo_label is None
    assert not trained.modified


def test_the_star(session: Session):
    told = []
    session.modified_changed.connect(told.append)
    session.mark_saved()
    assert not session.modified
    session.set_view(point_size=4.0)
    assert session.modified
    session.commands.undo()
    assert not session.modified
    session.commands.redo()
    session.mark_saved()
    assert not session.modified
    session.commands.undo()
    assert session.modified
    assert told == [False, True, False, True, False, True]


def test_listeners_never_see_half_a_change(trained: Session):
    seen = []
    trained.view.changed.connect(lambda: seen.append((trained.view.top_percent, trained.selection.count)))
    trained.select_top(20, Scope.OVERALL)
    assert seen == [(20, 12)]


def test_a_change_that_changes_nothing_is_no_step(session: Session):
    session.set_view(point_size=None)
    session.color_by(session.view.color)
    session.set_hidden([])
    session.clear_selection()
    session.select_samples([])
    session.set_vectors(VectorKind.MEAN)
    assert session.commands.undo_label is None


def test_an_unknown_view_setting_is_an_error(session: Session):
    with pytest.raises(TypeError):
        session.set_view(colour="red")


def test_a_dragged_point_size_is_one_step(session: Session):
    for size in (2.0, 3.0, 4.0):
        session.set_view(point_size=size)
    session.commands.undo()
    assert session.view.point_size is None


def test_colour_by_shows_hidden_levels_again(session: Session):
    session.set_hidden(["ill"])
    session.color_by(ColorBy(ColorKind.OBS, "cell_type"))
    assert session.view.hidden == frozenset()
    session.commands.undo()
    assert session.view.hidden == {"ill"}


def test_isolate_and_back(session: Session):
    session.color_by(ColorBy(ColorKind.OBS, "label"))
    session.isolate("T")
    assert session.view.hidden == {"B", ""}
    session.isolate("T")
    assert session.view.hidden == frozenset()


# -- selection ---------------------------------------------------------------------------------------------------------


def test_select_with_the_modes(session: Session):
    session.select(mask_of(1, 2, 3), LASSO)
    session.select(mask_of(3, 4), LASSO, Combine.ADD)
    assert np.flatnonzero(session.selection.mask).tolist() == [1, 2, 3, 4]
    session.select(mask_of(1), LASSO, Combine.SUBTRACT)
    session.select(mask_of(2, 3, 9), LASSO, Combine.INTERSECT)
    assert np.flatnonzero(session.selection.mask).tolist() == [2, 3]
    recipe = session.selection.current.recipe
    assert recipe.combine is Combine.INTERSECT
    assert [step.combine for step in recipe.parents] == [Combine.REPLACE, Combine.ADD, Combine.SUBTRACT]
    assert all(step.parents == () for step in recipe.parents)
    assert describe(recipe) == "drawn on X_umap, plus drawn on X_umap, without drawn on X_umap, within drawn on X_umap"
    for _ in range(4):
        session.commands.undo()
    assert session.selection.empty


def test_the_selection_is_its_own_copy(session: Session):
    mask = mask_of(1)
    session.select(mask, LASSO)
    mask[5] = True
    assert session.selection.count == 1
    with pytest.raises(ValueError):
        session.selection.mask[0] = True


def test_a_mask_of_other_cells_is_an_error(session: Session):
    with pytest.raises(ValueError):
        session.select(np.ones(7, dtype=bool), LASSO)


def test_select_category_and_missing(session: Session):
    session.select_category("label", "B")
    assert session.selection.count == 20
    assert describe(session.selection.current.recipe) == "label = B"
    session.select_category("label", "")
    assert np.flatnonzero(session.selection.mask).tolist() == list(range(2, 60, 3))
    with pytest.raises(Refusal):
        session.select_category("no such column", "B")
    with pytest.raises(Refusal, match="no level"):
        session.select_category("label", "no such level")


def test_select_samples_selects_their_cells(session: Session):
    session.select_samples([1, 4])
    assert session.samples.selected == {1, 4}
    assert np.flatnonzero(session.selection.mask).tolist() == [*range(10, 20), *range(40, 50)]
    assert session.selection.current.recipe.parameters == {"samples": ["s1", "s4"]}
    session.select(mask_of(0), LASSO)
    assert session.samples.selected == frozenset()
    session.commands.undo()
    assert session.samples.selected == {1, 4}
    session.select_samples([])
    assert session.selection.empty


def test_select_top_per_condition_and_overall(trained: Session):
    trained.select_top(10, Scope.CONDITION)
    assert np.flatnonzero(trained.selection.mask).tolist() == [9, 19, 29, 39, 49, 59]
    recipe = trained.selection.current.recipe
    assert recipe.kind is SelectionKind.TOP
    assert recipe.parameters["percent"] == 10
    assert recipe.parameters["scope"] == "condition"
    assert recipe.parameters["scores"] == "held_out"
    for percent in (20, 30, 40):
        trained.select_top(percent, Scope.CONDITION)
    trained.commands.undo()
    assert trained.selection.empty
    trained.set_view(source=ScoreSource.TRAINED)
    trained.select_top(10, Scope.OVERALL)
    assert np.flatnonzero(trained.selection.mask).tolist() == [0, 10, 20, 30, 40, 50]
    assert (trained.view.top_percent, trained.view.top_scope) == (10, Scope.OVERALL)


def test_select_top_without_attention_is_refused(session: Session):
    with pytest.raises(Refusal, match="no attention yet"):
        session.select_top(10)


def test_nothing_open_is_refused_in_words():
    session = Session()
    with pytest.raises(Refusal, match="No data is open"):
        session.select_category("a", "b")
    with pytest.raises(Refusal, match="not mapped"):
        session.select_samples([0])


# -- runs --------------------------------------------------------------------------------------------------------------


def test_a_run_brings_its_latent_map_and_attention(session: Session, results):
    record = session.add_run(results["run"]())
    assert record.kind is RunKind.RECIPE
    assert (record.latent_key, record.map_key) == ("X_multimil", "X_umap_multimil")
    assert session.runs.active is record
    assert session.data.latents["X_multimil"].shape == (60, 4)
    assert session.view.map_key == "X_umap_multimil"
    assert session.view.color == ColorBy(ColorKind.ATTENTION)
    assert session.scores() is record.mil.held_out_cells
    assert session.predictions() is record.mil.held_out
    session.set_view(source=ScoreSource.TRAINED)
    assert session.scores() is record.mil.trained_cells
    assert session.predictions() is record.mil.trained


def test_undo_never_takes_a_run_back(session: Session, results):
    session.add_run(results["mil"](0))
    session.add_run(results["mil"](1), show=False)
    session.activate_run(1)
    third = session.add_run(results["run"](2))
    while session.commands.undo_label:
        session.commands.undo()
    assert [record.id for record in session.runs.records] == [1, 2, 3]
    assert session.runs.records[-1] is third
    assert session.view.map_key == "X_umap"
    while session.commands.redo_label:
        session.commands.redo()
    assert len(session.runs.records) == 3


def test_latents_of_two_integrations_stand_side_by_side(session: Session, results):
    first = session.add_run(results["integration"](0))
    second = session.add_run(results["integration"](1))
    assert (first.latent_key, second.latent_key) == ("X_multimil", "X_multimil_2")
    assert session.runs.active is None
    assert session.scores() is None
    with pytest.raises(Refusal):
        session.activate_run(first.id)
    assert session.view.color == ColorBy(ColorKind.OBS, "condition")


def test_a_computed_map_is_shown(session: Session):
    xy = np.zeros((60, 2))
    assert session.add_map("X_umap", xy) == "X_umap_2"
    assert session.view.map_key == "X_umap_2"
    assert session.data.maps["X_umap_2"].dtype == np.float32
    session.commands.undo()
    assert session.view.map_key == "X_umap"
    assert "X_umap_2" in session.data.maps


def test_another_mapping_forgets_runs_but_keeps_cell_sets(trained: Session, cohort):
    trained.select(mask_of(1), LASSO)
    trained.add_cell_set()
    trained.set_cohort(cohort, trained.data.columns)
    assert trained.runs.records == ()
    assert len(trained.cell_sets.items) == 1
