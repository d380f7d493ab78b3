"""Times of an operation and of a set-up (QUO-27 to QUO-29), minutes."""

from __future__ import annotations

import math
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
    parts: int = 1
    """Parts in the clamping, which share each tool change."""
    spindle_min: float = 0.0
    """Share of the rapids in which the spindle changes speed."""

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
        if self.spindle_min:
            inputs["dont mise en vitesse de broche"] = self.spindle_min
        if self.parts > 1:
            inputs["pièces par bridage"] = float(self.parts)
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
    together: Together | None = None,
    across_mm: float = 0.0,
) -> list[RunTime]:
    """Cutting + rapids + tool changes, with the owner's safety once, on machining time only (QUO-27).

    The rapids of QUO-28 count once per feature, on its first operation: spotting, drilling and reaming one pattern of
    equal holes, or roughing and finishing one outline, are one feature; each further position adds its short way.
    The tool that ends a clamping stands ready for the next one: a clamping with a single tool changes none (the first time it
    is part of the set-up).
    Of parts milled together each tool is called once per clamping; on the next part its way is that of a further position,
    as with equal holes. A tool of a feature already
    counted still waits for the spindle on a lathe (:func:`spindle_swing_min`); ``across_mm`` is the part's largest Ø.
    """
    change = machine.tool_change_min
    if change is None:
        change = rules.tool_change_turret_min if machine.can_turn else rules.tool_change_mill_min
    share, parts = (together.share, together.parts) if together else (1.0, 1)
    found, features = list[RunTime](), set[str]()
    mounted = next((c.choice.tool.code for c in reversed(cuts) if c.choice), "")
    for cut in cuts:
        code = cut.choice.tool.code if cut.choice else ""
        is_new = bool(code) and code != mounted
        swap = change * share if is_new else 0.0
        mounted = code or mounted
        further = max(cut.positions, 1) - 1
        rapid = rules.rapid_per_further_position_min * further + cut.entry_min
        spindle = 0.0
        if is_new and cut.feature in features and machine.can_turn:
            spindle = spindle_swing_min(cut, machine, across_mm, rules)
        rapid += spindle
        if parts > 1:
            rapid += rules.rapid_per_further_position_min * (1 - share)
        if not cut.feature or cut.feature not in features:
            rapid += rules.rapid_per_feature_min * share
        features.add(cut.feature)
        base = cut.cut_min.value + rapid + swap
        factor = learned(cut.operation_type)
        safety = base * factor * rules.time_safety_pct / 100
        found.append(RunTime(cut.cut_min.value, rapid, swap, safety, factor, parts, spindle))
    return found


_UNSEEN_S, _COVERED_S = 0.2, 1.0
"""Seconds of a speed change hidden by the rapid move, and those the tool change of QUO-28 already holds."""


def spindle_swing_min(cut: Cut, machine: Machine, across_mm: float, rules: TimeSettings) -> float:
    """Spindle up and down between the turret's place of change and the cut, at constant cutting speed.

    t = 2·(Δn/a − 0.2 s) − 1 s with Δn = n − 1000·Vc/(π·(D + retract)); none where the revolutions stay at their limit. It
    counts in small fast parts only: the rapids per feature hold it elsewhere.
    """
    if cut.operation_type != "turning" or cut.n_rev_min is None or cut.vc_m_min is None or not across_mm:
        return 0.0
    wanted = float(cut.n_rev_min.inputs.get("Vc", cut.vc_m_min.value))
    if machine.max_spindle_rpm and 1000 * wanted / (math.pi * across_mm) >= machine.max_spindle_rpm:
        return 0.0
    away = 1000 * wanted / (math.pi * (across_mm + rules.retract_mm))
    swing = (cut.n_rev_min.value - away) / rules.spindle_acceleration_rpm_s
    return max(0.0, 2 * (swing - _UNSEEN_S) - _COVERED_S) / 60


@dataclass(frozen=True, slots=True)
class Together:
    """Parts machined in one clamping: ``share`` = clampings per piece of the batch."""

    parts: int
    quantity: int

    @property
    def share(self) -> float:
        return math.ceil(self.quantity / self.parts) / self.quantity


def loading_value(mass_kg: float, together: Together, rules: TimeSettings) -> Value:
    """Loading per piece; what is done once per clamping (door, cleaning, start) is shared by its parts (QUO-28)."""
    alone = loading_min(mass_kg, rules) if mass_kg else 0.0
    if together.parts == 1 or not alone:
        return Value(alone, "min", "table par masse", {"masse kg": mass_kg}, "valeur par défaut")
    common = alone * rules.loading_shared_pct / 100
    inputs: dict[str, float | str] = {
        "chargement seul": alone, "masse kg": mass_kg, "commun au bridage %": rules.loading_shared_pct,
        "pièces par bridage": float(together.parts), "bridages par pièce": together.share,
    }  # fmt: skip
    text = "chargement × (1 − commun) + chargement × commun × bridages par pièce"
    return Value(alone - common + common * together.share, "min", text, inputs, "valeur par défaut")


def loading_min(mass_kg: float, rules: TimeSettings) -> float:
    """Loading and unloading one piece by its mass; the heaviest class is the hoist."""
    limits = rules.loading_min
    for limit, minutes in limits:
        if mass_kg < limit:
            return minutes
    return limits[-1][1]


def setup_min(
    kind: str, machine: Machine, cuts: Sequence[Cut], known: set[str], rules: TimeSettings, parts: int = 1
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
    total += rules.setup_per_place_min * (parts - 1)
    inputs: dict[str, float | str] = {
        "base": base,
        "outils à monter": float(len(missing)),
        "min/outil": rules.setup_per_missing_tool_min,
        "première pièce": rules.setup_first_part_min,
    }
    formula = "base + outils à monter × min/outil + première pièce"
    if parts > 1:
        inputs |= {"places supplémentaires": float(parts - 1), "min/place": rules.setup_per_place_min}
        formula += " + places × min/place"
    return Value(total, "min", formula, inputs, f"réglage {machine.code}")


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
