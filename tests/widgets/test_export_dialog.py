from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from multimil_gui.core.errors import Refusal
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.cell_listing import read_listing
from multimil_gui.jobs.qt import JobRunner
from multimil_gui.project.text import read_csv_unescape
from multimil_gui.state.recipes import from_plain
from multimil_gui.state.resolve import resolve
from multimil_gui.state.session import Session
from multimil_gui.views.figure import FigureKind
from multimil_gui.widgets.export import ExportPlan, cells_file, h5ad_file, run_export, snapshot
from multimil_gui.widgets.export_dialog import (
    CellSetExportDialog,
    Exporter,
    TablesExportDialog,
    selection_as_set,
)
from multimil_gui.widgets.figure_dialog import PictureExportDialog


@pytest.fixture
def runner(qapp: object) -> Iterator[JobRunner]:
    result = JobRunner()
    yield result
    result.shutdown()
    result.deleteLater()


def _top_set(session: Session) -> int:
    session.select_top(10)
    return session.add_cell_set("Top: 10 %")


def test_a_cell_set_is_exported_with_its_provenance(
    qtbot: QtBot, fitted: Session, runner: JobRunner, tmp_path: Path
) -> None:
    import anndata

    set_id = _top_set(fitted)
    dialog = CellSetExportDialog(fitted, [set_id], tmp_path)
    qtbot.addWidget(dialog)
    exporter = Exporter(runner)

    with qtbot.waitSignal(exporter.saved, timeout=60_000) as saved:
        exporter.start(dialog.plan())
    exporter.deleteLater()

    words, paths = saved.args
    item = fitted.cell_sets.get(set_id)
    assert [path.name for path in paths] == ["Top_10.csv", "Top_10.h5ad"]
    assert words.startswith(f"Saved Top_10.csv ({item.count:,} cells)")
    table = read_csv_unescape(tmp_path / "Top_10.csv")
    assert list(table["cell"]) == list(fitted.data.cohort.cell_names[item.mask])
    assert table["set_Top: 10 %"].all()
    data = anndata.read_h5ad(tmp_path / "Top_10.h5ad")
    assert data.n_obs == item.count
    assert np.allclose(data.obs["multimil_attention"], fitted.scores().attention[item.mask])
    kept = json.loads(data.uns["multimil"]["cell_sets"])["Top: 10 %"]
    assert kept["kind"] == "top"
    assert data.uns["multimil"]["cell_set_made_by"].startswith("top 10")


def test_a_cell_set_goes_out_in_every_form_and_comes_back(qtbot: QtBot, fitted: Session, tmp_path: Path) -> None:
    import mudata

    fitted.select_category("cell_type", "Monocyte")
    set_id = fitted.add_cell_set("=Monocytes")
    fitted.annotate_cell_set(set_id, "=look(1) again")
    dialog = CellSetExportDialog(fitted, [set_id], tmp_path)
    qtbot.addWidget(dialog)
    for box in (dialog.own, dialog.barcodes, dialog.h5mu):
        box.setChecked(True)
    dialog.h5ad.setChecked(False)

    done = run_export(dialog.plan(), reporter=SilentReporter())

    item, store = fitted.cell_sets.get(set_id), fitted.data.store
    names = [path.name for path in done.paths]
    assert names == ["Monocytes.csv", "Monocytes_barcodes.csv", "Monocytes.h5mu"]
    table = read_csv_unescape(tmp_path / "Monocytes.csv")
    assert list(table["batch"]) == list(store.obs()["batch"][item.mask])
    assert list(table["file_cell_type"]) == ["Monocyte"] * item.count
    assert list(read_csv_unescape(tmp_path / "Monocytes_barcodes.csv")["barcode"]) == list(
        store.cell_names()[item.mask]
    )
    with mudata.set_options(pull_on_update=False):
        data = mudata.read_h5mu(tmp_path / "Monocytes.h5mu")
    assert data.obs_names.tolist() == list(store.cell_names()[item.mask])
    kept = data.uns["multimil"]
    assert kept["cell_set_notes"] == "=look(1) again"
    assert from_plain(json.loads(kept["cell_set_recipe"])) == item.recipe

    for name in names[:2]:
        listing = read_listing(tmp_path / name, fitted.data.cohort.cell_names, reporter=SilentReporter())
        assert np.array_equal(listing.matches[0].mask(store.n_cells, take_all=False), item.mask)


