"""What all examples share: the demo cohort as a session, and a timer that ends a run that nobody watches."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from multimil_gui.core.options import MILOptions
from multimil_gui.core.reporter import SilentReporter
from multimil_gui.data.check import build_cohort
from multimil_gui.data.demo import write_demo
from multimil_gui.data.import_ import import_file
from multimil_gui.data.propose import propose
from multimil_gui.data.store import Store
from multimil_gui.jobs.recipe import AnalysisSection, CVSection, DataSection, LatentSection, Recipe, TargetSection
from multimil_gui.state.session import Session


def demo_store() -> Store:
    """Return the demo cohort, written and imported once into the folder for temporary files."""
    folder = Path(tempfile.gettempdir()) / "multimil-examples"
    folder.mkdir(exist_ok=True)
    file = folder / "demo.h5mu"
    return import_file(file if file.exists() else write_demo(file), folder, SilentReporter())


def demo_session() -> Session:
    """Return a session with the demo cohort, its columns mapped as proposed."""
    session, store = Session(), demo_store()
    columns = propose(store).columns
    session.open_store(store)
    session.set_cohort(build_cohort(store, columns), columns)
    return session


def fitted_session() -> Session:
    """Return the demo session with a fit that is quick, not good: two epochs of one model in three folds."""
    from multimil_gui.jobs.predict import predict

    session = demo_session()
    recipe = Recipe(
        data=DataSection(path=Path("demo.h5mu"), sample="sample_id", donor="donor"),
        latent=LatentSection(use="X_pca"),
        target=TargetSection(column="condition"),
        mil=MILOptions(epochs=2, seeds=1),
        cv=CVSection(folds=3),
        analysis=AnalysisSection(baselines=False, map=False),
    )
    cohort, latent = session.data.cohort, session.data.latents["X_pca"]
    session.add_run(predict(recipe, cohort, latent, SilentReporter()), name="Quick fit")
    return session


def quit_when_asked(app: QApplication) -> None:
    """End the program after MULTIMIL_EXAMPLE_QUIT_MS milliseconds, when that is set."""
    wait = os.environ.get("MULTIMIL_EXAMPLE_QUIT_MS")
    if wait:
        QTimer.singleShot(int(wait), app.quit)
