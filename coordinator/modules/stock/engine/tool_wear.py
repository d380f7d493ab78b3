"""How much of a tool's life a cycle used, measured or estimated (STK-06). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class PlannedTool:
    """A tool of an operation; ``cutting_min``: planned minutes for one part, ``None`` where nobody planned it."""

    tool_id: int
    cutting_min: Decimal | None


def estimate_min(tools: Sequence[PlannedTool], duration_min: Decimal, parts: int) -> dict[int, Decimal]:
    """Minutes each tool probably worked in a cycle.

    Planned minutes count once per part; together tools never work longer than the cycle took. A cycle that made no
    part (interrupted) is shared in the planned proportion. Tools without planned minutes share what is left evenly.
    """
    known = {t.tool_id: t.cutting_min for t in tools if t.cutting_min is not None}
    unknown = [t.tool_id for t in tools if t.cutting_min is None]
    planned = sum(known.values(), ZERO) * max(parts, 1)
    if parts <= 0 and not unknown:
        factor = duration_min / planned if planned else ZERO
    else:
        factor = min(Decimal(1), duration_min / planned) if planned else ZERO
    found = {tool_id: minutes * max(parts, 1) * factor for tool_id, minutes in known.items()}
    left = max(ZERO, duration_min - sum(found.values(), ZERO))
    found |= {tool_id: left / len(unknown) for tool_id in unknown}
    return {tool_id: round(minutes, 2) for tool_id, minutes in found.items() if round(minutes, 2) > 0}


def life_pct(
    used_min: Decimal, used_parts: int, life_min: int | None, life_parts: int | None
) -> Decimal | None:
    """Share of a life used, in percent, by minutes or parts, whichever is further on; ``None`` without a known life."""
    shares = [100 * used_min / life_min] if life_min else []
    if life_parts:
        shares.append(Decimal(100 * used_parts) / life_parts)
    return round(max(shares), 1) if shares else None
