"""Configuration of a machine camera. It stays off until what the law asks for is recorded (MCH-35, MCH-36)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agents.drivers.base import DriverConfig
from edge_agents.protocol.camera_analysis import CameraAnalysis
from edge_agents.protocol.optional import MAY_BE_IGNORED

Share = Annotated[float, Field(ge=0, le=1)]
MAX_RETENTION_DAYS = 30.0


class Declaration(BaseModel):
    """What has to be done before a camera may look: people informed, works council heard (or why not), sign at the entrance."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    employees_informed_on: date
    cse_consulted_on: date | None = None
    no_cse_because: str | None = Field(default=None, min_length=5, max_length=300)
    sign_posted_on: date
    responsible: str = Field(min_length=1, max_length=120)

    @model_validator(mode="after")
    def _council_heard_or_absent(self) -> Self:
        if (self.cse_consulted_on is None) == (self.no_cse_because is None):
            raise ValueError("cse_consulted_on ou no_cse_because, l'un des deux (code du travail L2312-38)")
        return self


class MachineCameraConfig(DriverConfig):
    """``source`` is an address (rtsp, http with MJPEG), a video file, or a folder of images that is played in turn.

    ``scene_share`` is the changed share of the picture above which a taught scene is told as different (MCH-22 c).
    ``masks`` are polygons in shares of width and height, blackened before anything is kept. There is no sound and no
    recording: ``before_s`` seconds stay in memory, a clip is made for an event only and kept ``retention_days`` at most.
    """

    type: Literal["machine_camera"]
    camera_code: str = Field(min_length=1, max_length=64)
    machine_code: str | None = None
    source: str = Field(min_length=1)
    credentials_file: Path | None = None
    active: bool = False
    purpose: Literal["machine_interior", "machine_side", "stock", "security", "other"] | None = None
    declaration: Declaration | None = None
    masks: tuple[Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3)], ...] = ()
    fps: float = Field(default=4.0, gt=0, le=15)
    width_px: int = Field(default=960, ge=160, le=1920)
    quality: int = Field(default=75, ge=30, le=95, json_schema_extra=MAY_BE_IGNORED)
    before_s: float = Field(default=30.0, gt=0, le=60)
    after_s: float = Field(default=60.0, gt=0, le=120)
    ring_mb: float = Field(default=48.0, gt=0, le=256)
    retention_days: float = Field(default=MAX_RETENTION_DAYS, gt=0, le=MAX_RETENTION_DAYS)
    covered_below: float = Field(default=6.0, ge=0, le=128)
    alert_after_s: float = Field(default=300.0, gt=0)
    scene_share: float = Field(default=0.012, gt=0, le=1)
    min_delay_s: float = Field(default=1.0, gt=0)
    max_delay_s: float = Field(default=60.0, gt=0)
    socket_port: int = Field(default=0, ge=0, le=65535)
    analyses: tuple[CameraAnalysis, ...] = ()

    @model_validator(mode="after")
    def _keeps_its_secret(self) -> Self:
        if "@" in urlsplit(self.source).netloc:
            raise ValueError("source : utilisateur et mot de passe vont dans credentials_file")
        return self

    @model_validator(mode="after")
    def _declared(self) -> Self:
        if self.active and (self.purpose is None or self.declaration is None):
            raise ValueError("une caméra active demande purpose et declaration (MCH-35, MCH-36)")
        if self.active and self.purpose == "machine_side" and not self.masks:
            raise ValueError("une caméra à côté d'une machine demande des masks : aucun poste n'est filmé")
        return self
