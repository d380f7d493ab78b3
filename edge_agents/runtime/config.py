"""Configuration of a station: signed, validated, applied whole or not at all, with a way back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from pydantic import Field, ValidationError

from edge_agents.drivers.base import DriverConfig
from edge_agents.drivers.registry import config_class, driver_types, parse_config
from edge_agents.protocol import ProtocolError
from edge_agents.protocol.control import DesiredConfig
from edge_agents.protocol.envelope import describe
from edge_agents.protocol.local_time import LocalRules
from edge_agents.protocol.optional import without_unknown
from edge_agents.runtime.capacity import Retention
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)


class ConfigRefusedError(ValueError):
    """A configuration is not acceptable; the text is French and names the field."""


class StationConfig(LocalRules):
    """The part of a station which the coordinator owns."""

    drivers: dict[str, dict[str, Any]]
    health_interval_s: float = Field(default=60.0, gt=0)
    backup_interval_s: float = Field(default=900.0, gt=0)
    housekeeping_interval_s: float = Field(default=60.0, gt=0)
    users_max_age_h: float = Field(default=72.0, gt=0)
    retention: Retention = Retention()

    def driver_configs(self) -> dict[str, DriverConfig]:
        """Validated configuration per driver. Raises ``ConfigRefusedError``."""
        found: dict[str, DriverConfig] = {}
        for name, values in self.drivers.items():
            try:
                found[name] = parse_config(values)
            except ValueError as error:
                raise ConfigRefusedError(f"drivers.{name}.{error}") from None
        return found


def tolerant(values: dict[str, Any], may_ignore: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The configuration without the comfort settings this agent does not know, and their paths (EDG-36)."""
    kept, ignored = without_unknown(StationConfig, values, may_ignore)
    drivers = kept.get("drivers")
    if not isinstance(drivers, dict):
        return kept, ignored
    for name, driver in list(drivers.items()):
        if isinstance(driver, dict) and driver.get("type") in driver_types():
            model = config_class(str(driver["type"]))
            drivers[name], more = without_unknown(model, driver, may_ignore, f"drivers.{name}.")
            ignored += more
    return kept, ignored


def parse(values: dict[str, Any]) -> StationConfig:
    """Checks a whole configuration, drivers included. Raises ``ConfigRefusedError``."""
    try:
        config = StationConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigRefusedError(describe(error)) from None
    config.driver_configs()
    return config


class ConfigStore:
    """Configurations on the disk: the last good one, the one on trial, and which ones failed."""

    def __init__(self, directory: Path, template: dict[str, Any], public_key: str | None) -> None:
        self._directory = directory
        self._template = template
        self._public_key = public_key
        self.ignored: list[str] = []
        """Settings of the configuration last accepted that this agent is too old to know."""

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self._directory / name
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            return value if isinstance(value, dict) else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            log.warning("config.unreadable", file=name)
            return None

    def _write(self, name: str, value: dict[str, Any]) -> None:
        write_durably(self._directory / name, json.dumps(value, ensure_ascii=False).encode())

    def last_good(self) -> tuple[int | None, StationConfig]:
        """Version and content; the template of STATION.yaml (version None) until the coordinator sent one."""
        stored = self._read("good.json")
        if stored is not None:
            try:
                values, self.ignored = tolerant(stored["config"], stored.get("optional") or ())
                return int(stored["version_no"]), parse(values)
            except (ConfigRefusedError, KeyError, TypeError, ValueError) as error:
                log.error("config.last_good_unusable", reason=str(error))
        return None, parse(self._template)

    def check(self, desired: DesiredConfig) -> StationConfig:
        """Signature, version and content of a received configuration. Raises ``ConfigRefusedError``."""
        if self._public_key is None:
            raise ConfigRefusedError(
                "Aucune clé publique du coordinateur : configuration signée invérifiable."
            )
        try:
            desired.verify(self._public_key)
        except ProtocolError as error:
            raise ConfigRefusedError(error.detail) from None
        good = self._read("good.json")
        if good is not None and desired.version_no < int(good.get("version_no", 0)):
            raise ConfigRefusedError(f"Version {desired.version_no} plus ancienne que {good['version_no']}.")
        failed = self._read("failed.json")
        if failed is not None and failed.get("sha256") == desired.sha256:
            raise ConfigRefusedError(str(failed.get("reason", "Configuration déjà refusée.")))
        values, ignored = tolerant(desired.config, desired.optional)
        config = parse(values)
        self.ignored = ignored
        return config

    def is_current(self, desired: DesiredConfig) -> bool:
        """True when this very configuration is already the good one."""
        good = self._read("good.json")
        return good is not None and good.get("sha256") == desired.sha256

    def keep(self, desired: DesiredConfig) -> None:
        """The configuration passed its trial."""
        self._write("good.json", desired.model_dump(mode="json"))

    def mark_failed(self, desired: DesiredConfig, reason: str) -> None:
        """Remembers a configuration which failed, so that its retained message does not bring it back."""
        self._write("failed.json", {"sha256": desired.sha256, "reason": reason})
