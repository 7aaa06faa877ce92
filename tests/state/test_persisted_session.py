"""A session is reopened exactly as it was left; undo and redo lead to the very same states."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import Likelihood, TargetKind
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Columns, Scope, Target
from multimil_gui.data.gene_sets import GeneSet
from multimil_gui.data.given_targets import with_targets
from multimil_gui.project.manifest import references
from multimil_gui.project.objects import ObjectStore
from multimil_gui.project.project import Project, ProjectError
from multimil_gui.state.cell_sets import SetOperation
from multimil_gui.state.commands import LIMIT
from multimil_gui.state.keeper import Keeper, open_session
from multimil_gui.state.persist import Encoder
from multimil_gui.state.resolve import resolve
from multimil_gui.state.samples import VectorKind
from multimil_gui.state.selection import Combine, SelectionKind, SelectionRecipe
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind, LevelColor, ScoreSource

names = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
percents = st.floats(1, 100)
cells = st.lists(st.integers(0, 59), max_size=8)
recipes = st.builds(
    SelectionRecipe,
    st.sampled_from([SelectionKind.LASSO, SelectionKind.RECTANGLE, SelectionKind.CLICK]),
    st.fixed_dictionaries({"map": names, "polygon": st.lists(st.lists(st.floats(-9, 9), min_size=2, max_size=2))}),
)
colors = st.builds(
    ColorBy,
    st.sampled_from(ColorKind),
    st.sampled_from(["condition", "age", "ill", "1", "", "stage", "mild", "years", "adt"]),
)
views = st.fixed_dictionaries(
    {},
    optional={
        "palette": st.sampled_from([None, "magma", "coolwarm"]),
        "rank": st.booleans(),
        "percentiles": st.sampled_from([(1.0, 99.0), (0.0, 100.0), (5.0, 95.5)]),
        "point_size": st.none() | st.floats(0.5, 20),
        "source": st.sampled_from(ScoreSource),
        "map_key": st.sampled_from(["X_umap", "X_umap_multimil", ""]),
        "gene_sets": st.sampled_from([(), (GeneSet("age", "a note", ("GNLY", "none")), GeneSet("<b>", "", ("OFF",)))]),
        "level_colors": st.sampled_from([(), (LevelColor("condition", "ill", (0, 127, 255)),)]),
    },
)


def do(session: Session, action: str, *arguments: object, **named: object) -> None:
    """Do what the user asks; a refusal changes nothing."""
    with contextlib.suppress(Refusal):
        getattr(session, action)(*arguments, **named)


def mask_of(chosen: list[int]) -> np.ndarray:
    return np.isin(np.arange(60), chosen)


actions = st.one_of(
    st.tuples(st.just("color_by"), colors),
    st.tuples(st.just("set_hidden"), st.lists(st.sampled_from(["ill", "healthy", ""]))),
    st.tuples(st.just("isolate"), st.just("ill")),
    st.tuples(st.just("select"), cells.map(mask_of), recipes, st.sampled_from(Combine)),
    st.tuples(st.just("clear_selection")),
    st.tuples(st.just("select_samples"), st.lists(st.integers(0, 5))),
    st.tuples(st.just("set_vectors"), st.sampled_from(VectorKind)),
    st.tuples(st.just("select_top"), percents, st.sampled_from(Scope)),
    st.tuples(st.just("select_category"), st.just("label"), st.sampled_from(["B", "T", ""]), st.sampled_from(Combine)),
    st.tuples(st.just("select_cell_set"), st.integers(1, 4), st.sampled_from(Combine)),
    st.tuples(st.just("add_cell_set"), st.none() | names),
    st.tuples(st.just("rename_cell_set"), st.integers(1, 4), names),
    st.tuples(st.just("recolor_cell_set"), st.integers(1, 4), st.tuples(*[st.integers(0, 255)] * 3)),
    st.tuples(st.just("delete_cell_set"), st.integers(1, 4)),
    st.tuples(st.just("lock_cell_set"), st.integers(1, 4), st.booleans()),
    st.tuples(st.just("annotate_cell_set"), st.integers(1, 4), names),
    st.tuples(st.just("select_nearest"), st.integers(0, 59), st.integers(0, 9), st.just("map:X_umap")),
    st.tuples(st.just("grow_selection"), st.integers(0, 9), st.just("latent:X_pca")),
    st.tuples(st.just("invert_selection")),
    st.tuples(st.just("select_shown"), st.sampled_from(Combine)),
    st.tuples(
        st.just("combine_cell_sets"), st.lists(st.integers(1, 4)), st.sampled_from(SetOperation), st.none() | names
    ),
    st.tuples(st.just("activate_run"), st.integers(1, 3)),
    st.tuples(st.just("show_target"), st.integers(0, 3)),
)


def undoable(session: Session) -> tuple[object, ...]:
    """Return all that undo restores; equal when the very same values are back."""
    now = session.snapshot()
    return now.view, now.selection, now.cell_sets, now.samples, now.runs.active_id, now.runs.target


class Undoing(RuleBasedStateMachine):
    """Any commands in any order, with undo and redo in between."""

    made: Session

    def __init__(self) -> None:
        super().__init__()
        self.session = type(self).factory()
        self.states = [undoable(self.session)]
        self.at = 0

    @rule(action=actions)
    def act(self, action: tuple) -> None:
        do(self.session, action[0], *action[1:])
        self._follow()

    @rule(changes=views)
    def view(self, changes: dict) -> None:
        self.session.set_view(**changes)
        self._follow()

    def _follow(self) -> None:
        """Note the state when the action made a step, also when it was merged into the last one."""
        self.session.commands.end_merge()
        now = undoable(self.session)
        if now != self.states[self.at]:
            del self.states[self.at + 1 :]
            self.states.append(now)
            self.at += 1

    @precondition(lambda self: self.at > 0)
    @rule()
    def undo(self) -> None:
        self.session.commands.undo()
        self.at -= 1

    @precondition(lambda self: self.at + 1 < len(self.states))
    @rule()
    def redo(self) -> None:
        self.session.commands.redo()
        self.at += 1

    @invariant()
    def the_same_values_are_there(self) -> None:
        assert undoable(self.session) == self.states[self.at]
        assert len(resolve(self.session).states) in (0, 60)

    def teardown(self) -> None:
        while self.session.commands.redo_label:
            self.session.commands.redo()
        assert undoable(self.session) == self.states[-1]
        undone = 0
        while self.session.commands.undo_label:
            self.session.commands.undo()
            undone += 1
        assert undone == min(LIMIT, len(self.states) - 1)
        assert undoable(self.session) == self.states[-1 - undone]


@pytest.fixture
def make_session(store, cohort_of_three, columns_of_three, results):
    """Return a maker of mapped sessions with three targets and two runs."""

    def make() -> Session:
        session = Session()
        session.open_store(store)
        session.set_cohort(cohort_of_three, columns_of_three)
        session.add_run(results["run_of_three"](0), name="first", show=False)
        session.add_run(results["mil_of_three"](1), show=False)
        return session

    return make


def test_undo_and_redo_lead_to_the_same_states(make_session):
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Machine", (Undoing,), {"factory": staticmethod(make_session)})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=30, deadline=None))


# -- saving and opening ------------------------------------------------------------------------------------------------


def plain(session: Session, folder: Path) -> str:
    """Return everything in a session as text; arrays by the hash of their content."""
    return json.dumps(Encoder(ObjectStore(folder)).encode(session.snapshot()), sort_keys=True)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(actions, max_size=12), views, st.dictionaries(names, st.integers() | st.floats(allow_nan=False)))
def test_reopened_exactly_as_left(make_session, tmp_path: Path, steps: list, changes: dict, layout: dict):
    session = make_session()
    for step in steps:
        do(session, step[0], *step[1:])
    session.set_view(**changes)
    session.layout = layout
    path = tmp_path / "study.multimil"
    with Project.open(path) if path.exists() else Project.create(path) as project:
        keeper = Keeper(session, project)
        keeper.save()
        assert not session.modified
        keeper.close()
    with Project.open(path) as project:
        opened = open_session(project)
        assert opened.notes == ()
        assert not opened.recovered
        assert not opened.session.modified
        assert opened.session.layout == layout
        assert plain(opened.session, tmp_path / "blobs") == plain(session, tmp_path / "blobs")
    before, after = resolve(session), resolve(opened.session)
    for name in ("positions", "values", "lut", "states"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    assert (before.title, before.legend, before.scale) == (after.title, after.legend, after.scale)


@pytest.fixture
def saved(make_session, project_path: Path) -> Path:
    """Return a project with two runs, a selection and two cell sets."""
    session = make_session()
    session.select_samples([1])
    session.add_cell_set("one")
    session.select_top(20)
    session.add_cell_set("two")
    with Project.create(project_path) as project:
        keeper = Keeper(session, project)
        keeper.save()
        keeper.close()
    return project_path


def test_saving_again_writes_no_blob(saved: Path):
    with Project.open(saved) as project:
        session = open_session(project).session
        before = sorted(item.name for item in project.objects.folder.iterdir())
        keeper = Keeper(session, project)
        keeper.save()
        session.set_view(point_size=3.0)
        session.rename_cell_set(1, "other")
        keeper.save()
        assert sorted(item.name for item in project.objects.folder.iterdir()) == before
        keeper.close()


def test_results_come_back_with_their_types(saved: Path, results):
    with Project.open(saved) as project:
        session = open_session(project).session
    first, second = session.runs.records
    made = results["run_of_three"](0)
    assert type(first.result) is type(made)
    assert first.result.recipe == made.recipe
    assert first.result.integration.details == made.integration.details
    assert first.result.integration.inputs == made.integration.inputs
    assert first.result.integration.inputs.modalities[0].likelihood is Likelihood.NB
    assert first.mil.classes == made.mil.classes
    np.testing.assert_array_equal(first.mil.weights["fold0/w"], made.mil.weights["fold0/w"])
    assert np.isnan(first.mil.scores[0].metrics["auroc"].high)
    assert second.result.curves[0].stage == "fold 1"
    assert session.runs.active is second


def test_further_targets_come_back_and_share_what_they_shared(saved: Path, results):
    with Project.open(saved) as project:
        session = open_session(project).session
        (blob,) = references(project.state["runs"]["records"][0]["content"]["small"])
        small = project.objects.get_arrays(blob)
    mil, made = session.runs.records[0].mil, results["mil_of_three"](0)
    assert [part.kind for part in mil.further] == [TargetKind.ORDINAL, TargetKind.REGRESSION]
    assert [part.column for part in (mil, *mil.further)] == ["condition", "stage", "years"]
    for mine, theirs in zip(mil.further, made.further, strict=True):
        assert mine.classes == theirs.classes
        np.testing.assert_array_equal(mine.held_out.value, theirs.held_out.value)
        np.testing.assert_array_equal(mine.trained_cells.contribution, theirs.trained_cells.contribution)
    assert mil.held_out.value is None
    # Kept once, and one array again after opening.
    assert sum(np.array_equal(array, made.held_out_cells.attention) for array in small.values()) == 1
    assert mil.further[1].held_out_cells.attention is mil.held_out_cells.attention


def test_a_project_of_a_version_that_knew_one_target_opens(session: Session, results, project_path: Path):
    session.add_run(results["run"](0))
    new = {
        "MILResult": {"kind", "column", "further"},
        "Predictions": {"value", "value_sd"},
        "ModelScores": {"value"},
        "IntegrationResult": {"inputs"},
    }

    def as_before(value: object) -> object:
        if isinstance(value, dict):
            fields = {key: as_before(item) for key, item in value.items()}
            if "is" in value and "fields" in value:
                later = new.get(value["is"], set())
                fields["fields"] = {key: item for key, item in fields["fields"].items() if key not in later}
            return fields
        return [as_before(item) for item in value] if isinstance(value, list) else value

    with Project.create(project_path) as project:
        keeper = Keeper(session, project)
        keeper.save()
        keeper.close()
        state = as_before(json.loads(json.dumps(dict(project.state))))
        del state["runs"]["target"], state["columns"]["further"], state["columns"]["continuous"]
        project.save(state)
        opened = open_session(project)
    assert opened.notes == ()
    assert opened.session.runs.target == 0
    assert opened.session.mil().kind is TargetKind.CLASSIFICATION
    assert opened.session.mil().outcomes == ("healthy", "ill")
    assert opened.session.runs.active.integration.inputs.modalities == ()
    assert resolve(opened.session).title == resolve(session).title


def test_new_samples_with_the_targets_of_a_reference_come_back(store, cohort, results, project_path: Path):
    targets = [replace(cohort.target, column="diagnosis"), Target("years", TargetKind.REGRESSION, ("years",))]
    known = ("condition", None)
    columns = Columns(sample="sample_id", donor="donor")
    session = Session()
    session.open_store(store)
    plain_cohort = build_cohort(store, columns)
    session.set_cohort(with_targets(plain_cohort, targets, known), columns, tuple(zip(targets, known, strict=True)))
    run = results["run_of_three"](0)
    mil = replace(run.mil, column="diagnosis", reference="reference.h5ad", further=run.mil.further[1:])
    made = run.integration
    query = QueryResult(
        reference="reference.h5ad",
        latent=made.latent,
        modality_weight=made.modality_weight,
        modalities=made.modalities,
        map2d=run.map2d,
        reference_map=run.map2d + 1,
        column="cell_type",
        levels=("B", "T"),
        label=np.zeros(60, dtype=np.int32),
        confidence=np.ones(60, dtype=np.float32),
        distance=np.ones(60, dtype=np.float32),
        train=np.zeros(0),
        inputs=made.inputs,
    )
    session.add_run(replace(run, mil=mil, integration=None, query=query))
    session.color_by(ColorBy(ColorKind.OBS, "diagnosis"))
    with Project.create(project_path) as project:
        keeper = Keeper(session, project)
        keeper.save()
        keeper.close()
    with Project.open(project_path) as project:
        opened = open_session(project)
    assert opened.notes == ()
    session_again = opened.session
    assert session_again.data.cohort.target == targets[0]
    np.testing.assert_array_equal(session_again.data.cohort.samples.label, cohort.samples.label)
    assert session_again.mil().reference == "reference.h5ad"
    assert session_again.runs.active.query.inputs == made.inputs
    np.testing.assert_array_equal(session_again.runs.active.query.reference_map, query.reference_map)
    for again in (session, session_again):
        assert [entry.level for entry in resolve(again).legend] == ["healthy", "ill"]
        again.color_by(ColorBy(ColorKind.MODALITY, "adt"))
        assert resolve(again).title == "share of adt in X_multimil"


def test_the_project_needs_nothing_else(saved: Path, store, tmp_path: Path):
    moved = shutil.move(saved, tmp_path / "elsewhere.multimil")
    with Project.open(moved) as project:
        session = open_session(project).session
        assert Path(session.data.store.path).is_relative_to(moved)
        assert session.data.store.feature_values("rna", "GNLY").tolist() == store.feature_values("rna", "GNLY").tolist()
        assert session.data.store.verify() == ()


def test_unsaved_edits_are_recovered(saved: Path, tmp_path: Path):
    with Project.open(saved) as project:
        session = open_session(project).session
        keeper = Keeper(session, project)
        keeper.write_journal()
        assert project.unsaved() is None
        session.rename_cell_set(1, "renamed")
        assert keeper.pending
        keeper.write_journal()
        assert not keeper.pending
        session.set_view(rank=True)
        keeper.write_journal()
        left = plain(session, tmp_path / "a")
        keeper.close()
    with Project.open(saved) as project:
        opened = open_session(project)
        assert opened.recovered
        assert opened.session.modified
        assert plain(opened.session, tmp_path / "b") == left
        as_saved = open_session(project, recover=False)
        assert not as_saved.recovered
        assert as_saved.session.cell_sets.items[0].name == "one"


def test_an_edit_that_was_undone_is_not_recovered(saved: Path):
    with Project.open(saved) as project:
        session = open_session(project).session
        keeper = Keeper(session, project)
        session.rename_cell_set(1, "renamed")
        keeper.write_journal()
        session.commands.undo()
        keeper.write_journal()
        keeper.close()
        assert project.unsaved() is None


def test_redo_after_the_blobs_were_tidied_can_be_saved(saved: Path):
    with Project.open(saved) as project:
        session = open_session(project).session
        keeper = Keeper(session, project)
        session.select(mask_of([3, 5]), SelectionRecipe(SelectionKind.LASSO))
        keeper.write_journal()
        session.commands.undo()
        keeper.save()
        session.commands.redo()
        keeper.save()
        keeper.close()
    with Project.open(saved) as project:
        assert open_session(project).session.selection.count == 2


def blob_of(project: Project, *path: object) -> Path:
    part: object = project.state
    for key in path:
        part = part[key]
    (name,) = references(part)
    return project.objects.folder / name


def test_a_damaged_cell_set_costs_only_itself(saved: Path):
    with Project.open(saved) as project:
        blob_of(project, "cell_sets", "items", 0, "mask").write_bytes(b"damaged")
        opened = open_session(project)
        assert [item.name for item in opened.session.cell_sets.items] == ["two"]
        assert len(opened.session.runs.records) == 2
        assert any("one" in note for note in opened.notes)
        assert project.read_only
        with pytest.raises(ProjectError, match="reading only"):
            Keeper(opened.session, project).save()


def test_cell_sets_of_a_version_without_locks_and_notes_open(saved: Path):
    def as_before(state: dict) -> None:
        for item in state["cell_sets"]["items"]:
            del item["locked"], item["notes"]

    with Project.open(saved) as project:
        change(project, as_before)
        opened = open_session(project)
    assert opened.notes == ()
    assert [(item.name, item.locked, item.notes) for item in opened.session.cell_sets.items] == [
        ("one", False, ""),
        ("two", False, ""),
    ]


def test_a_damaged_run_costs_only_itself(saved: Path):
    with Project.open(saved) as project:
        blob_of(project, "runs", "records", 1, "content", "small").write_bytes(b"damaged")
        opened = open_session(project)
        assert [record.name for record in opened.session.runs.records] == ["first"]
        assert opened.session.runs.active is None
        assert len(opened.session.cell_sets.items) == 2


def change(project: Project, edit) -> None:
    state = json.loads(json.dumps(dict(project.state)))
    edit(state)
    project.save(state)


@pytest.mark.parametrize(
    "edit",
    [
        lambda state: state.update(format=2),
        lambda state: state["source"].update(hash="0" * 40),
        lambda state: state.update(source=None),
    ],
)
def test_another_version_or_other_data_is_refused(saved: Path, edit):
    with Project.open(saved) as project:
        change(project, edit)
        with pytest.raises(ProjectError):
            open_session(project)


@pytest.mark.parametrize(
    "edit",
    [
        lambda state: state["view"].update(color={"kind": "magic"}),
        lambda state: state["view"].update(percentiles="all"),
        lambda state: state["selection"].update(recipe=None),
        lambda state: state["selection"].update(mask=state["runs"]["records"][0]["content"]["small"]),
        lambda state: state.pop("selection"),
        lambda state: state["cell_sets"]["items"][0].update(color=[1, 2]),
        lambda state: state["samples"].update(selected=[99]),
        lambda state: state["runs"]["records"][0].update(kind="other"),
        lambda state: state["runs"]["records"][0]["content"]["result"].update({"is": "os.system"}),
        lambda state: state["runs"].update(records=5),
        lambda state: state["maps"].append(["x", state["selection"]["mask"]]),
        lambda state: state.update(columns={"sample": "no such column"}),
        lambda state: state.update(columns=[1]),
        lambda state: state.update(layout=3),
    ],
)
def test_odd_values_never_stop_the_rest(saved: Path, edit):
    with Project.open(saved) as project:
        change(project, edit)
        opened = open_session(project)
        assert opened.session.data.n_cells == 60
        assert resolve(opened.session).positions.shape == (60, 2)


def test_a_project_without_its_data_is_refused(saved: Path):
    shutil.rmtree(saved / "store")
    with Project.open(saved) as project, pytest.raises(Refusal):
        open_session(project)


def test_nothing_open_cannot_be_saved(project_path: Path):
    with Project.create(project_path) as project, pytest.raises(ProjectError, match="nothing to save"):
        Keeper(Session(), project).save()
