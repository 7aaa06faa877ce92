"""Exporting imputed values: what is offered, in which units, and the file that comes out."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pytest

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.check import build_cohort
from multimil_gui.data.cohort import Columns
from multimil_gui.data.import_ import import_file
from multimil_gui.jobs.recipe import Recipe
from multimil_gui.state.session import Session
from multimil_gui.widgets.export import run_export
from multimil_gui.widgets.imputation_dialog import ImputationDialog

COLUMNS = Columns(sample="sample_id", donor="donor")


@pytest.fixture(scope="module")
def mosaic(_small_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Return a session of the mosaic after a short integration."""
    from multimil_gui.jobs.integrate import integrate

    store = import_file(_small_files / "small.h5mu", tmp_path_factory.mktemp("stores"), SilentReporter())
    cohort = build_cohort(store, COLUMNS)
    session = Session()
    session.open_store(store)
    session.set_cohort(cohort, COLUMNS)
    recipe = Recipe.model_validate(
        {
            "data": {"path": "small.h5mu", "sample": "sample_id", "donor": "donor"},
            "integrate": {"epochs": 2, "n_latent": 4, "n_hidden": 8},
        }
    )
    session.add_run(integrate(recipe, cohort, SilentReporter()), recipe=recipe.model_dump(mode="json"))
    return session


@pytest.fixture
def dialog(mosaic: Session, tmp_path: Path, qtbot) -> ImputationDialog:
    made = ImputationDialog(mosaic, tmp_path)
    qtbot.addWidget(made)
    return made


def test_what_most_cells_lack_is_proposed(dialog: ImputationDialog) -> None:
    offered = [dialog.modality.itemText(i) for i in range(dialog.modality.count())]
    assert [words.split()[0] for words in offered] == ["rna", "adt"]
    assert dialog.modality.currentData() == "adt"
    assert "imputed_adt.h5ad" in dialog.files.text()
    assert dialog.accept_button.isEnabled()


def test_the_exported_file_has_every_cell_and_says_its_units(
    dialog: ImputationDialog, mosaic: Session, tmp_path: Path
) -> None:
    dialog.options.set_options(dialog.options.options().model_copy(update={"units": "counts", "library": 300}))
    done = run_export(dialog.plan(), reporter=SilentReporter())
    data = anndata.read_h5ad(tmp_path / "imputed_adt.h5ad")
    assert data.shape == (mosaic.data.cohort.n_cells, 12)
    assert "imputed adt" in done.words
    without = ~data.obs["measured_adt"].to_numpy(dtype=bool)
    assert without.any()
    np.testing.assert_allclose(np.asarray(data.X[without]).sum(axis=1), 300, rtol=1e-3)
    assert data.uns["multimil"]["units"]["adt"] == "expected counts at each cell's library size"


def test_nothing_is_imputed_without_a_fit(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no fit that can impute"):
        ImputationDialog(session, tmp_path)
