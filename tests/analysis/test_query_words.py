"""A query in words."""

from __future__ import annotations

import numpy as np
import pytest

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.analysis.query_words import predicted_by, query_in_words
from multimil_gui.analysis.result import CellScores, MILResult, Predictions

N = 200


def _query(**details: object) -> QueryResult:
    return QueryResult(
        reference="atlas.h5mu",
        latent=np.zeros((N, 3), dtype=np.float32),
        modality_weight=np.ones((N, 2), dtype=np.float32),
        modalities=("rna", "adt"),
        map2d=None,
        reference_map=None,
        column="cell_type",
        levels=("B", "T"),
        label=np.zeros(N, dtype=np.int32),
        confidence=np.full(N, 0.75, dtype=np.float32),
        distance=np.r_[np.ones(N - 5), np.full(5, 9)].astype(np.float32),
        train=np.zeros(3),
        details=details,
    )


def test_everything_that_is_known_is_told() -> None:
    features = {"modality": "rna", "matched": 1_900, "missing": 100}
    said = " ".join(
        query_in_words(
            _query(
                features=[features],
                covariates={"batch": {"known": ["b1"], "new": ["b7", "b8"]}, "site": {"known": ["A"], "new": []}},
                known_labels={"cells": 150, "same": 0.9},
                quality={"total": 0.7, "bio": 0.8, "batch": 0.55},
            )
        )
    )
    assert "200 cells were mapped with rna and adt." in said
    assert "New levels were learnt of batch (b7, b8);" in said
    assert "site" not in said
    assert "rna: 1,900 of 2,000 features" in said
    assert "2.5% of the cells lie farther" in said
    assert "mean confidence of 0.75" in said
    assert "Of 150 cells whose type is known, 90.0% got this label." in said
    assert "scIB total 0.70" in said


def test_nothing_is_told_that_is_not_known() -> None:
    said = " ".join(query_in_words(_query(covariates={"batch": {"known": ["b1"], "new": []}})))
    assert "nothing was learnt" in said
    assert "scIB" not in said
    assert "whose type is known" not in said


@pytest.mark.parametrize(("reference", "words"), [("atlas.h5mu", "trained on atlas.h5mu"), ("", "never saw the donor")])
def test_it_is_told_whose_models_predicted(reference: str, words: str) -> None:
    nothing = np.zeros(0, dtype=np.float32)
    cells = CellScores(nothing, nothing, nothing, nothing)
    said = Predictions(nothing, nothing, {})
    mil = MILResult(("a", "b"), nothing, cells, said, cells, said, (), (), (), {}, reference=reference)
    assert words in predicted_by(mil)
