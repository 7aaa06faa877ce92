from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import IntegrateOptions, MILOptions, Options, Pooling
from multimil_gui.jobs.recipe import AnalysisSection, CVSection
from multimil_gui.widgets.run_forms import options_form


@pytest.mark.parametrize("options", [IntegrateOptions, MILOptions, CVSection, AnalysisSection])
def test_defaults_come_back_exactly(qtbot: QtBot, options: type[Options]) -> None:
    form = options_form(options)
    qtbot.addWidget(form)

    assert form.options() == options()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(
    rate=st.floats(1e-9, 1, allow_nan=False),
    weight=st.floats(0, 10, allow_nan=False),
    epochs=st.integers(1, 10_000),
    pooling=st.sampled_from(Pooling),
    balanced=st.booleans(),
)
def test_any_valid_options_come_back_exactly(
    qtbot: QtBot, rate: float, weight: float, epochs: int, pooling: Pooling, balanced: bool
) -> None:
    form = options_form(MILOptions)
    qtbot.addWidget(form)
    given_options = MILOptions(
        learning_rate=rate, weight_decay=weight, epochs=epochs, pooling=pooling, balanced=balanced
    )

    form.set_options(given_options)

    assert form.options() == given_options


def test_small_numbers_can_be_typed(qtbot: QtBot) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)

    form.fields["kl_weight"].native.setText("3e-7")
    form.fields["learning_rate"].native.setText("0,002")

    assert form.options().kl_weight == 3e-7
    assert form.options().learning_rate == 0.002


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0", "must be above 0"),
        ("2", "must be at most 1"),
        ("fast", "“fast” is not a number"),
        ("", "a number is missing"),
    ],
)
def test_a_wrong_value_is_named_beside_its_field(qtbot: QtBot, text: str, words: str) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)
    form.show()

    form.fields["learning_rate"].native.setText(text)

    assert form.error("learning_rate") == words
    assert not form.is_valid()
    with pytest.raises(Refusal, match="Learning rate"):
        form.options()


def test_correcting_a_value_takes_the_words_away(qtbot: QtBot) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)

    form.fields["learning_rate"].native.setText("2")
    form.fields["learning_rate"].native.setText("0.01")

    assert form.error("learning_rate") == ""
    assert form.options().learning_rate == 0.01


def test_a_wrong_advanced_value_unfolds_the_section(qtbot: QtBot) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)
    assert form.advanced is not None
    assert not form.advanced.isExpanded()

    form.fields["dropout"].native.setText("1")

    assert form.advanced.isExpanded()
    assert form.error("dropout") == "must be below 1"


def test_fields_left_out_keep_their_value(qtbot: QtBot) -> None:
    form = options_form(AnalysisSection, leave_out=("map",))
    qtbot.addWidget(form)

    form.set_options(AnalysisSection(map=False))

    assert "map" not in form.fields
    assert form.options().map is False


def test_every_field_has_words_for_mouse_and_reader(qtbot: QtBot) -> None:
    form = options_form(MILOptions)
    qtbot.addWidget(form)

    for name, field in form.fields.items():
        description = MILOptions.model_fields[name].description
        assert description and description in field.native.toolTip()
        assert field.native.accessibleName() == MILOptions.model_fields[name].title
