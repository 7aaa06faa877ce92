"""Modalities in the run panel: what fits the matrix, what is changed and taken back, what reaches the recipe."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QStandardItemModel

from multimil_gui.core.options import Likelihood, PrepareOptions, Transform
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.import_ import import_file
from multimil_gui.data.store import Store
from multimil_gui.jobs.recipe import ModalitySection
from multimil_gui.widgets._modality_line import ModalityLine
from multimil_gui.widgets._modality_table import ModalityTable


@pytest.fixture(scope="session")
def mosaic(_small_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return import_file(_small_files / "small.h5mu", tmp_path_factory.mktemp("mosaic"), SilentReporter())


@pytest.fixture(scope="session")
def layered(_small_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store whose X is transformed and whose layer has the counts."""
    import anndata as ad

    folder = tmp_path_factory.mktemp("layered")
    data = ad.read_h5ad(_small_files / "small.h5ad")
    data.layers["counts"] = data.X.copy()
    data.X = np.log1p(data.X.astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.write_h5ad(folder / "layered.h5ad")
    return import_file(folder / "layered.h5ad", folder / "stores", SilentReporter())


@pytest.fixture
def table_of(qtbot: QtBot) -> Callable[[Store], ModalityTable]:
    def make(store: Store) -> ModalityTable:
        table = ModalityTable()
        qtbot.addWidget(table)
        table.set_store(store)
        table.show()
        return table

    return make


def choose(line: ModalityLine, likelihood: Likelihood) -> None:
    line.likelihood.setCurrentIndex(line.likelihood.findData(likelihood))


def enabled(line: ModalityLine) -> set[Likelihood]:
    model = line.likelihood.model()
    assert isinstance(model, QStandardItemModel)
    return {line.likelihood.itemData(i) for i in range(model.rowCount()) if model.item(i).isEnabled()}


def test_untouched_it_is_the_proposal(mosaic: Store, table_of) -> None:
    table = table_of(mosaic)
    assert table.sections() == {"rna": ModalitySection(), "adt": ModalitySection()}
    assert table.problem() == ""
    assert not any(line.summary.isVisible() or line.page.isVisible() for line in table._lines.values())


def test_only_likelihoods_that_fit_the_matrix_can_be_chosen(layered: Store, table_of) -> None:
    table = table_of(layered)
    line = table._lines["rna"]
    assert line.matrix.isVisible()
    assert line.matrix.currentData() == "layers/counts"
    assert enabled(line) == set(Likelihood)

    line.matrix.setCurrentIndex(line.matrix.findData("X"))
    assert enabled(line) == {Likelihood.NORMAL}
    assert "no raw counts" in line.likelihood.model().item(0).toolTip()
    assert table.sections()["rna"] == ModalitySection(matrix="X", likelihood=Likelihood.NORMAL)

    line.matrix.setCurrentIndex(line.matrix.findData("layers/counts"))
    choose(line, Likelihood.ZINB)
    assert table.sections()["rna"] == ModalitySection(matrix="layers/counts", likelihood=Likelihood.ZINB)


def test_more_shows_the_steps_and_reset_takes_them_back(mosaic: Store, table_of, qtbot: QtBot) -> None:
    table = table_of(mosaic)
    line = table._lines["adt"]
    qtbot.mouseClick(line.more, Qt.MouseButton.LeftButton)
    assert line.page.isVisible()
    assert "drop_isotype_controls" in line.form.fields
    assert "drop_isotype_controls" not in table._lines["rna"].form.fields

    with qtbot.waitSignal(table.changed):
        line.form.fields["weight"].native.setText("2.5")
    line.form.fields["n_top_features"].native.setText("6")
    assert line.summary.isVisible()
    assert line.words.text() == "Changed: Most variable features 6, Weight 2.5"
    assert table.sections()["adt"] == ModalitySection(n_top_features=6, weight=2.5)

    qtbot.mouseClick(line.reset, Qt.MouseButton.LeftButton)
    assert not line.summary.isVisible()
    assert table.sections()["adt"] == ModalitySection()


def test_a_transform_is_offered_where_it_fits_and_only_for_a_normal_likelihood(mosaic: Store, table_of) -> None:
    table = table_of(mosaic)
    rna, adt = table._lines["rna"], table._lines["adt"]
    assert set(rna.form.fields["transform"].widget.choices) == {
        Transform.AUTO,
        Transform.NONE,
        Transform.LOG_NORMALISED,
    }
    assert Transform.CLR_PROTEIN in adt.form.fields["transform"].widget.choices
    assert Transform.TF_IDF not in adt.form.fields["transform"].widget.choices
    transform = adt.form.fields["transform"]
    assert not transform.native.isEnabled()
    assert "Counts are modelled as they are" in transform.native.toolTip()

    choose(adt, Likelihood.NORMAL)
    assert transform.native.isEnabled()
    adt.form.set_options(PrepareOptions(transform=Transform.CLR_PROTEIN))
    assert table.sections()["adt"].transform is Transform.CLR_PROTEIN

    choose(adt, Likelihood.NB)
    assert table.sections()["adt"] == ModalitySection()
    assert not adt.summary.isVisible()


def test_fields_that_do_nothing_say_why(mosaic: Store, table_of) -> None:
    table = table_of(mosaic)
    adt = table._lines["adt"]
    for name in ("feature_choice", "feature_batch"):
        assert not adt.form.fields[name].native.isEnabled()
        assert "All features are kept" in adt.form.fields[name].native.toolTip()
    adt.form.fields["n_top_features"].native.setText("6")
    assert adt.form.fields["feature_batch"].native.isEnabled()


def test_a_wrong_field_is_named_and_does_not_matter_when_the_modality_is_left_out(mosaic: Store, table_of) -> None:
    table = table_of(mosaic)
    line = table._lines["adt"]
    line.form.fields["weight"].native.setText("-1")
    assert table.problem() == "Correct the marked field of adt."
    line.form.fields["weight"].native.setText("1")
    line.form.fields["feature_batch"].native.setText("lane")
    assert table.problem() == "adt: “lane” is no column of the file."
    line.form.fields["feature_batch"].native.setText("batch")
    assert table.problem() == ""
    line.form.fields["weight"].native.setText("-1")
    line.used.setChecked(False)
    assert table.problem() == ""
    assert set(table.sections()) == {"rna"}
    table._lines["rna"].used.setChecked(False)
    assert table.problem() == "Tick at least one modality."


def test_another_file_replaces_the_lines(mosaic: Store, layered: Store, table_of) -> None:
    table = table_of(mosaic)
    assert not table._lines["rna"].matrix.isVisible()
    table.set_store(layered)
    assert table.names() == ("rna",)
    table.set_store(None)
    assert table.names() == ()
    assert table.sections() == {}
