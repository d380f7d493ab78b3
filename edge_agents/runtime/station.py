"""STATION.yaml: who this station is and where its coordinator is, before any configuration arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agents.protocol.envelope import StationId, describe

Kind = Literal["cabinet_camera", "rack_camera", "scan_station", "machine_agent", "site_gateway"]


class StationFileError(ValueError):
    """STATION.yaml cannot be used; the text is French and names the field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerSettings(_Strict):
    """MQTT broker. Without ``tls`` the link is only accepted on the machine itself."""

    host: str
    port: int = Field(default=8883, ge=1, le=65535)
    tls: bool = True
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    allow_plain: bool = False


class LinkSettings(_Strict):
    """Pace of the link; delays in seconds."""

    keepalive_s: int = Field(default=30, ge=5)
    min_delay_s: float = Field(default=1.0, gt=0)
    max_delay_s: float = Field(default=60.0, gt=0)
    window: int = Field(default=500, ge=1)
    events_per_s: float = Field(default=500.0, gt=0)
    telemetry_per_s: float = Field(default=50.0, gt=0)
    ack_timeout_s: float = Field(default=30.0, gt=0)


class LogSettings(_Strict):
    max_mb: float = Field(default=100.0, gt=0)
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class StationFile(_Strict):
    """Content of STATION.yaml; relative paths are relative to the file."""

    station_id: StationId | None = None
    site: StationId | None = None
    kind: Kind
    roles: list[Kind] = []
    data_dir: Path
    broker: BrokerSettings | None = None
    api_url: str | None = None
    api_ca_file: Path | None = None
    config_public_key: str | None = None
    trust_clock: Literal["auto", "yes", "no"] = "auto"
    reboot_command: list[str] = ["systemctl", "reboot"]
    media_dir: Path = Path("/media/usinage")
    config_trial_s: float = Field(default=120.0, gt=0)
    link: LinkSettings = LinkSettings()
    log: LogSettings = LogSettings()
    config: dict[str, Any]


def load_station(path: Path) -> StationFile:
    """Reads STATION.yaml. Raises ``StationFileError``."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise StationFileError(f"{path} : fichier illisible ({error}).") from None
    if not isinstance(values, dict):
        raise StationFileError(f"{path} : un dictionnaire YAML est attendu.")
    try:
        station = StationFile.model_validate(values)
    except ValidationError as error:
        raise StationFileError(f"{path} : {describe(error)}") from None
    base = path.resolve().parent
    updates: dict[str, Any] = {"data_dir": base / station.data_dir}
    if station.api_ca_file:
        updates["api_ca_file"] = base / station.api_ca_file
    if station.broker:
        files = {
            name: base / value
            for name in ("ca_file", "cert_file", "key_file")
            if (value := getattr(station.broker, name)) is not None
        }
        updates["broker"] = station.broker.model_copy(update=files)
    return station.model_copy(update=updates)