def test_sets_whose_files_would_have_one_name_have_two(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    session.select_category("cell_type", "Monocyte")
    ids = [session.add_cell_set("x"), session.add_cell_set("x barcodes")]
    dialog = CellSetExportDialog(session, ids, tmp_path)
    qtbot.addWidget(dialog)
    dialog.barcodes.setChecked(True)

    paths = [entry.path for entry in dialog.plan().files]

    assert len(set(paths)) == len(paths) == 6


def test_the_table_of_cell_sets_tells_their_notes(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    session.select_category("cell_type", "Monocyte")
    session.annotate_cell_set(session.add_cell_set("A"), "=two\nlines")
    session.lock_cell_set(1, True)
    dialog = TablesExportDialog(session, tmp_path)
    qtbot.addWidget(dialog)
    dialog.sets.setChecked(True)

    run_export(dialog.plan(), reporter=SilentReporter())

    table = read_csv_unescape(tmp_path / "cell_sets.csv")
    (row,) = table.to_dict("records")
    assert (row["cell_set"], row["notes"], bool(row["locked"])) == ("A", "=two\nlines", True)
    assert row["made_by"] == "cell_type = Monocyte"


def test_tables_of_all_cells_and_samples(qtbot: QtBot, fitted: Session, tmp_path: Path) -> None:
    dialog = TablesExportDialog(fitted, tmp_path)
    qtbot.addWidget(dialog)

    done = run_export(dialog.plan(), reporter=SilentReporter())

    cohort = fitted.data.cohort
    cells = read_csv_unescape(tmp_path / "cells.csv")
    samples = read_csv_unescape(tmp_path / "samples.csv")
    assert [path.name for path in done.paths] == ["cells.csv", "samples.csv", "scores.csv"]
    assert list(cells["cell"]) == list(cohort.cell_names)
    assert list(samples["sample"]) == list(cohort.samples.names)
    assert samples["predicted"][0] == "disease"


def test_without_a_fit_the_tables_still_name_cells_and_samples(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    dialog = TablesExportDialog(session, tmp_path)
    qtbot.addWidget(dialog)

    run_export(dialog.plan(), reporter=SilentReporter())

    cells = read_csv_unescape(tmp_path / "cells.csv")
    assert list(cells.columns) == ["cell", "sample", "donor", "condition", "cell_type"]
    assert list(read_csv_unescape(tmp_path / "samples.csv")["true"][:1]) == ["control"]


def test_nothing_is_replaced_unasked(qtbot: QtBot, fitted: Session, tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text("mine", encoding="utf-8")
    dialog = TablesExportDialog(fitted, tmp_path)
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.accept_button.isEnabled()
    assert "cells.csv" in dialog._clash.words.text()

    with pytest.raises(Refusal, match="already there"):
        run_export(dialog.plan(), reporter=SilentReporter())
    assert (tmp_path / "cells.csv").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "samples.csv").exists()

    dialog.replace.setChecked(True)
    assert dialog.accept_button.isEnabled()
    run_export(dialog.plan(), reporter=SilentReporter())
    assert (tmp_path / "cells.csv").read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("kind", "start"), [(FigureKind.PNG, b"\x89PNG"), (FigureKind.SVG, b"<?xml"), (FigureKind.PDF, b"%PDF")]
)
def test_the_picture_is_written_in_each_format(
    qtbot: QtBot, fitted: Session, tmp_path: Path, kind: FigureKind, start: bytes
) -> None:
    dialog = PictureExportDialog(resolve(fitted), "map of COVID/flu", tmp_path)
    qtbot.addWidget(dialog)
    dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
    dialog.width_mm.setValue(60)
    dialog.height_mm.setValue(50)
    dialog.dpi.setValue(100)

    done = run_export(dialog.plan(), reporter=SilentReporter())

    assert done.paths == (tmp_path / f"map_of_COVID_flu.{kind.value}",)
    assert done.paths[0].read_bytes().startswith(start)


def test_a_folder_that_is_not_there_is_refused(qtbot: QtBot, fitted: Session, tmp_path: Path) -> None:
    dialog = TablesExportDialog(fitted, tmp_path)
    qtbot.addWidget(dialog)

    dialog.folder.setText(str(tmp_path / "nowhere"))

    assert not dialog.accept_button.isEnabled()
    assert "does not exist" in dialog._notice.text()


def test_two_sets_of_similar_names_get_files_of_their_own(qtbot: QtBot, fitted: Session, tmp_path: Path) -> None:
    fitted.select_top(10)
    ids = [fitted.add_cell_set("a/b"), fitted.add_cell_set("a b")]
    dialog = CellSetExportDialog(fitted, ids, tmp_path)
    qtbot.addWidget(dialog)
    dialog.h5ad.setChecked(False)

    names = [entry.path.name for entry in dialog.plan().files]

    assert len(set(names)) == 2


def test_the_selection_is_kept_as_a_set_once(fitted: Session) -> None:
    fitted.select_top(10)

    first = selection_as_set(fitted)

    assert selection_as_set(fitted) == first
    assert len(fitted.cell_sets.items) == 1
    fitted.clear_selection()
    with pytest.raises(Refusal):
        selection_as_set(fitted)


# -- everything that a result holds ------------------------------------------------------------------------------------


def _tick(dialog: TablesExportDialog, *boxes: str) -> None:
    for name in ("cells", "samples", "scores", "vectors", "curves", "h5ad"):
        getattr(dialog, name).setChecked(name in boxes)


def test_all_targets_are_in_the_tables(qtbot: QtBot, rich_fitted: Session, tmp_path: Path) -> None:
    dialog = TablesExportDialog(rich_fitted, tmp_path)
    qtbot.addWidget(dialog)

    run_export(dialog.plan(), reporter=SilentReporter())

    cohort, fit = rich_fitted.data.cohort, rich_fitted.runs.active.mil
    cells = read_csv_unescape(tmp_path / "cells.csv")
    codes = cohort.sample_codes
    assert list(cells["true_stage"][:3]) == [
        ("none", "mild", "severe")[cohort.of_target(1).samples.label[c]] for c in codes[:3]
    ]
    assert np.allclose(cells["true_age"], cohort.of_target(2).samples.value[codes])
    assert np.allclose(cells["prediction_age"], fit.further[1].held_out.value[codes])
    assert np.allclose(cells["contribution_stage"], fit.further[0].held_out_cells.contribution[:, 0], atol=1e-5)
    samples = read_csv_unescape(tmp_path / "samples.csv")
    assert {"predicted", "stage_predicted", "age_predicted", "age_predicted_sd"} <= set(samples.columns)
    scores = read_csv_unescape(tmp_path / "scores.csv")
    assert list(scores["target"].unique()) == ["condition", "stage", "age"]
    r2 = scores[(scores["target"] == "age") & (scores["metric"] == "R²")]
    assert np.isclose(float(r2["value"].iloc[0]), fit.further[1].scores[0].metrics["R²"].value)


def test_the_target_shown_does_not_change_what_is_exported(qtbot: QtBot, rich_fitted: Session, tmp_path: Path) -> None:
    texts = []
    for number in (0, 2):
        rich_fitted.show_target(number)
        folder = tmp_path / str(number)
        folder.mkdir()
        dialog = TablesExportDialog(rich_fitted, folder)
        qtbot.addWidget(dialog)
        _tick(dialog, "samples", "scores")
        run_export(dialog.plan(), reporter=SilentReporter())
        texts.append([(folder / name).read_text(encoding="utf-8") for name in ("samples.csv", "scores.csv")])
    assert texts[0] == texts[1]


def test_shares_curves_and_vectors(qtbot: QtBot, rich_fitted: Session, integration, tmp_path: Path) -> None:
    import anndata

    rich_fitted.add_run(integration)
    dialog = TablesExportDialog(rich_fitted, tmp_path)
    qtbot.addWidget(dialog)
    _tick(dialog, "cells", "vectors", "curves", "h5ad")

    done = run_export(dialog.plan(), reporter=SilentReporter())

    assert [path.name for path in done.paths] == ["cells.csv", "sample_vectors.csv", "curves.csv", "result.h5ad"]
    cells = read_csv_unescape(tmp_path / "cells.csv")
    assert np.allclose(cells["share_adt"], integration.modality_weight[:, 1], atol=1e-6)
    vectors = read_csv_unescape(tmp_path / "sample_vectors.csv")
    fit = rich_fitted.runs.active.mil
    mean = vectors[vectors["vector"] == "mean"].filter(like="dim_").to_numpy()
    assert np.allclose(mean, fit.held_out.vectors["mean"], atol=1e-6)
    curves = read_csv_unescape(tmp_path / "curves.csv")
    assert list(curves["stage"].unique()) == ["integration", "fold 1"]
    assert list(curves[curves["kept"]]["epoch"]) == [2, 2]
    data = anndata.read_h5ad(tmp_path / "result.h5ad")
    assert np.allclose(data.obs["multimil_share_rna"], integration.modality_weight[:, 0], atol=1e-6)
    assert list(data.obs["multimil_prediction_stage"].cat.categories) == ["none", "mild", "severe"]
    assert data.obs["multimil_prediction_stage"].cat.ordered
    targets = json.loads(data.uns["multimil"]["targets"])
    assert [target["kind"] for target in targets] == ["classification", "ordinal", "regression"]


def test_what_is_not_there_cannot_be_ticked(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    dialog = TablesExportDialog(session, tmp_path)
    qtbot.addWidget(dialog)

    for box in (dialog.scores, dialog.vectors, dialog.curves):
        assert not box.isEnabled() and box.toolTip()
    assert [entry.path.name for entry in dialog.plan().files] == ["cells.csv", "samples.csv"]


def test_labels_made_here_are_written_with_the_cells(fitted: Session, tmp_path: Path) -> None:
    import anndata

    codes = np.arange(fitted.data.n_cells) % 3 - 1
    fitted.add_annotation("my/clusters", codes, ("0", "1"), {"method": "leiden"})
    shot = snapshot(fitted)
    files = (cells_file(shot, tmp_path / "cells.csv"), h5ad_file(shot, tmp_path / "all.h5ad"))
    run_export(ExportPlan(files), reporter=SilentReporter())
    told = read_csv_unescape(tmp_path / "cells.csv", text=("label_my/clusters",))["label_my/clusters"]
    assert list(told.fillna("").head(4)) == ["", "0", "1", ""]
    back = anndata.read_h5ad(tmp_path / "all.h5ad")
    assert list(back.obs["multimil_label_my_clusters"].cat.codes) == list(codes)
    assert json.loads(back.uns["multimil"]["annotations"]) == {"my/clusters": {"method": "leiden"}}
