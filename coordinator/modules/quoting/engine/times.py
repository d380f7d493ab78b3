"""Times of an operation and of a set-up (QUO-27 to QUO-29), minutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coordinator.modules.quoting.engine.cutting import Cut
from coordinator.modules.quoting.engine.settings import TimeSettings
from coordinator.modules.quoting.engine.shop import Machine
from coordinator.modules.quoting.engine.values import Value, number


@dataclass(frozen=True, slots=True)
class RunTime:
    """Run time of one operation per piece, with the parts it is made of."""

    cut_min: float
    rapid_min: float
    tool_change_min: float
    safety_min: float
    learned_factor: float = 1.0

    @property
    def run_min(self) -> float:
        """Minutes per piece; ``safety_min`` already stands on the learned time."""
        return (self.cut_min + self.rapid_min + self.tool_change_min) * self.learned_factor + self.safety_min

    def value(self, safety_pct: float) -> Value:
        inputs: dict[str, float | str] = {
            "coupe": self.cut_min,
            "rapides": self.rapid_min,
            "changement d'outil": self.tool_change_min,
            "sécurité %": safety_pct,
            "dont sécurité": self.safety_min,
        }
        formula, source = "(coupe + rapides + changements) × (1 + sécurité)", "calcul"
        if self.learned_factor != 1.0:
            inputs["facteur appris"] = self.learned_factor
            formula, source = formula + " × facteur appris", "calcul, facteur appris accepté"
        return Value(self.run_min, "min", formula, inputs, source)


def run_times(
    cuts: Sequence[Cut],
    machine: Machine,
    rules: TimeSettings,
    learned: Callable[[str], float] = lambda _: 1.0,
) -> list[RunTime]:
    """Cutting + rapids + tool changes, with the owner's safety once, on machining time only (QUO-27).

    The rapids of QUO-28 count once per feature, on its first operation: spotting, drilling and reaming one pattern of
    equal holes, or roughing and finishing one outline, are one feature; each further position adds its short way.
    """
    change = machine.tool_change_min
    if change is None:
        change = rules.tool_change_turret_min if machine.can_turn else rules.tool_change_mill_min
    found, mounted, features = [], "", set[str]()
    for cut in cuts:
        code = cut.choice.tool.code if cut.choice else ""
        swap = change if code and code != mounted else 0.0
        mounted = code or mounted
        further = max(cut.positions, 1) - 1
        rapid = rules.rapid_per_further_position_min * further + cut.entry_min
        if not cut.feature or cut.feature not in features:
            rapid += rules.rapid_per_feature_min
        features.add(cut.feature)
        base = cut.cut_min.value + rapid + swap
        factor = learned(cut.operation_type)
        safety = base * factor * rules.time_safety_pct / 100
        found.append(RunTime(cut.cut_min.value, rapid, swap, safety, factor))
    return found


def loading_min(mass_kg: float, rules: TimeSettings) -> float:
    """Loading and unloading one piece by its mass; the heaviest class is the hoist."""
    limits = rules.loading_min
    for limit, minutes in limits:
        if mass_kg < limit:
            return minutes
    return limits[-1][1]


def setup_min(
    kind: str, machine: Machine, cuts: Sequence[Cut], known: set[str], rules: TimeSettings
) -> Value:
    """Set-up of one clamping: base + 3 per tool not in the machine + first-part check. ``known`` = tools already in."""
    base = {
        "turning": rules.setup_turning_min,
        "3_axis": rules.setup_3_axis_min,
        "5_axis": rules.setup_5_axis_min,
    }[kind]
    if machine.setup_time_min is not None:
        base = machine.setup_time_min
    missing = {
        cut.choice.tool.code
        for cut in cuts
        if cut.choice and machine.code not in cut.choice.tool.mounted_in and cut.choice.tool.code not in known
    }
    total = base + rules.setup_per_missing_tool_min * len(missing) + rules.setup_first_part_min
    inputs: dict[str, float | str] = {
        "base": base,
        "outils à monter": float(len(missing)),
        "min/outil": rules.setup_per_missing_tool_min,
        "première pièce": rules.setup_first_part_min,
    }
    return Value(
        total, "min", "base + outils à monter × min/outil + première pièce", inputs, f"réglage {machine.code}"
    )


def sawing_min(section_cm2: float, rate_cm2_min: float, rules: TimeSettings, cuts: float = 1.0) -> Value:
    """Section / saw rate + a time per cut; ``cuts`` may be a share of a cut made for several pieces."""
    inputs: dict[str, float | str] = {
        "section cm²": section_cm2,
        "débit de scie cm²/min": rate_cm2_min,
        "coupes": cuts,
    }
    total = section_cm2 / rate_cm2_min + cuts * rules.saw_per_cut_min
    formula = f"section/débit + coupes·{number(rules.saw_per_cut_min)} min"
    return Value(total, "min", formula, inputs, "table matières")


_ISO_2859_LEVEL_2 = (
    (8, 2), (15, 3), (25, 5), (50, 8), (90, 13), (150, 20), (280, 32), (500, 50), (1200, 80), (3200, 125), (10000, 200),
    (35000, 315), (150000, 500), (500000, 800),
)  # fmt: skip


def inspected_parts(quantity: int, all_parts: bool, rules: TimeSettings) -> float:
    """Parts measured in a batch: all for critical parts, else a share with a minimum number of parts, in a large batch no
    more than the sample of ISO 2859-1, general level II, single sampling."""
    if all_parts:
        return float(quantity)
    sample = next((n for limit, n in _ISO_2859_LEVEL_2 if quantity <= limit), 1250)
    share = min(quantity * rules.inspection_sampling_pct / 100, float(sample))
    return min(float(quantity), max(float(rules.inspection_sampling_min_parts), share))


def programming_min(complexity: str, rules: TimeSettings) -> float:
    """30, 90 or 240 minutes by complexity (``simple|moderate|complex``)."""
    return dict(zip(("simple", "moderate", "complex"), rules.programming_min, strict=True))[complexity]
