from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multimil_gui.core.errors import Cancelled, Refusal
from multimil_gui.core.reporter import SilentReporter, Stop
from multimil_gui.jobs.outputs import FILES, RESUME_FOLDER, check_output_folder, write_outputs
from multimil_gui.jobs.pipeline import cohort_of, run_recipe
from multimil_gui.jobs.recipe_io import load_recipe, parse_recipe
from multimil_gui.project.text import read_csv_unescape

LEARNT = tuple(name for name in FILES if name != "imputed.h5ad")
"""What a run writes that learnt its latent space and was not asked to impute."""

WITHOUT_FIT = tuple(name for name in LEARNT if name != "fit.safetensors")
"""What a run writes that took its latent space from the file."""


def ran(text: str, store):
    """Return run, cohort and recipe."""
    recipe = parse_recipe(text)
    cohort = cohort_of(recipe, store)
    return run_recipe(recipe, store, SilentReporter(), cohort=cohort), cohort, recipe


@pytest.fixture(scope="module")
def run(_small_files, imported, given_text):
    return ran(given_text, imported(_small_files / "small.h5ad"))


def written(run, out: Path, **options):
    return write_outputs(*run, out, SilentReporter(), **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_files_are_written_and_agree(small_h5ad, imported, given_text, tmp_path):
    import anndata

    text = given_text.replace("baselines = false", "baselines = true\ntop_percent = 20.0")
    result, cohort, recipe = ran(text, imported(small_h5ad))
    mil = result.mil
    out = tmp_path / "deep" / "out"
    done = written((result, cohort, recipe), out)
    assert names(out) == sorted(WITHOUT_FIT)
    assert done.files == tuple(out / name for name in WITHOUT_FIT)

    cells = pd.read_parquet(out / "cells.parquet")
    assert list(cells.columns) == [
        *("cell", "sample", "donor", "fold", "attention", "attention_rank", "attention_sd"),
        *("contribution_control", "contribution_disease", "prediction", "in_top"),
    ]
    assert list(cells.cell) == list(cohort.cell_names)
    np.testing.assert_array_equal(cells.attention, mil.held_out_cells.attention)
    np.testing.assert_allclose(cells.groupby("sample").attention.sum(), 1, atol=1e-5)
    assert (cells.groupby("sample").fold.nunique() == 1).all()
    in_csv = read_csv_unescape(out / "cells.csv", ["cell", "sample", "donor", "prediction"])
    pd.testing.assert_frame_equal(in_csv, cells, check_dtype=False, rtol=1e-6)

    samples = read_csv_unescape(out / "samples.csv")
    assert list(samples.columns) == [
        *("sample", "donor", "true", "predicted", "p_control", "p_disease", "fold", "n_cells")
    ]
    np.testing.assert_allclose(samples[["p_control", "p_disease"]].sum(axis=1), 1, atol=1e-5)
    assert samples.n_cells.sum() == cohort.n_cells
    assert (samples.predicted == np.where(samples.p_disease > samples.p_control, "disease", "control")).all()
    share = cells.in_top.groupby(cells["sample"].map(samples.set_index("sample").true)).mean()
    np.testing.assert_allclose(share, 0.2, atol=0.02)

    report = json.loads((out / "report.json").read_text("utf-8"))
    accuracy = np.mean([(group.predicted == group.true).mean() for _, group in samples.groupby("true")])
    ours = report["metrics"]["balanced accuracy"]
    assert ours["value"] == pytest.approx(accuracy)
    assert ours["low"] <= ours["value"] <= ours["high"]
    assert any("logistic" in model["name"] for model in report["baselines"])
    assert any("forest" in model["name"] for model in report["baselines"])
    assert report["audit"][0].startswith("Grade:")
    assert report["timings"].keys() == {"latent", "map", "prediction", "outputs"}
    assert report["peak_memory_mb"] > 10
    assert 0 <= report["planted_auroc"] <= 1
    assert report["data"]["n_donors"] == 12

    data = anndata.read_h5ad(out / "result.h5ad")
    assert list(data.obs_names) == list(cohort.cell_names)
    np.testing.assert_array_equal(data.obsm["X_multimil"], result.latent)
    np.testing.assert_array_equal(data.obsm["X_umap"], result.map2d)
    np.testing.assert_array_equal(data.obs["multimil_attention"], cells.attention)
    np.testing.assert_array_equal(data.obs["multimil_in_top"], cells.in_top)
    for column in ("attention_rank", "attention_sd", "contribution_control", "contribution_disease"):
        np.testing.assert_array_equal(data.obs[f"multimil_{column}"], cells[column])
    assert list(data.obs["multimil_prediction"]) == list(cells.prediction)
    about = data.uns["multimil"]
    assert parse_recipe(about["recipe"]) == recipe
    assert about["versions"]["multimil-gui"] == result.versions["multimil-gui"]
    assert about["hashes"]["source"] == cohort.store.index.source_hash
    assert about["seeds"]["cv"] == 0

    lock = tomllib.loads((out / "recipe.lock.toml").read_text("utf-8"))
    assert lock["mil"]["cells_per_bag"] == 128
    assert lock["data"]["path"] == "small.h5ad"
    assert lock["lock"]["versions"] == dict(result.versions)
    assert load_recipe(out / "recipe.lock.toml") == recipe

    page = (out / "report.html").read_text("utf-8")
    assert report["verdict"] in page
    assert str(tmp_path) not in page + json.dumps(report) + json.dumps(lock)


def test_two_runs_write_the_same_bytes(small_h5ad, imported, given_text, tmp_path):
    store = imported(small_h5ad)
    for name in ("a", "b"):
        written(ran(given_text, store), tmp_path / name)
    for name in WITHOUT_FIT:
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("a", "b"))
        if name == "report.json":
            first, second = (
                {key: value for key, value in json.loads(text).items() if key not in ("timings", "peak_memory_mb")}
                for text in (first, second)
            )
        assert first == second, name


