"""Scores that are computed beside the window, and the square of two genes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QColor

from multimil_gui.analysis import gene_set_scores
from multimil_gui.analysis.gene_set_scores import score_genes
from multimil_gui.state.gene_lists import add_gene_set
from multimil_gui.state.palettes import blend_colors
from multimil_gui.state.session import Session
from multimil_gui.state.value_book import value_book
from multimil_gui.state.view import ColorBy, ColorKind
from multimil_gui.views import kernels
from multimil_gui.views.factory import Backend
from multimil_gui.widgets._blend_square import BlendSquare, blend_image
from multimil_gui.widgets._score_worker import ScoreWorker, watch_scores
from multimil_gui.widgets.latent_map import LatentMap


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile outside of the tests: threads that do it during one write where no test may."""
    gene_set_scores.warm_up()
    kernels.warm_up()


def _genes(session: Session, n: int) -> list[str]:
    (name,) = session.data.store.index.modalities
    return list(session.data.store.features(name)[:n])


def _map(qtbot: QtBot, session: Session) -> LatentMap:
    result = LatentMap(session, Backend.RASTER)
    qtbot.addWidget(result)
    return result


def test_a_score_arrives_on_the_map_while_the_window_goes_on(qtbot: QtBot, session: Session) -> None:
    shown = _map(qtbot, session)
    (modality,) = session.data.store.index.modalities
    genes = _genes(session, 10)
    add_gene_set(session, "Ten", genes)
    session.color_by(ColorBy(ColorKind.SCORE, "Ten", modality))
    assert shown.title.text() == "Computing the score of Ten …"
    qtbot.waitUntil(lambda: shown.view.numbers is not None, timeout=20_000)
    assert np.array_equal(shown.view.numbers, score_genes(session.data.store, modality, genes).values)
    assert "10 of 10 genes found" in shown.title.text()


def test_the_score_asked_for_last_is_shown_whatever_was_asked_before(qtbot: QtBot, session: Session) -> None:
    shown = _map(qtbot, session)
    (modality,) = session.data.store.index.modalities
    for n in (5, 10, 20, 40):
        add_gene_set(session, f"set {n}", _genes(session, n))
        session.color_by(ColorBy(ColorKind.SCORE, f"set {n}", modality))
    qtbot.waitUntil(lambda: shown.view.numbers is not None, timeout=20_000)
    assert "score of set 40" in shown.title.text()
    qtbot.waitUntil(lambda: not shown._scores.busy, timeout=20_000)


def test_no_thread_and_no_listener_outlive_the_widgets(qtbot: QtBot, session: Session) -> None:
    from qtpy.QtWidgets import QWidget

    one, other = QWidget(), QWidget()
    worker = watch_scores(session, one)
    assert watch_scores(session, other) is worker and isinstance(worker, ScoreWorker)
    for widget in (one, other):
        assert value_book(session).background
        with qtbot.waitSignal(widget.destroyed):
            widget.deleteLater()
    assert not value_book(session).background
    add_gene_set(session, "Ten", _genes(session, 10))
    session.color_by(ColorBy(ColorKind.SCORE, "Ten", next(iter(session.data.store.index.modalities))))
    assert not worker.busy
    assert all(thread.name != "multimil-score" for thread in threading.enumerate())


def test_the_square_stands_beside_a_map_of_two_genes(qtbot: QtBot, session: Session) -> None:
    shown = _map(qtbot, session)
    shown.show()
    one, other = _genes(session, 2)
    assert not shown.blend_square.isVisible()
    (modality,) = session.data.store.index.modalities
    session.color_by(ColorBy(ColorKind.BLEND, f"{one}\t{other}", modality))
    assert shown.blend_square.isVisible() and not shown.color_bar.isVisible()
    assert one in shown.blend_square.accessibleName() and other in shown.blend_square.accessibleName()
    session.commands.undo()
    assert not shown.blend_square.isVisible()


def test_the_first_gene_rises_to_the_right_and_the_second_upwards(qtbot: QtBot) -> None:
    image, colors = blend_image(), blend_colors()
    side = BlendSquare()
    qtbot.addWidget(side)
    for x, y, i, j in ((0, 14, 0, 0), (14, 14, -1, 0), (0, 0, 0, -1), (14, 0, -1, -1)):
        assert QColor(image.pixel(x, y)).getRgb()[:3] == tuple(colors[i, j])


def test_the_card_tells_both_values(qtbot: QtBot, session: Session) -> None:
    shown = _map(qtbot, session)
    one, other = _genes(session, 2)
    (modality,) = session.data.store.index.modalities
    session.color_by(ColorBy(ColorKind.BLEND, f"{one}\t{other}", modality))
    shown.panes.hovered.emit(5)
    for name, values in zip((one, other), shown.view.pair, strict=True):
        assert f"{name}: {values[5]:.4g}" in shown.card.text()
