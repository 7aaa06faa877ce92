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
# Isotype controls bind nothing. IgD, IgM and plain IgG are markers of B cells, and stay.
_ISOTYPE = re.compile(
    "|".join(
        (
            r"isotype",
            r"control[-_ ]?(antibody|ab)(?![a-z])",
            # An immunoglobulin said to be a control, with its light chain or not.
            r"(?<![a-z])ig[gmade]\d?[a-c]?([-_ ]?(kappa|lambda|k|l))?[-_ ]*(control|ctrl|ctl)",
            # Of an animal ("rag" is in published panels), or of one subclass.
            r"(?<![a-z])(mouse|rat|rag|hamster|m|r)[-_. ]?ig[gm]\d?[a-c]?(?![a-z])",
            r"(?<![a-z0-9])igg(1|2|2a|2b|2c|3)(?![a-z0-9])",
            # Called after the clone, e.g. MOPC-21 or RTK4530.
            r"(?<![a-z0-9])(mopc|mpc|rtk|htk|mg1|mg2a|mg2b)-?\d{2,}",
        )
    ),
    re.IGNORECASE,
)
_AXIS = re.compile(r"^[A-Za-z_ .-]*\d+$")
_SAMPLED_NAMES = 500


def is_isotype_control(protein: str) -> bool:
    """Say whether a protein's name is that of an isotype control, e.g. ``"Rat-IgG2b"`` or ``"IgG1_control"``."""
    return _ISOTYPE.search(protein) is not None


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
