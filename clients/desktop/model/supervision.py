"""What the supervision of the stations says, in words (EDG-39, EDG-40)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from clients.desktop.model.formatting import NO_BREAK, number
from clients.desktop.model.texts import t, tn

_TONES = {"online": ("success", "check"), "fault": ("warning", "alert"), "offline": ("danger", "alert")}


def look(station: Mapping[str, Any]) -> tuple[str, str, str]:
    """Word, tone and sign of a station's state."""
    if station.get("is_revoked"):
        return t("station.state.revoked"), "neutral", "dashed"
    if station.get("is_quarantined"):
        return t("station.state.quarantine"), "danger", "alert"
    if station.get("is_in_maintenance"):
        return t("station.state.maintenance"), "info", "circle"
    status = str(station.get("status") or "offline")
    tone, sign = _TONES.get(status, ("neutral", "circle"))
    return t(f"station.state.{status}"), tone, sign


def since(moment: str | None, now: dt.datetime) -> str:
    """How long ago, in the largest fitting unit."""
    if not moment:
        return t("station.never")
    seconds = max(0, int((now - dt.datetime.fromisoformat(moment.replace("Z", "+00:00"))).total_seconds()))
    for name, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return tn(f"station.ago.{name}", seconds // length)
    return t("station.ago.now")


def facts(station: Mapping[str, Any], now: dt.datetime) -> list[tuple[str, str]]:
    """Lines of a station's card: name and value, only what is known."""
    update = station.get("update") or {}
    waiting = station.get("queue_depth")
    found = [
        ("contact", since(station.get("last_contact_at"), now)),
        ("place", str(station.get("place") or "")),
        ("queue", tn("station.messages", waiting) if waiting else ""),
        ("software", " · ".join(_versions(station))),
        ("temperature", _number(station.get("temperature_c"), "°C")),
        ("disk", _number(_giga(station.get("disk_free_mb")), "Go")),
        ("clock", _number(station.get("clock_offset_s"), "s") if abs(station.get("clock_offset_s") or 0) > 0.5 else ""),
        ("address", str(station.get("address") or "")),
        ("update", f"{update.get('to_version')} — {update.get('detail') or t('station.update.running')}" if update else ""),
        ("system", _system(station.get("system_updates"))),
        ("installation", tn("station.open_points", len(station.get("open_points") or [])) if station.get("open_points") else ""),
    ]  # fmt: skip
    return [(name, value) for name, value in found if value]


def concern(code: str, detail: str) -> str:
    """Sentence of one concern."""
    return t(f"station.concern.{code}", detail=detail).strip(" :")


def alert(found: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Sentence of one grouped alert."""
    if found["code"] == "site_offline":
        return t("station.concern.site_offline", site=found["site"], count=len(found["stations"]))
    (code,) = found["stations"]
    return f"{names.get(code, code)} : {concern(str(found['code']), str(found.get('detail') or ''))}"


def _versions(station: Mapping[str, Any]) -> list[str]:
    found = [str(station["software_version"])] if station.get("software_version") else []
    if station.get("config_version"):
        found.append(t("station.config", version=station["config_version"]))
    models = station.get("models") or {}
    return found + [f"{name} {version}" for name, version in sorted(models.items())]


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{number(value, 1)}{NO_BREAK}{unit}"


def _giga(mega: float | None) -> float | None:
    return None if mega is None else mega / 1000


def _system(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    if not found.get("checked_at"):
        return str(found.get("system") or "")
    day = dt.datetime.fromisoformat(str(found["checked_at"]).replace("Z", "+00:00")).strftime("%d/%m/%Y")
    return (
        f"{found.get('system')} · {tn('station.system_updates', len(found.get('packages') or []), day=day)}"
    )
