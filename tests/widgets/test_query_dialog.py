"""The questions about new samples: what is proposed, what is told about the features, and what keeps Map from being pressed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from multimil_gui.core.options import IntegrateOptions, Likelihood, MILOptions, TargetKind
from multimil_gui.data.cohort import Severity, Target
from multimil_gui.data.fitted import FitInputs, FittedModality
from multimil_gui.data.store import Store
from multimil_gui.jobs.fit import Fit, FittedHead, ReferenceCells
from multimil_gui.widgets._ui import MarkedLine
from multimil_gui.widgets.query_dialog import QueryDialog, QueryPanel

STEPS = {"matrix": "X", "counts": True}


@pytest.fixture
def reference(store: Store) -> Fit:
    """Return a fit of RNA and proteins with a batch; its genes are those of the store."""
    return Fit(
        inputs=FitInputs(
            (
                FittedModality("rna", Likelihood.NB, store.features("rna"), STEPS),
                FittedModality("adt", Likelihood.NB, ("CD3", "CD19"), STEPS),
            ),
            (("batch", ("run1", "run7")),),
        ),
        options=IntegrateOptions(),
        weights={},
        reference=ReferenceCells(np.zeros((3, 16), dtype=np.float32), np.zeros(3, dtype=np.int32)),
        head=FittedHead((Target("condition", TargetKind.CLASSIFICATION, ("control", "disease")),), MILOptions(), {}),
        provenance={"source": "atlas.h5mu", "n_cells": 12_000, "n_donors": 24},
    )


@pytest.fixture
def panel(store: Store, reference: Fit, qtbot) -> QueryPanel:
    made = QueryPanel(store, reference)
    qtbot.addWidget(made)
    return made


def _lines(panel: QueryPanel) -> str:
    return "\n".join(line.words.text() for line in panel.findChildren(MarkedLine))


def _with_rna(fit: Fit, features: tuple[str, ...]) -> Fit:
    rna, *others = fit.inputs.modalities
    return replace(fit, inputs=replace(fit.inputs, modalities=(replace(rna, features=features), *others)))


def test_columns_of_the_same_names_are_proposed(panel: QueryPanel) -> None:
    assert panel.is_valid()
    answers = panel.answers_given()
    assert (answers.columns.sample, answers.columns.donor) == ("sample_id", "donor")
    assert answers.columns.covariates == ("batch",)
    assert answers.columns.target is None
    assert answers.columns.cell_type == "cell_type"
    assert answers.known == "condition"


def test_features_and_the_missing_modality_are_told(panel: QueryPanel) -> None:
    lines = _lines(panel)
    assert "rna: all 60 features of the fit are in the file." in lines
    assert "adt: not in this file" in lines


def test_new_and_known_levels_are_told(panel: QueryPanel) -> None:
    (answer,) = (answer for answer in panel.answers if answer.key == "covariate.batch")
    words = answer.findChild(type(answer.caption), "reason").text()
    assert "New, to be learnt: run2." in words
    assert "Known from the fit: run1" in words


def test_another_column_can_stand_for_a_covariate(panel: QueryPanel, qtbot) -> None:
    with qtbot.waitSignal(panel.changed):
        panel.covariates["batch"].choose("sample_id")
    assert panel.answers_given().columns.covariates == ("sample_id",)
    assert panel.is_valid()


def test_a_covariate_without_a_column_keeps_map_from_being_pressed(store: Store, reference: Fit, qtbot) -> None:
    inputs = replace(reference.inputs, covariates=(("chemistry", ("v2", "v3")),))
    dialog = QueryDialog(store, replace(reference, inputs=inputs))
    qtbot.addWidget(dialog)
    assert not dialog.accept_button.isEnabled()
    (problem,) = (found for found in dialog.panel.problems() if found.severity is Severity.ERROR)
    assert "chemistry" in problem.what
    dialog.panel.covariates["chemistry"].choose("batch")
    assert dialog.accept_button.isEnabled()


def test_too_few_features_are_refused_and_the_limit_can_be_lowered(store: Store, reference: Fit, qtbot) -> None:
    strange = tuple(f"other{i}" for i in range(40))
    panel = QueryPanel(store, _with_rna(reference, (*store.features("rna")[:20], *strange)))
    qtbot.addWidget(panel)
    assert "20 of 60 features" in _lines(panel)
    assert not panel.is_valid()
    assert any("33%" in problem.what for problem in panel.problems())
    panel.form.set_options(panel.form.options().model_copy(update={"min_overlap": 0.3}))
    panel.form.changed.emit()
    assert panel.is_valid()


def test_nearly_the_same_names_are_pointed_out(store: Store, reference: Fit, qtbot) -> None:
    first, *others = store.features("rna")
    panel = QueryPanel(store, _with_rna(reference, (first.upper(), *others)))
    qtbot.addWidget(panel)
    assert f"{first.upper()} and {first}" in _lines(panel)
    assert panel.is_valid()


def test_a_file_with_none_of_the_modalities_is_refused(store: Store, reference: Fit, qtbot) -> None:
    inputs = replace(reference.inputs, modalities=reference.inputs.modalities[1:])
    panel = QueryPanel(store, replace(reference, inputs=inputs))
    qtbot.addWidget(panel)
    assert not panel.is_valid()
    assert "none of the modalities" in panel.problems()[0].what


def test_a_fit_that_predicts_nothing_asks_for_no_phenotype(store: Store, reference: Fit, qtbot) -> None:
    panel = QueryPanel(store, replace(reference, head=None))
    qtbot.addWidget(panel)
    assert [answer.key for answer in panel.answers] == [
        "data.sample",
        "data.donor",
        "covariate.batch",
        "data.cell_type",
    ]
    assert panel.answers_given().known is None


def test_numbers_can_be_continuous_covariates_only_when_they_are_numbers(store: Store, reference: Fit, qtbot) -> None:
    inputs = replace(reference.inputs, covariates=(), continuous=(("age", 40.0, 10.0),))
    panel = QueryPanel(store, replace(reference, inputs=inputs))
    qtbot.addWidget(panel)
    offered = [panel.covariates["age"].itemData(i) for i in range(panel.covariates["age"].count())]
    assert "batch" not in offered
    assert not panel.is_valid()
