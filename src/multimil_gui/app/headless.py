"""``multimil-gui demo --headless OUT``: the real window driven from file to exported cells, leaving pictures and tables."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from multimil_gui.app.driver import DriveError, Driver, outline
from multimil_gui.app.main import Program
from multimil_gui.app.theme import ThemeChoice
from multimil_gui.core.errors import Refusal

if TYPE_CHECKING:
    from multimil_gui.analysis.result import MILResult
    from multimil_gui.app.main_window import MainWindow
    from multimil_gui.data.cohort import Cohort
    from multimil_gui.widgets.mapping_dialog import MappingDialog

SIZE = (1600, 980)
SET_NAME = "High attention"
PLANTED = "planted"
#: Seconds until a step counts as hung; a busy machine may be ten times slower than a calm one.
PATIENCE = 1200


def run_headless(out: Path) -> int:
    """Drive the demo and leave its files in ``out``; return the exit status."""
    if _no_display():
        _say("No display was found: the window is drawn without one (Qt's offscreen platform).")
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    out.mkdir(parents=True, exist_ok=True)
    program = Program(settings_path=out / ".demo-settings.json")
    try:
        program.services.theme.apply(ThemeChoice.LIGHT)
        window = program.window
        window.resize(*SIZE)
        program.show()
        _Demo(program, out).run()
    except (DriveError, Refusal) as error:
        _say(f"The demo failed: {error}")
        return 1
    finally:
        program.window.close_without_asking()
        program.end()
        (out / ".demo-settings.json").unlink(missing_ok=True)
    return 0


def _no_display() -> bool:
    return (
        sys.platform.startswith("linux")
        and "QT_QPA_PLATFORM" not in os.environ
        and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    )


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


class _Demo:
    """The steps of the demo, in order."""

    def __init__(self, program: Program, out: Path) -> None:
        self._program = program
        self._driver = Driver(program)
        self._window: MainWindow = program.window
        self._out = out
        self._started = time.monotonic()

    def run(self) -> None:
        self._step("The window is open")
        self._driver.pause(0.5)
        self._driver.picture(self._out / "start.png")
        self._open()
        self._integrate()
        self._predict()
        self._select()
        self._pictures()
        self._export()
        self._report()

    def _step(self, words: str) -> None:
        _say(f"[{time.monotonic() - self._started:5.0f} s] {words}")

    def _open(self) -> None:
        asked: list[MappingDialog] = []
        self._window.files.mapping_asked.connect(asked.append)
        self._window.files.open_demo_by_hand()
        self._driver.wait(lambda: bool(asked), "the mapping dialog", PATIENCE)
        self._driver.pause(0.5)
        dialog = asked[0]
        self._driver.picture(self._out / "mapping.png", dialog)
        self._driver.press(dialog.accept_button)
        self._driver.wait(lambda: self._window.session.data.cohort is not None, "the cohort", PATIENCE)
        cohort = self._cohort
        self._step(
            f"Opened the demo cohort (semi-simulated, truth known): {cohort.n_cells:,} cells, "
            f"{len(cohort.samples.names)} samples of {len(cohort.samples.donor_names)} donors"
        )

    def _integrate(self) -> None:
        section = self._window.workspace.run.integration
        self._window.runs.show_panel()
        self._driver.pause(0.3)
        self._driver.press(section.run)
        self._driver.wait(self._has_integration, "the integration and its map", PATIENCE)
        self._step("Integrated RNA and protein into one latent space, and drew its map")

    def _predict(self) -> None:
        section = self._window.workspace.run.phenotype
        self._driver.wait(section.run.isEnabled, "the phenotype form", PATIENCE)
        self._driver.press(section.run)
        self._driver.wait(self._second_fold, "the training curves", PATIENCE)
        self._driver.pause(0.3)
        self._driver.picture(self._out / "run.png")
        self._driver.wait(lambda: self._window.session.mil() is not None, "the prediction", PATIENCE)
        self._step("Predicted every patient by models that never saw them")

    def _select(self) -> None:
        session = self._window.session
        view = session.view.value
        top = session.top_mask(view.top_percent, view.top_scope)
        patients = self._cohort.samples.label[self._cohort.sample_codes] > 0
        self._window.view.fit()
        self._driver.pause(0.5)
        self._driver.lasso(outline(session.data.maps[view.map_key], top & patients))
        self._driver.wait(lambda: session.selection.current.count > 0, "the lasso's selection", PATIENCE)
        self._driver.trigger("edit.new_cell_set")
        kept = session.cell_sets.items[-1]
        session.rename_cell_set(kept.id, SET_NAME)
        self._window.workspace.show_panel("dock_patients")
        self._step(f"Circled the cells of the highest attention with the lasso: {kept.count:,} cells")

    def _pictures(self) -> None:
        self._window.toasts.clear()
        # The set is kept; without the selection the attention of all cells is seen.
        self._driver.trigger("edit.select_none")
        self._driver.trigger("view.tool_pan")
        self._driver.pause(0.5)
        self._driver.picture(self._out / "window.png")
        self._driver.picture(self._out / "patients.png", self._window.workspace.dock("dock_patients"))
        self._program.services.theme.apply(ThemeChoice.DARK)
        self._driver.pause(0.5)
        self._driver.picture(self._out / "window-dark.png")
        self._program.services.theme.apply(ThemeChoice.LIGHT)

    def _export(self) -> None:
        from multimil_gui.views.figure import FigureKind, FigureOptions
        from multimil_gui.widgets import export
        from multimil_gui.widgets.latent_map import view_for_export

        window, shot = self._window, export.snapshot(self._window.session)
        kept = shot.sets[-1]
        view = view_for_export(window.workspace.map.view)
        files = (
            export.cells_file(shot, self._out / "cells.csv"),
            export.samples_file(shot, self._out / "samples.csv"),
            export.h5ad_file(shot, self._out / "cell_set.h5ad", kept.mask, kept),
            export.picture_file(view, FigureKind.PNG, FigureOptions(), self._out / "map.png"),
        )
        # The demo's own folder: a second demo takes the place of the first.
        window.exports.write(export.ExportPlan(files, replace=True))
        self._driver.wait(lambda: not window.runner.busy, "the exports", PATIENCE)
        self._step(f"Saved cells.csv, samples.csv, cell_set.h5ad and pictures in {self._out}")

    def _report(self) -> None:
        mil = self._window.session.mil()
        if mil is None:
            raise DriveError("there is no prediction to report")
        for line in report_lines(mil, self._cohort):
            _say(line)

    @property
    def _cohort(self) -> Cohort:
        cohort = self._window.session.data.cohort
        if cohort is None:
            raise DriveError("no cohort is open")
        return cohort

    def _has_integration(self) -> bool:
        session = self._window.session
        return bool(session.runs.records) and not self._window.runner.busy and "X_multimil_umap" in session.data.maps

    def _second_fold(self) -> bool:
        words = self._window.status_bar.job_words.text()
        return "fold 3" in words.lower() or self._window.session.mil() is not None


def report_lines(mil: MILResult, cohort: Cohort) -> list[str]:
    """Return what the demo ends with: held-out accuracy beside the baselines, and how well the planted cells were found."""
    from multimil_gui.analysis.scores import planted_auroc
    from multimil_gui.analysis.words import interval

    lines = ["", "Demo cohort: semi-simulated, truth known.", "Held-out patients, 95 % interval over donors:"]
    width = max(len(model.name) for model in mil.scores)
    for model in mil.scores:
        numbers = "   ".join(f"{name.replace('_', ' ')} {interval(score)}" for name, score in model.metrics.items())
        lines.append(f"  {model.name:<{width}}   {numbers}")
    planted = cohort.store.obs()[PLANTED].to_numpy(dtype=bool)
    found = planted_auroc(mil.held_out_cells.attention, cohort.sample_codes, cohort.samples.label, planted)
    lines.append(f"Planted cells found by held-out attention: AUROC {found:.3f}")
    return lines
