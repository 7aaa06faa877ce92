from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from multimil_gui import __version__
from multimil_gui.cli import main

RECIPE = """
[data]
path = "small.h5ad"
sample = "sample_id"
donor = "donor"
cell_type = "cell_type"
[latent]
use = "X_pca"
[target]
column = "condition"
reference = "control"
[mil]
epochs = 60
patience = 0
seeds = 2
n_hidden = 8
[cv]
folds = 3
[analysis]
map = false
baselines = false
"""
HEAVY = ("torch", "scanpy", "anndata", "sklearn", "numba", "pandas", "pydantic", "qtpy", "numpy")


@pytest.fixture
def recipe(small_h5ad: Path) -> Path:
    path = small_h5ad.with_name("recipe.toml")
    path.write_text(RECIPE)
    return path


def test_version_and_help_import_nothing_heavy():
    code = f"""
import sys
from multimil_gui.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0
assert not [name for name in {HEAVY} if name in sys.modules]
"""
    for option, words in (("--version", f"multimil-gui {__version__}"), ("--help", "usage: multimil-gui")):
        told = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith(words)


@pytest.mark.parametrize("words", [["run"], ["inspect"], ["run", "r.toml"], ["--nonsense"]])
def test_a_wrong_command_line_is_refused_with_its_usage(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_inspect_tells_what_is_in_a_file(small_h5ad, capsys):
    assert main(["inspect", str(small_h5ad)]) == 0
    told = capsys.readouterr().out
    for words in ("small.h5ad can be read", "rna: 60 features", "counts", "condition: category, 2 levels", "X_pca (8)"):
        assert words in told
    assert main(["inspect", str(small_h5ad), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == 0
    assert answer["summary"]["obsm"] == {"X_pca": 8, "X_umap": 2}
    assert answer["warnings"] == []


def test_inspect_refuses_in_words(tmp_path, capsys):
    (tmp_path / "letter.h5ad").write_text("Dear colleague")
    assert main(["inspect", str(tmp_path / "letter.h5ad")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "letter.h5ad" in told.err
    assert "Traceback" not in told.err
    assert main(["inspect", str(tmp_path / "letter.h5ad"), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == 2
    assert all(answer[part] for part in ("what", "where", "fix"))


def test_run_writes_the_results_and_says_how_good_they_are(recipe, tmp_path, capsys):
    recipe.write_text(RECIPE.replace("epochs = 60", "epochs = 3"))
    assert main(["run", str(recipe), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr()
    assert "Learning to predict, fold 1" in told.err
    for words in ("Predictions of donors never seen", "MultiMIL", "Balanced accuracy on donors never seen", "Grade:"):
        assert words in told.out
    assert re.search(r"planted cells were found with an AUROC of \d\.\d\d", told.out)
    assert "cells.parquet, cells.csv, samples.csv, report.json, result.h5ad, report.html, recipe.lock.toml" in told.out

    before = (tmp_path / "out" / "cells.csv").read_bytes()
    assert main(["run", str(recipe), "--out", str(tmp_path / "out")]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["run", str(recipe), "--out", str(tmp_path / "out"), "--overwrite", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["files"][:3] == ["cells.parquet", "cells.csv", "samples.csv"]
    assert answer["report"]["metrics"]["balanced accuracy"]["value"] <= 1
    assert (tmp_path / "out" / "cells.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("sample =", "sampel ="), ["data.sampel", "did you mean data.sample?"]),
        (("small.h5ad", "other.h5ad"), ["other.h5ad", "does not exist"]),
        (("sample_id", "smaple_id"), ["smaple_id"]),
        (("X_pca", "X_scvi"), ["X_scvi", "X_pca"]),
        (("folds = 3", "folds = 7"), ["folds", "6"]),
        (('"condition"', '"cell_type"'), ["Each sample needs one phenotype"]),
        (("[data]", "[data"), ["not a TOML file"]),
    ],
)
def test_run_refuses_in_words_and_leaves_nothing(recipe, tmp_path, capsys, change, words):
    recipe.write_text(RECIPE.replace(*change))
    assert main(["run", str(recipe), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    for word in words:
        assert word in told
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()


def test_run_refuses_as_json_for_machines(recipe, tmp_path, capsys):
    recipe.write_text(RECIPE.replace("sample =", "sampel ="))
    assert main(["run", str(recipe), "--out", str(tmp_path / "out"), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == 2
    assert "data.sampel" in answer["problems"][0]["where"]


def _hears_interrupts() -> None:
    """Undo what a shell does to what it runs in the background: Ctrl+C is ignored there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow  # starts the program
@pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent to processes there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_an_interrupted_run_leaves_no_half_file_and_goes_on(recipe, tmp_path, name):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "multimil_gui", "run", str(recipe), "--out", str(out)]
    streams = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, preexec_fn=_hears_interrupts, **streams) as child:
        before = next(line for line in child.stderr if "fold 2" in line)
        child.send_signal(signal.Signals[name])
        told = before + child.stderr.read()
    assert child.returncode == (-signal.SIGKILL if name == "SIGKILL" else 130), told
    assert ("the same command goes on from there" in told) == (name != "SIGKILL")
    assert "Traceback" not in told
    assert [path.name for path in out.iterdir()] == [".multimil-resume"]
    assert (out / ".multimil-resume" / "fold0.safetensors").exists()

    again = subprocess.run(command, capture_output=True, text=True, check=False) if name == "SIGINT" else None
    if again is None:
        assert main(command[3:]) == 0
    else:
        assert again.returncode == 0, again.stderr
        assert "fold 1" not in again.stderr
        # The second fold is trained beside the first and may have been finished too.
        assert "Learning to predict, final" in again.stderr
    assert main([*command[3:5], "--out", str(tmp_path / "whole")]) == 0
    for file in ("cells.parquet", "samples.csv", "result.h5ad", "recipe.lock.toml"):
        assert (out / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert not (out / ".multimil-resume").exists()


def test_an_interrupt_before_anything_is_finished_says_so(recipe, tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("multimil_gui.jobs.pipeline.cohort_of", interrupted)
    assert main(["run", str(recipe), "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "Stopped; no file was changed."


def test_a_fault_of_the_program_says_so_and_gives_the_details(recipe, tmp_path, capsys, monkeypatch):
    def broken(*_):
        raise ValueError("operands could not be broadcast")

    monkeypatch.setattr("multimil_gui.jobs.pipeline.cohort_of", broken)
    assert main(["run", str(recipe), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "Something went wrong that should not: operands could not be broadcast." in told
    assert "Details for a report of the fault" in told


QUERY = """
[data]
path = "new.h5ad"
sample = "sample_id"
donor = "donor"
[query]
fit = "reference/fit.safetensors"
epochs = 3
[analysis]
map = false
"""


def test_new_samples_are_mapped_onto_the_fit_of_a_run(recipe, small_h5ad, tmp_path, capsys):
    import anndata
    import numpy as np
    import pandas as pd

    data = anndata.read_h5ad(small_h5ad)
    new = data.obs["donor"].isin(["D05", "D11"]).to_numpy()
    data[new].copy().write_h5ad(tmp_path / "new.h5ad")
    data[~new].copy().write_h5ad(tmp_path / "small.h5ad")
    learnt = RECIPE.replace('[latent]\nuse = "X_pca"', "[integrate]\nepochs = 3\nn_latent = 4\nn_hidden = 16")
    recipe.write_text(learnt.replace("epochs = 60", "epochs = 3"))
    assert main(["run", str(recipe), "--out", str(tmp_path / "reference")]) == 0
    assert capsys.readouterr().out.rstrip().endswith("recipe.lock.toml, fit.safetensors.")
    (tmp_path / "query.toml").write_text(QUERY)
    assert main(["run", str(tmp_path / "query.toml"), "--out", str(tmp_path / "mapped")]) == 0
    told = capsys.readouterr().out
    assert re.search(r"\d+ of \d+ cells lie farther from the reference", told)
    cells = pd.read_parquet(tmp_path / "mapped" / "cells.parquet")
    assert {"attention", "prediction", "label", "label_confidence", "distance", "far"} <= set(cells.columns)
    assert set(cells.label) <= {"B cell", "Monocyte", "T cell"}
    assert (cells.fold == -1).all()
    report = json.loads((tmp_path / "mapped" / "report.json").read_text("utf-8"))
    assert report["query"]["reference"] == "small.h5ad"
    assert report["query"]["cells_far_from_reference"] == int(cells.far.sum())
    assert "metrics" not in report
    result = anndata.read_h5ad(tmp_path / "mapped" / "result.h5ad")
    assert result.obsm["X_multimil"].shape == (int(new.sum()), 4)
    np.testing.assert_array_equal(result.obs["multimil_label"], cells.label)
    assert not (tmp_path / "mapped" / "fit.safetensors").exists()
    page = (tmp_path / "mapped" / "report.html").read_text("utf-8")
    assert "Mapped onto small.h5ad" in page
    assert f"{new.sum()} cells were mapped with rna" in page
    assert "scIB total" in (tmp_path / "reference" / "report.html").read_text("utf-8")
    (tmp_path / "query.toml").write_text(QUERY.replace("reference/fit", "reference/none"))
    assert main(["run", str(tmp_path / "query.toml"), "--out", str(tmp_path / "other")]) == 2
    assert "none.safetensors" in capsys.readouterr().err
