"""Optional analyses of a machine camera, each approved by a person for that camera (MCH-34). Shared by form and agent.

Only what a station can honestly tell from pictures is offered: that something moves. It does not know who or what, and smoke or
persons are not recognised.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agents.protocol.local_time import QuietHours

Share = Annotated[float, Field(ge=0, le=1)]
Zone = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=40)]
REASON = "analysis."
"""Begins the reason of a clip an analysis asked for."""


class CameraAnalysis(BaseModel):
    """Movement outside hours (``hours`` are those in which nothing should move), or inside a zone drawn in parts of the picture.

    ``share`` is the changed part of the watched area that counts, ``hold_s`` how long it must go on, ``rest_s`` the time to the next alert.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["movement_off_hours", "movement_in_zone"]
    approved_by: str = Field(min_length=2, max_length=120)
    approved_on: dt.date
    hours: QuietHours | None = None
    zone: Zone | None = None
    share: float = Field(default=0.01, gt=0, le=1)
    hold_s: float = Field(default=1.0, ge=0, le=60)
    rest_s: float = Field(default=300.0, ge=5, le=86_400)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "movement_off_hours" and self.hours is None:
            raise ValueError("movement_off_hours demande hours")
        if self.kind == "movement_in_zone" and self.zone is None:
            raise ValueError("movement_in_zone demande zone")
        return self
