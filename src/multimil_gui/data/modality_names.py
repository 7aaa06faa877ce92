"""Call modalities by their canonical names, whatever the file calls them."""

from __future__ import annotations

import re
from collections.abc import Sequence

RNA, ADT, ATAC, EMBEDDING = "rna", "adt", "atac", "embedding"

_BY_KEY = {
    RNA: {"rna", "gex", "gene expression", "geneexpression", "expression", "mrna", "transcriptome", "scrna", "genes"},
    ADT: {"adt", "prot", "protein", "proteins", "antibody capture", "antibodycapture", "cite", "antibody", "ab"},
    ATAC: {"atac", "peaks", "peak", "chromatin", "accessibility", "chromatin accessibility", "scatac"},
}
_PEAK = re.compile(r"^(chr)?[0-9A-Za-z._]+[:_-]\d+[-_]\d+$", re.IGNORECASE)
# Antibodies are called CD3, CD11c or CD45RA; CD3E and CD8A are genes.
_PROTEIN = re.compile(
    r"^([Aa]nti[- ]?)?([Hh]uman[- ]?|[Mm]ouse[- ]?)?"
    r"([Cc][Dd]\d+(RA|RO|[a-l])?|HLA-DR|TCR[a-z]*|tcr[a-z]*|Ig[GMD]\w*)(?![A-Za-z0-9])"
)
_AXIS = re.compile(r"^[A-Za-z_ .-]*\d+$")
_SAMPLED_NAMES = 500


def modality_of_type(feature_type: str) -> str | None:
    """Return the canonical modality of a 10x feature type, None when it is none of the three."""
    lowered = feature_type.strip().lower()
    return next((name for name, keys in _BY_KEY.items() if lowered in keys), None)


def canonical_modality(key: str, features: Sequence[str], embedding: bool) -> str:
    """Return ``rna``, ``adt``, ``atac``, ``embedding`` or, when nothing fits, a safe form of the key.

    Parameters
    ----------
    key
        The file's name of the modality; empty when it has none.
    features
        Feature names.
    embedding
        The values are dense and real, so that they may be coordinates.
    """
    by_key = modality_of_type(key.replace("_", " ")) or modality_of_type(key)
    if by_key is not None:
        return by_key
    if embedding and all(_AXIS.match(name) for name in features):
        return EMBEDDING
    looks = _by_features(features)
    if looks is not None:
        return looks
    return re.sub(r"[^0-9A-Za-z]+", "_", key).strip("_").lower() or RNA


def _by_features(features: Sequence[str]) -> str | None:
    step = max(len(features) // _SAMPLED_NAMES, 1)
    sample = features[::step]
    if not sample:
        return None
    if sum(bool(_PEAK.match(name)) for name in sample) > 0.5 * len(sample):
        return ATAC
    if len(features) <= 500 and sum(bool(_PROTEIN.match(name)) for name in sample) > 0.3 * len(sample):
        return ADT
    return None
