"""New cells on a reference: their colours, and the reference's cells behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.state.resolve import resolve
from multimil_gui.state.session import Session
from multimil_gui.state.view import ColorBy, ColorKind, QueryColor

N = 60


def _query(**changes: object) -> QueryResult:
    rng = np.random.default_rng(0)
    made = QueryResult(
        reference="atlas.h5mu",
        latent=rng.normal(size=(N, 4)).astype(np.float32),
        modality_weight=np.ones((N, 1), dtype=np.float32),
        modalities=("rna",),
        map2d=rng.normal(size=(N, 2)).astype(np.float32),
        reference_map=rng.normal(size=(200, 2)).astype(np.float32),
        column="cell_type",
        levels=("B", "NK", "T"),
        label=(np.arange(N) % 4 - 1).astype(np.int32),
        confidence=np.linspace(0, 1, N).astype(np.float32),
        distance=np.linspace(0, 3, N).astype(np.float32),
        train=np.zeros(0),
    )
    return replace(made, **changes)


@pytest.fixture
def mapped(session: Session, results: dict[str, Callable]) -> Callable[[QueryResult], Session]:
    """Return what makes a session of new samples that were mapped onto a reference."""

    def make(query: QueryResult) -> Session:
        run = results["run"]()
        mil = replace(run.mil, reference=query.reference)
        session.add_run(replace(run, latent=query.latent, map2d=query.map2d, mil=mil, integration=None, query=query))
        return session

    return make


def _show(session: Session, color: QueryColor):
    session.color_by(ColorBy(ColorKind.QUERY, color))
    return resolve(session)


def test_colour_by_transferred_label(mapped) -> None:
    view = _show(mapped(_query()), QueryColor.LABEL)
    assert [(entry.level, entry.count) for entry in view.legend] == [("B", 15), ("NK", 15), ("T", 15), ("", 15)]
    assert "cell_type" in view.title
    assert "atlas.h5mu" in view.title


def test_a_reference_without_labels_says_so(mapped) -> None:
    nothing = _query(column="", levels=(), label=np.full(N, -1, dtype=np.int32))
    view = _show(mapped(nothing), QueryColor.LABEL)
    assert view.legend == ()
    assert "no labels" in view.title


def test_colour_by_confidence_has_the_whole_scale(mapped) -> None:
    view = _show(mapped(_query()), QueryColor.CONFIDENCE)
    assert view.scale is not None
    assert (view.scale.low, view.scale.high) == (0.0, 1.0)
    np.testing.assert_array_equal(view.numbers, _query().confidence)


def test_colour_by_distance_says_what_is_usual(mapped) -> None:
    view = _show(mapped(_query()), QueryColor.DISTANCE)
    np.testing.assert_array_equal(view.numbers, _query().distance)
    assert "usual: up to 1" in view.title


def test_cells_far_from_the_reference_are_a_level_of_their_own(mapped) -> None:
    view = _show(mapped(_query()), QueryColor.FAR)
    far, near = view.legend
    assert far.count == int((_query().distance > 1.0).sum())
    assert near.count == N - far.count
    assert far.rgb != near.rgb


@pytest.mark.parametrize("color", list(QueryColor))
def test_a_session_without_a_query_is_plain(session: Session, color: QueryColor) -> None:
    view = _show(session, color)
    assert view.legend == ()
    assert "not mapped" in view.title


def test_the_reference_lies_behind_its_own_map_only(mapped) -> None:
    session = mapped(_query())
    assert session.runs.active is not None
    assert session.view.map_key == session.runs.active.map_key
    np.testing.assert_array_equal(resolve(session).backdrop, _query().reference_map)
    assert resolve(session).backdrop is resolve(session).backdrop
    session.set_view(map_key="X_umap")
    assert resolve(session).backdrop.shape == (0, 2)
    assert resolve(session).backdrop is resolve(Session()).backdrop


def test_titles_name_the_reference_as_the_source_of_scores(mapped) -> None:
    session = mapped(_query())
    session.color_by(ColorBy(ColorKind.ATTENTION))
    assert "models trained on atlas.h5mu" in resolve(session).title
