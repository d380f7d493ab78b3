"""What the payloads are made of: the plain types and the base of every model."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Code = Annotated[str, StringConstraints(min_length=1, max_length=256)]
RawCode = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Pieces = Annotated[int, Field(ge=0, le=10_000_000)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, le=1e9)]
PositiveAmount = Annotated[float, Field(gt=0, allow_inf_nan=False, le=1e9)]
Confidence = Annotated[float, Field(ge=0, le=1)]
Means = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]


class Payload(BaseModel):
    """Base of all payloads."""

    model_config = ConfigDict(extra="ignore", frozen=True)
