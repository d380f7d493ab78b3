"""Settings an agent one version older may do without (EDG-36, EDG-50).

A configuration names, signed, which of its settings may be ignored by an agent that does not know them. Only what changes comfort
is marked so, at its field: an unknown setting that is not named there is refused as ever, so that no limit, stop, mask or
proof of identity is ever dropped in silence. What an agent ignored it reports.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

MAY_BE_IGNORED: dict[str, JsonValue] = {"x-may-be-ignored": True}
"""``Field(json_schema_extra=MAY_BE_IGNORED)``: without this setting a station is less pleasant, never less safe."""


def ignorable(model: type[BaseModel], values: Mapping[str, Any], path: str = "") -> list[str]:
    """Paths of the settings in ``values`` that the model marks as comfort."""
    found: list[str] = []
    for name, value in values.items():
        info = model.model_fields.get(name)
        if info is None:
            continue
        extra = info.json_schema_extra
        inner = info.annotation if isinstance(info.annotation, type) else None
        if isinstance(extra, dict) and extra.get("x-may-be-ignored"):
            found.append(f"{path}{name}")
        if inner is not None and issubclass(inner, BaseModel) and isinstance(value, Mapping):
            found += ignorable(inner, value, f"{path}{name}.")
    return found


def without_unknown(
    model: type[BaseModel], values: Mapping[str, Any], may_ignore: Iterable[str], path: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """The values without the unknown settings that may be ignored, and their paths.

    Any other fault is left in the values, for the model to name.
    """
    kept = copy.deepcopy(dict(values))
    allowed = set(may_ignore)
    try:
        model.model_validate(kept)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors(include_url=False) if e["type"] == "extra_forbidden"]
    else:
        return kept, []
    ignored = []
    for steps in unknown:
        name = path + ".".join(str(step) for step in steps)
        if name in allowed:
            _drop(kept, steps)
            ignored.append(name)
    return kept, ignored


def _drop(values: Any, steps: tuple[int | str, ...]) -> None:
    for step in steps[:-1]:
        values = values[step]
    del values[steps[-1]]
