"""Finds features by any part of their name, among tens of thousands, as fast as keys are pressed."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from multimil_gui.data.store import Store

#: Matches offered at most, and features remembered.
LIMIT = 50
RECENT = 8


@dataclass(frozen=True)
class Feature:
    """One feature of one modality."""

    name: str
    modality: str


class FeatureSearch:
    """Searches the features of all modalities; names that begin with the text come before those that contain it.

    Parameters
    ----------
    features
        Names by modality.
    """

    def __init__(self, features: Mapping[str, Sequence[str]]) -> None:
        self.modalities = tuple(features)
        written = [(name, modality) for modality, names in features.items() for name in names]
        lower = [name.lower() for name, _ in written]
        # Stable: of the same name, the modality that comes first.
        order = sorted(range(len(lower)), key=lower.__getitem__)
        self._lower = [lower[i] for i in order]
        self._features = [written[i] for i in order]
        self._lengths = np.array([len(name) for name in self._lower], dtype=np.int32)
        # One text of all names: finding a part of a name in it is a single scan in C. No name holds a line feed in between.
        cleaned = [lower.replace("\n", " ") for lower in self._lower]
        self._text = "\n".join(cleaned)
        self._starts = np.concatenate([[0], np.cumsum([len(lower) + 1 for lower in cleaned])]).astype(np.int64)
        self._recent: list[Feature] = []

    def __len__(self) -> int:
        return len(self._features)

    @property
    def recent(self) -> tuple[Feature, ...]:
        """The features remembered, the last one first."""
        return tuple(self._recent)

    def remember(self, feature: Feature) -> None:
        """Put a feature on top of what was chosen before."""
        self._recent = [feature, *(other for other in self._recent if other != feature)][:RECENT]

    def exact(self, text: str) -> tuple[Feature, ...]:
        """Return the features of this name in any case; those written in the same case first."""
        wanted = text.strip().lower()
        found = [self._at(i) for i in range(bisect_left(self._lower, wanted), bisect_right(self._lower, wanted))]
        return tuple(sorted(found, key=lambda feature: feature.name != text.strip()))

    def matches(self, text: str, limit: int = LIMIT) -> tuple[Feature, ...]:
        """Return the features whose names contain ``text``, best first; for an empty text those chosen before.

        Best are the name itself, then features chosen before, then shorter names that begin with the text, then those
        that contain it.
        """
        wanted = " ".join(text.split()).lower()
        if not wanted:
            return tuple(self._recent[:limit])
        found = dict.fromkeys(self.exact(wanted))
        found.update(dict.fromkeys(feature for feature in self._recent if wanted in feature.name.lower()))
        low = bisect_left(self._lower, wanted)
        high = bisect_left(self._lower, wanted + chr(0x10FFFF))
        order = low + np.argsort(self._lengths[low:high], kind="stable")[:limit]
        found.update(dict.fromkeys(self._at(int(i)) for i in order))
        if len(found) < limit:
            found.update(dict.fromkeys(self._containing(wanted, limit)))
        return tuple(found)[:limit]

    def _containing(self, wanted: str, limit: int) -> list[Feature]:
        """Return some features that contain but do not begin with the text, shorter names first."""
        places: list[int] = []
        at = self._text.find(wanted)
        # Of a frequent part a few hundred are enough to offer the shortest of.
        while at >= 0 and len(places) < 20 * limit:
            place = int(np.searchsorted(self._starts, at, side="right")) - 1
            if self._starts[place] != at:
                places.append(place)
            at = self._text.find(wanted, int(self._starts[place + 1]))
        places.sort(key=lambda place: (self._lengths[place], place))
        return [self._at(place) for place in places[:limit]]

    def _at(self, place: int) -> Feature:
        return Feature(*self._features[place])


_SEARCHES: WeakKeyDictionary[Store, FeatureSearch] = WeakKeyDictionary()


_BUILDING = threading.Lock()


def feature_search(store: Store) -> FeatureSearch:
    """Return the search over all modalities of a store, the same one every time (it remembers what was chosen).

    The first call takes some tenths of a second; it may come from any thread.
    """
    with _BUILDING:
        if store not in _SEARCHES:
            _SEARCHES[store] = FeatureSearch({name: store.features(name) for name in store.index.modalities})
        return _SEARCHES[store]
