"""Several targets: which one is shown, what the colours then mean, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import TargetKind
from multimil_gui.data.cohort import Scope
from multimil_gui.state.palettes import category_colors
from multimil_gui.state.resolve import resolve
from multimil_gui.state.session import Session
from multimil_gui.state.summary import summarise
from multimil_gui.state.targets import class_colors, prediction_keys
from multimil_gui.state.view import ColorBy, ColorKind, ScoreSource

MAIN, STAGE, YEARS = 0, 1, 2


def color(session: Session, kind: ColorKind, key: str = ""):
    session.color_by(ColorBy(kind, key))
    return resolve(session)


def test_the_main_target_is_shown_first(session_of_three: Session):
    assert session_of_three.runs.target == MAIN
    assert session_of_three.target_cohort().target.column == "condition"
    assert session_of_three.mil().classes == ("healthy", "ill")


def test_another_target_brings_its_labels_predictions_and_contributions(session_of_three: Session):
    session = session_of_three
    whole = session.runs.active.mil

    session.show_target(YEARS)

    cohort = session.target_cohort()
    assert cohort.target.kind is TargetKind.REGRESSION
    np.testing.assert_array_equal(cohort.samples.value, 20 + 7.5 * np.arange(6))
    assert session.mil() is whole.further[1]
    assert session.predictions() is whole.further[1].held_out
    session.set_view(source=ScoreSource.TRAINED)
    assert session.scores() is whole.further[1].trained_cells
    # The cohort of all targets stays what it was.
    assert session.data.cohort.n_targets == 3


def test_showing_a_target_can_be_undone_with_the_colour_it_changed(session_of_three: Session):
    session = session_of_three
    session.color_by(ColorBy(ColorKind.CONTRIBUTION, "ill"))
    session.set_hidden(["x"])
    before = session.view.value

    session.show_target(STAGE)
    assert session.view.color == ColorBy(ColorKind.CONTRIBUTION, "stage")
    assert session.view.hidden == frozenset()
    assert session.commands.undo_label == "Show stage"

    session.commands.undo()
    assert (session.runs.target, session.view.value) == (MAIN, before)
    session.commands.redo()
    assert session.runs.target == STAGE


def test_a_run_that_ends_meanwhile_survives_the_undo(session_of_three: Session, results):
    session = session_of_three
    session.show_target(STAGE)
    session.add_run(results["mil_of_three"](5), show=False)

    session.commands.undo()

    assert session.runs.target == MAIN
    assert len(session.runs.records) == 2


@pytest.mark.parametrize("number", [-1, 3])
def test_a_target_that_is_not_there_is_refused(session_of_three: Session, number: int):
    with pytest.raises(Refusal, match="no such target"):
        session_of_three.show_target(number)


def test_without_a_phenotype_there_is_no_target(store):
    session = Session()
    session.open_store(store)
    assert session.target_cohort() is None
    with pytest.raises(Refusal):
        session.show_target(0)


@pytest.mark.parametrize(
    ("start", "number", "wanted"),
    [
        (ColorBy(ColorKind.OBS, "condition"), YEARS, ColorBy(ColorKind.OBS, "years")),
        (ColorBy(ColorKind.OBS, "label"), YEARS, ColorBy(ColorKind.OBS, "label")),
        (ColorBy(ColorKind.PREDICTION, "healthy"), STAGE, ColorBy(ColorKind.PREDICTION, "severe")),
        (ColorBy(ColorKind.PREDICTION, "healthy"), YEARS, ColorBy(ColorKind.PREDICTION, "")),
        (ColorBy(ColorKind.CONTRIBUTION, "healthy"), YEARS, ColorBy(ColorKind.CONTRIBUTION, "years")),
        (ColorBy(ColorKind.ATTENTION), STAGE, ColorBy(ColorKind.ATTENTION)),
    ],
)
def test_the_colour_means_the_same_for_the_new_target(session_of_three: Session, start, number, wanted):
    session_of_three.color_by(start)
    session_of_three.show_target(number)
    assert session_of_three.view.color == wanted
    assert "no " not in resolve(session_of_three).title


def test_a_value_is_a_continuous_colour(session_of_three: Session):
    view = color(session_of_three, ColorKind.OBS, "years")
    np.testing.assert_array_equal(view.numbers, (20 + 7.5 * (np.arange(60) // 10)).astype(np.float32))
    assert (view.legend, view.title) == ((), "years")


def test_ordered_classes_have_shades_in_order_and_come_from_low_to_high(session_of_three: Session, store):
    view = color(session_of_three, ColorKind.OBS, "stage")
    assert [entry.level for entry in view.legend] == ["none", "mild", "severe"]
    target = session_of_three.data.value.for_target(STAGE).target
    assert tuple(entry.rgb for entry in view.legend) == class_colors(target, store)
    brightness = [sum(entry.rgb) for entry in view.legend]
    assert brightness == sorted(brightness)
    main = session_of_three.data.cohort.target
    assert class_colors(main, store) == category_colors(2)


def test_predictions_of_each_kind(session_of_three: Session):
    session = session_of_three
    codes = session.data.cohort.sample_codes
    assert [prediction_keys(session.runs.active.mil.of_target(i)) for i in range(3)] == [
        ("healthy", "ill"),
        ("", "none", "mild", "severe"),
        ("",),
    ]
    session.show_target(YEARS)
    view = color(session, ColorKind.PREDICTION, "")
    np.testing.assert_array_equal(view.numbers, session.predictions().value[codes])
    assert view.title == "predicted years, held-out models"
    session.show_target(STAGE)
    view = color(session, ColorKind.PREDICTION, "")
    assert view.title == "expected rank of stage, held-out models"
    assert (view.scale.low, view.scale.high) == (0, 2)
    view = color(session, ColorKind.PREDICTION, "mild")
    np.testing.assert_array_equal(view.numbers, session.predictions().probability[:, 1][codes])


def test_contributions_are_signed_and_name_the_outcome(session_of_three: Session):
    session = session_of_three
    session.show_target(STAGE)
    view = color(session, ColorKind.CONTRIBUTION, "stage")
    assert view.title == "contribution to the rank of stage, held-out models"
    assert view.scale.centre == 0
    np.testing.assert_array_equal(view.numbers, session.scores().contribution[:, 0])
    assert color(session, ColorKind.CONTRIBUTION, "ill").title == "no contribution to ill yet"


def test_the_share_of_a_modality(session_of_three: Session, results):
    session = session_of_three
    first = session.runs.active
    view = color(session, ColorKind.MODALITY, "adt")
    np.testing.assert_array_equal(view.numbers, first.integration.modality_weight[:, 1])
    assert view.title == "share of adt in X_multimil"
    assert (view.scale.low, view.scale.high) == (0, 1)

    second = session.add_run(results["integration"](7))
    assert resolve(session).title == "share of adt in X_multimil"
    session.add_map(f"{second.latent_key}_umap", np.zeros((60, 2), dtype=np.float32))
    view = resolve(session)
    assert view.title == "share of adt in X_multimil_2"
    np.testing.assert_array_equal(view.numbers, second.integration.modality_weight[:, 1])
    assert color(session, ColorKind.MODALITY, "atac").title == "no share of atac yet"


def test_top_cells_follow_the_classes_of_the_shown_target(session_of_three: Session):
    session = session_of_three
    attention = session.scores().attention
    for number in (MAIN, STAGE, YEARS):
        session.show_target(number)
        label = session.target_cohort().samples.label[session.data.cohort.sample_codes]
        mask = session.top_mask(10, Scope.CONDITION)
        for code in np.unique(label):
            members = label == code
            assert attention[members & mask].min() >= attention[members & ~mask].max()
            assert mask[members].sum() >= members.sum() / 10


def test_a_value_has_no_classes_to_count(session_of_three: Session):
    session = session_of_three
    mask = np.ones(60, dtype=bool)
    counts = {}
    for number in (MAIN, STAGE, YEARS):
        session.show_target(number)
        counts[number] = [(part.level, part.count) for part in summarise(mask, session.target_cohort()).conditions]
    assert counts == {
        MAIN: [("healthy", 30), ("ill", 30)],
        STAGE: [("none", 20), ("mild", 20), ("severe", 20)],
        YEARS: [],
    }


def test_what_rests_on_a_fit_says_which_target_was_shown(session_of_three: Session):
    session_of_three.show_target(STAGE)
    assert session_of_three.provenance()["target"] == "stage"


def test_other_columns_forget_predictions_and_what_was_learnt_with_them_but_no_integration(
    session_of_three: Session, results, cohort
):
    session = session_of_three
    joint = session.runs.active.latent_key
    kept = session.add_run(results["integration"](9))

    session.set_cohort(cohort, session.data.columns)

    assert session.runs.records == (kept,)
    assert joint not in session.data.latents
    assert kept.latent_key in session.data.latents
    assert "X_pca" in session.data.latents
    assert session.mil() is None and session.runs.target == 0
