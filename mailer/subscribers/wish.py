"""What a reader chooses, as a value; and the same choice once it is kept."""

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """regions, kinds: ids, () = all. languages: the reader's first, then those they fall back to.

    frequency: that of a schedule, as "weekly".
    """

    regions: tuple[int, ...]
    kinds: tuple[int, ...]
    languages: tuple[str, ...]
    frequency: str

    def columns(self) -> dict[str, object]:
        """The choice as it is stored: sorted, so that the same choice is always the same row."""
        return {
            "regions": sorted(set(self.regions)),
            "kinds": sorted(set(self.kinds)),
            "languages": list(self.languages),
            "frequency": self.frequency,
        }

    @property
    def key(self) -> str:
        return hashlib.sha256(json.dumps(self.columns(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Audience(Wish):
    """A choice that is kept once, however many readers share it."""

    id: int
