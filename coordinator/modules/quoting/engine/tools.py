"""Tool choice (QUO-18): stock first if suited, then supplier article with price and delay, then ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from coordinator.modules.quoting.engine.cutting import Context, ToolChoice
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.threads import designation
from coordinator.modules.quoting.engine.values import Gap, euros, size

TYPE_LABELS = {
    "turning_rough": "Outil d'ébauche extérieure",
    "turning_finish": "Outil de finition extérieure",
    "grooving": "Outil à gorge",
    "parting": "Lame à tronçonner",
    "threading": "Outil à fileter",
    "boring_bar": "Barre d'alésage",
    "drill": "Foret",
    "spot_drill": "Foret à pointer",
    "countersink": "Fraise à chanfreiner",
    "counterbore": "Fraise à lamer",
    "reamer": "Alésoir",
    "tap": "Taraud",
    "thread_mill": "Fraise à fileter",
    "face_mill": "Fraise à surfacer",
    "end_mill": "Fraise 2 tailles",
    "boring_head": "Tête à aléser",
    "slotting": "Outil à mortaiser",
    "slitting_saw": "Fraise-scie",
    "t_slot_mill": "Fraise à rainure en T",
}


@dataclass(frozen=True, slots=True)
class ToolNeed:
    """What an operation asks of its tool. Sizes in mm; None = free."""

    tool_type: str
    diameter_mm: float | None = None
    tolerance_mm: float = 0.011
    max_diameter_mm: float | None = None
    min_diameter_mm: float | None = None
    reach_mm: float = 0.0
    pitch_mm: float | None = None
    max_width_mm: float | None = None
    max_corner_radius_mm: float | None = None
    substrate: str | None = None
    min_cut_mm: float = 0.0
    name: str = ""

    def label(self) -> str:
        """French designation as one would ask the storekeeper for it."""
        parts = [self.name or TYPE_LABELS[self.tool_type]]
        if self.tool_type == "tap":
            parts.append(designation(self.diameter_mm or 0.0, self.pitch_mm or 0.0))
        elif self.diameter_mm is not None:
            parts.append(f"Ø{size(self.diameter_mm)}")
        elif self.max_diameter_mm is not None:
            parts.append(f"Ø ≤ {size(self.max_diameter_mm)}")
        elif self.min_diameter_mm is not None:
            parts.append(f"Ø ≥ {size(self.min_diameter_mm)}")
        if self.tool_type == "thread_mill" and self.pitch_mm is not None:
            parts.append(f"pas {size(self.pitch_mm)}")
        if self.tool_type in ("slotting", "slitting_saw", "t_slot_mill") and self.max_width_mm:
            parts.append(f"largeur {size(self.max_width_mm)} mm")
        if self.min_cut_mm:
            parts.append(f"profondeur ≥ {size(self.min_cut_mm)} mm")
        if self.reach_mm:
            parts.append(f"portée ≥ {size(self.reach_mm)} mm")
        return ", ".join([" ".join(parts[:2]), *parts[2:]])


def matches(need: ToolNeed, tool: Tool, ctx: Context) -> bool:
    """Feature and size, reach, ISO 513 group, holder, life left."""
    d = tool.diameter_mm
    if tool.tool_type != need.tool_type or not tool.cuts(ctx.group.code) or not tool.fits(ctx.machine):
        return False
    if need.diameter_mm is not None and (d is None or abs(d - need.diameter_mm) > need.tolerance_mm):
        return False
    if need.max_diameter_mm is not None and (d is None or d > need.max_diameter_mm + 1e-6):
        return False
    if need.min_diameter_mm is not None and (d is None or d < need.min_diameter_mm - 1e-6):
        return False
    if need.pitch_mm is not None and tool.pitch_mm is not None and abs(tool.pitch_mm - need.pitch_mm) > 0.01:
        return False
    if need.max_width_mm is not None and (tool.width_mm is None or tool.width_mm > need.max_width_mm + 1e-6):
        return False
    if need.max_corner_radius_mm is not None and (tool.corner_radius_mm or 0.0) > need.max_corner_radius_mm:
        return False
    if need.substrate is not None and tool.substrate != need.substrate:
        return False
    if tool.cutting_length_mm is not None and tool.cutting_length_mm < need.min_cut_mm:
        return False
    return tool.usable_length_mm is None or tool.usable_length_mm >= need.reach_mm


_USUAL_REACH_RATIO = 5.0
_LONG_TOOLS = ("drill", "end_mill", "reamer", "boring_bar")
Preference = Callable[[Tool], tuple[float, ...]]


def _closest(need: ToolNeed) -> Preference:
    def rank(tool: Tool) -> tuple[float, ...]:
        d = tool.diameter_mm or 0.0
        off = abs(d - need.diameter_mm) if need.diameter_mm is not None else -d
        return (off, -(tool.width_mm or 0.0), tool.usable_length_mm or 0.0)

    return rank


def in_stock(need: ToolNeed, ctx: Context, prefer: Preference | None = None) -> Tool | None:
    """Best tool of the shop for the need; one already mounted on the machine wins at equal rank."""
    found = [t for t in ctx.shop.tools if t.in_stock and matches(need, t, ctx)]
    return _best(found, need, ctx, prefer)


def _best(found: Iterable[Tool], need: ToolNeed, ctx: Context, prefer: Preference | None) -> Tool | None:
    rank = prefer or _closest(need)
    return min(found, key=lambda t: (rank(t), ctx.machine.code not in t.mounted_in, t.code), default=None)


def from_supplier(need: ToolNeed, ctx: Context, prefer: Preference | None = None) -> ToolChoice | None:
    """A supplier article for the need, with the gap that names price and delay."""
    found = _best((t for t in ctx.shop.supplier_items if matches(need, t, ctx)), need, ctx, prefer)
    if found is None:
        return None
    price = euros(found.price) if found.price is not None else "prix à demander"
    gap = Gap(
        "tool",
        need.label(),
        (f"Achat {found.code} {found.name}, {found.supplier} : {price}, {found.delay_days} j",),
        "Outil absent du stock.",
        float(found.price) if found.price is not None else None,
        found.delay_days,
    )
    return ToolChoice(found, "supplier", gap)


def to_ask(need: ToolNeed, ctx: Context, alternatives: tuple[str, ...] = ()) -> ToolChoice:
    """No stock, no article: the operation is computed with an ideal tool at an estimated price, and the user is asked."""
    costs = ctx.shop.settings.costs
    d = need.diameter_mm or need.max_diameter_mm or need.min_diameter_mm or 12.0
    if need.tool_type == "drill" and need.tolerance_mm > 0.05:
        d = round(round(d / 0.05) * 0.05, 2)
        need = replace(need, diameter_mm=d)
    soft = (
        need.tool_type in ("tap", "reamer", "counterbore", "countersink", "slitting_saw")
        and ctx.group.code != "H"
    )
    substrate = need.substrate or ("hss" if soft else "carbide")
    usual = costs.tool_price_base[substrate] + costs.tool_price_per_mm[substrate] * d
    longer = max(1.0, need.reach_mm / (_USUAL_REACH_RATIO * d)) if need.tool_type in _LONG_TOOLS else 1.0
    price = Decimal(str(round(usual * longer, 2)))
    teeth = {
        "end_mill": 4,
        "face_mill": 5,
        "reamer": 6,
        "thread_mill": 4,
        "slitting_saw": 40,
        "t_slot_mill": 6,
    }.get(need.tool_type, 2)
    tool = Tool(
        f"À ACHETER {need.label()}",
        need.label(),
        need.tool_type,
        d,
        need.reach_mm or None,
        need.min_cut_mm or need.reach_mm or None,
        corner_radius_mm=0.4 if "turning" in need.tool_type or "boring" in need.tool_type else 0.0,
        teeth=teeth,
        width_mm=need.max_width_mm,
        pitch_mm=need.pitch_mm,
        substrate=substrate,
        price=price,
        quantity=0,
        delay_days=costs.tool_delay_days,
    )
    ways = (*alternatives, f"Achat, prix estimé {euros(price)} à confirmer", "Sous-traitance de l'opération")
    gap = Gap(
        "tool",
        need.label(),
        ways,
        "Outil absent du stock et du catalogue.",
        float(price),
        costs.tool_delay_days,
    )
    return ToolChoice(tool, "ask", gap)


def choose(
    need: ToolNeed, ctx: Context, prefer: Preference | None = None, alternatives: tuple[str, ...] = ()
) -> ToolChoice:
    """Stock, then supplier article, then ask (QUO-18)."""
    tool = in_stock(need, ctx, prefer)
    if tool is not None:
        return ToolChoice(tool)
    return from_supplier(need, ctx, prefer) or to_ask(need, ctx, alternatives)


def edge_cost_per_min(tool: Tool, insert_life: float, carbide_life: float, hss_life: float) -> Decimal:
    """QUO-31: edge price / life, € per minute of cut. Zero if the tool carries no price."""
    if tool.price is None:
        return Decimal(0)
    default = (
        insert_life if tool.edge_count > 1 else (carbide_life if tool.substrate == "carbide" else hss_life)
    )
    life = tool.edge_life_min or default
    return tool.price / Decimal(tool.edge_count) / Decimal(str(life))
