from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from multimil_gui.core.errors import Refusal
from multimil_gui.core.options import (
    IntegrateOptions,
    MILOptions,
    Options,
    Pooling,
    PrepareOptions,
    Preset,
    QueryOptions,
    SearchOptions,
)
from multimil_gui.jobs.recipe import AnalysisSection, CVSection
from multimil_gui.widgets.run_forms import OptionsForm, options_form

EVERY_FORM = [
    *(IntegrateOptions, MILOptions, CVSection, AnalysisSection, PrepareOptions, QueryOptions, SearchOptions),
]


def choose(form: OptionsForm, name: str, words: str) -> None:
    """Choose an entry as the user does: by its words, also when it is the present one."""
    combo = form.fields[name].native
    index = next(i for i in range(combo.count()) if combo.itemText(i).split(",")[0] == words)
    combo.setCurrentIndex(index)
    combo.activated.emit(index)


@pytest.mark.parametrize("options", EVERY_FORM)
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
        assert field.native.toolTip().partition("\n")[0]
        assert field.native.accessibleName() == MILOptions.model_fields[name].title


@pytest.mark.parametrize("options", EVERY_FORM)
def test_no_raw_value_is_on_the_screen(qtbot: QtBot, options: type[Options]) -> None:
    form = options_form(options)
    qtbot.addWidget(form)

    for field in form.fields.values():
        combo = field.native
        shown = [combo.itemText(i) for i in range(combo.count())] if hasattr(combo, "itemText") else []
        assert not [text for text in (*shown, field.native.toolTip().partition("Allowed")[0]) if "_" in text]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(gammas=st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=30).map(tuple))
def test_a_list_of_numbers_comes_back_exactly(qtbot: QtBot, gammas: tuple[float, ...]) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)
    form.set_options(IntegrateOptions(mmd_gammas=gammas))
    assert form.options().mmd_gammas == gammas

    line = form.fields["mmd_gammas"].native
    line.setText(line.text() + ", 0.1")
    assert form.options().mmd_gammas == (*gammas, 0.1)


@pytest.mark.parametrize(
    ("text", "words"), [("1, wide", "numbers with commas between them are needed"), ("", "a number is missing")]
)
def test_a_wrong_list_is_named_beside_its_field(qtbot: QtBot, text: str, words: str) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)

    form.fields["mmd_gammas"].native.setText(text)

    assert form.error("mmd_gammas") == words


def test_what_may_be_left_open_is_automatic_when_empty(qtbot: QtBot) -> None:
    form = options_form(PrepareOptions)
    qtbot.addWidget(form)
    features, batch = form.fields["n_top_features"].native, form.fields["feature_batch"].native
    assert (features.text(), features.placeholderText()) == ("", "automatic")

    features.setText("1500")
    batch.setText("site")
    assert (form.options().n_top_features, form.options().feature_batch) == (1500, "site")

    features.setText("many")
    assert form.error("n_top_features") == "“many” is not a number"
    features.setText("")
    batch.setText(" ")
    assert form.options() == PrepareOptions()


def test_a_preset_fills_in_all_its_values(qtbot: QtBot) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)
    form.fields["dropout"].native.setText("0.4")

    choose(form, "preset", "mosaic")

    assert form.options() == IntegrateOptions(preset=Preset.MOSAIC)
    assert form.options().mmd_marginal_weight == 4000
    assert form.fields["preset"].native.currentText() == "mosaic"


def test_a_preset_says_what_was_changed_and_takes_it_back_when_chosen_again(qtbot: QtBot) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)
    combo = form.fields["preset"].native
    choose(form, "preset", "mosaic")

    form.fields["epochs"].native.setValue(20)
    form.fields["kl_weight"].native.setText("0.5")
    form.fields["seed"].native.setValue(3)

    assert combo.currentText() == "mosaic, 2 changed"
    assert "KL weight: 0.5 (preset: 0.01)" in combo.toolTip()
    assert form.options() == IntegrateOptions(preset=Preset.MOSAIC, epochs=20, kl_weight=0.5, seed=3)

    choose(form, "preset", "mosaic")

    assert combo.currentText() == "mosaic"
    assert "Changed" not in combo.toolTip()
    assert form.options() == IntegrateOptions(preset=Preset.MOSAIC, seed=3)


def test_options_of_an_earlier_run_keep_their_changes(qtbot: QtBot) -> None:
    form = options_form(IntegrateOptions)
    qtbot.addWidget(form)
    earlier = IntegrateOptions(preset=Preset.CITESEQ_LARGE, n_latent=32)

    form.set_options(earlier)

    assert form.options() == earlier
    assert form.fields["preset"].native.currentText() == "large CITE-seq, 1 changed"


def test_what_does_not_apply_is_greyed_out_with_the_reason(qtbot: QtBot) -> None:
    form = options_form(MILOptions)
    qtbot.addWidget(form)
    field = form.fields["lambda_class"].native

    form.disable({"lambda_class": "Only used end to end."})
    assert not field.isEnabled()
    assert field.toolTip().startswith("Only used end to end.")
    assert form.options() == MILOptions()

    form.disable({})
    assert field.isEnabled()
    assert "Only used" not in field.toolTip()
