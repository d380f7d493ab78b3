"""From which confidence a camera's detection is posted, and what becomes of the others (VIS-14): the same rule at the station and in the office."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

AUTO_LEAST_PCT: Final = 80
"""Below it, more than one posting in five would be wrong at the limit: nothing is posted alone, whatever is asked for."""
REVIEW_LEAST_PCT: Final = 50
"""Below it a detection is more often wrong than right: it is never posted before a person looked."""
Handling = Literal["auto", "confirm", "review"]
"""``auto``: posted; ``confirm``: posted provisionally, a person confirms; ``review``: posted once a person said so."""
_ORDER: tuple[Handling, ...] = ("auto", "confirm", "review")


class Limits(BaseModel):
    """Confidence in %: ``auto`` from ``auto_pct``, ``confirm`` from ``review_pct``, ``review`` below."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    auto_pct: float = Field(ge=AUTO_LEAST_PCT, le=100)
    review_pct: float = Field(ge=REVIEW_LEAST_PCT, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> Limits:
        if self.review_pct > self.auto_pct:
            raise ValueError("review_pct dépasse auto_pct")
        return self

    def handling(self, confidence_pct: float) -> Handling:
        """What becomes of a detection of this confidence."""
        if confidence_pct >= self.auto_pct:
            return "auto"
        return "confirm" if confidence_pct >= self.review_pct else "review"


class Thresholds(Limits):
    """Limits of a station, and those of the places (``PLACE``) and of the items there (``PLACE/ITEM``) that have others."""

    places: Mapping[str, Limits] = Field(default_factory=dict, max_length=5000)

    def of(self, place: str, item: str | None) -> Limits:
        """Limits of an item at a place."""
        own = self.places.get(f"{place}/{item}") if item else None
        return own or self.places.get(place) or self


def stricter(first: Handling, second: Handling) -> Handling:
    """The one that asks a person sooner."""
    return max(first, second, key=_ORDER.index)
