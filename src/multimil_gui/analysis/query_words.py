"""A query in words: one place, so that window, report and command line say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multimil_gui.analysis.query_result import QueryResult
from multimil_gui.analysis.result import MILResult


def predicted_by(mil: MILResult) -> str:
    """Say whose models predicted the samples: those of a reference, or some that never saw the donor."""
    if mil.reference:
        return f"models trained on {mil.reference}, which saw none of these samples"
    return "models that never saw the donor"


def query_in_words(query: QueryResult) -> tuple[str, ...]:
    """Say what was mapped, how well the file fits to the reference, and what became of the cells."""
    details: Mapping[str, Any] = query.details
    said = [_learnt(query), *(_features(found) for found in details.get("features", ()))]
    said.append(
        f"{query.far.mean():.1%} of the cells lie farther from the reference than 99 % of its own cells do; expect about "
        "1 % when nothing is new. Fewer do not prove that nothing is: new types may land beside known ones."
    )
    if query.levels:
        said.append(
            f"Labels ({query.column}) were transferred with a mean confidence of {query.confidence.mean():.2f}."
        )
    known = details.get("known_labels")
    if known:
        said.append(f"Of {known['cells']:,} cells whose type is known, {known['same']:.1%} got this label.")
    quality = details.get("quality")
    if quality and quality.get("total") is not None:
        said.append(
            f"Mapping quality, with reference and query as two batches: scIB total {quality['total']:.2f} (biology "
            f"{quality['bio']:.2f}, mixing {quality['batch']:.2f})."
        )
    return tuple(said)


def _learnt(query: QueryResult) -> str:
    text = f"{len(query.latent):,} cells were mapped with {' and '.join(query.modalities)}."
    levels: Mapping[str, Any] = query.details.get("covariates", {})  # type: ignore[assignment]
    new = [f"{name} ({', '.join(found['new'])})" for name, found in levels.items() if found["new"]]
    if not new:
        return f"{text} No covariate had a new level, so nothing was learnt."
    return f"{text} New levels were learnt of {'; '.join(new)}; everything else of the fit stayed as it was."


def _features(found: Mapping[str, Any]) -> str:
    total = found["matched"] + found["missing"]
    return f"{found['modality']}: {found['matched']:,} of {total:,} features of the fit are in the file."