def test_integration_alone_writes_what_it_knows(small_h5mu, imported, learnt_text, tmp_path):
    import anndata

    text = learnt_text.replace('[target]\ncolumn = "condition"\nreference = "control"\n', "")
    result, cohort, recipe = ran(text, imported(small_h5mu))
    written((result, cohort, recipe), tmp_path / "out")
    assert names(tmp_path / "out") == sorted(LEARNT)
    assert list(pd.read_parquet(tmp_path / "out" / "cells.parquet").columns) == ["cell", "sample", "donor"]
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert "metrics" not in report
    assert set(report["integration"]["modalities"]) == {"rna", "adt"}
    data = anndata.read_h5ad(tmp_path / "out" / "result.h5ad")
    np.testing.assert_array_equal(data.obsm["X_multimil"], result.latent)
    assert "multimil_attention" not in data.obs


def test_class_names_of_any_kind_are_written(small_h5ad, imported, given_text, tmp_path):
    import anndata

    data = anndata.read_h5ad(small_h5ad)
    data.obs["condition"] = data.obs["condition"].cat.rename_categories({"control": "day 0/3", "disease": "=1+1"})
    data.write_h5ad(tmp_path / "odd.h5ad")
    run = ran(given_text.replace('reference = "control"', 'reference = "day 0/3"'), imported(tmp_path / "odd.h5ad"))
    written(run, tmp_path / "out")
    result = anndata.read_h5ad(tmp_path / "out" / "result.h5ad")
    assert {"multimil_contribution_day 0_3", "multimil_contribution_=1+1"} <= set(result.obs.columns)
    samples = read_csv_unescape(tmp_path / "out" / "samples.csv")
    assert set(samples.true) == {"day 0/3", "=1+1"}
    assert "\n=1" not in (tmp_path / "out" / "samples.csv").read_text("utf-8").replace(",", "\n")


def test_an_earlier_result_is_replaced_only_when_asked(run, tmp_path):
    out = tmp_path / "out"
    written(run, out)
    (out / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(Refusal, match="earlier run") as caught:
        written(run, out)
    assert caught.value.fix
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    result, cohort, recipe = run
    plain = recipe.model_copy(update={"export": recipe.export.model_copy(update={"h5ad": False, "html": False})})
    written((result, cohort, plain), out, overwrite=True)
    # The files that this run does not write would otherwise tell of another one.
    assert names(out) == sorted({*WITHOUT_FIT, "notes.txt"} - {"result.h5ad", "report.html"})
    assert (out / "notes.txt").read_text() == "mine"


def test_cancel_before_any_file_leaves_none_and_keeps_the_stages(run, tmp_path, user_at):
    out = tmp_path / "out"
    (out / RESUME_FOLDER).mkdir(parents=True)
    with pytest.raises(Cancelled):
        write_outputs(*run, out, user_at("outputs", Stop.CANCEL))
    assert names(out) == [RESUME_FOLDER]
    written(run, out)
    assert RESUME_FOLDER not in names(out)


class Breaks(SilentReporter):
    """Fails when the n-th file is to be written."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def progress(self, progress) -> None:
        if progress.done == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("at", range(6))
def test_an_interrupt_while_writing_leaves_the_old_files_and_no_half_one(run, tmp_path, at):
    out = tmp_path / "out"
    out.mkdir()
    (out / "cells.csv").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_outputs(*run, out, Breaks(at), overwrite=True)
    assert names(out) == ["cells.csv"]
    assert (out / "cells.csv").read_text() == "old"


def test_what_a_killed_run_left_is_cleared(run, tmp_path):
    out = tmp_path / "out"
    (out / ".~multimil-abc").mkdir(parents=True)
    (out / ".~multimil-abc" / "cells.csv").write_text("half")
    (out / ".~lock.other.csv#").write_text("of another program")
    written(run, out)
    assert names(out) == sorted([*WITHOUT_FIT, ".~lock.other.csv#"])


@pytest.mark.parametrize(
    ("there", "overwrite", "fine"),
    [
        ([], False, True),
        ([".multimil-resume", ".DS_Store"], False, True),
        (["recipe.toml"], False, True),
        (["notes.txt"], False, False),
        (["notes.txt"], True, True),
        (["cells.csv", "recipe.toml"], False, False),
    ],
)
def test_a_folder_in_use_is_refused_before_the_work(tmp_path, there, overwrite, fine):
    out = tmp_path / "out"
    out.mkdir()
    for name in there:
        (out / name).write_text("")
    if fine:
        check_output_folder(out, overwrite, out / "recipe.toml")
        return
    with pytest.raises(Refusal) as caught:
        check_output_folder(out, overwrite, out / "recipe.toml")
    assert there[0] in caught.value.where
    assert "--overwrite" in caught.value.fix


def test_an_output_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    for overwrite in (False, True):
        with pytest.raises(Refusal, match="is a file"):
            check_output_folder(tmp_path / "out", overwrite)
