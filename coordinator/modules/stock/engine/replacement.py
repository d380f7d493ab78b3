"""Cutting data of a tool that takes over from a broken one, so that it does not break in its turn (STK-38). Pure.

Bending of a clamped tool under a cutting force F is F·L³ / (3·E·I) with I = π·d⁴/64 (Euler–Bernoulli), so the stiffness
relative to the broken tool is (d'/d)⁴ · (L/L')³. The tooth load goes with the diameter. What the cause of the breakage
asks comes on top; a share of 1 leaves a value as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CAUSES = ("overload", "wear", "vibration", "chips", "defect", "collision", "material", "unknown")


@dataclass(frozen=True)
class Conditions:
    """Cutting data: m/min, mm per tooth or per turn, depths in mm, number of passes."""

    vc_m_min: float | None = None
    fz_mm: float | None = None
    f_mm_rev: float | None = None
    ap_mm: float | None = None
    ae_mm: float | None = None
    passes: int = 1


@dataclass(frozen=True)
class Body:
    """What bends and cuts: diameter and free length in mm, teeth."""

    diameter_mm: float | None = None
    length_mm: float | None = None
    teeth: int | None = None


@dataclass(frozen=True)
class Advice:
    """Conditions for the replacement, words of the strategy (codes), time in the cut against before."""

    conditions: Conditions
    strategy: tuple[str, ...]
    time_factor: float
    needs_program: bool


@dataclass(frozen=True)
class _Shares:
    speed: float = 1.0
    feed: float = 1.0
    depth: float = 1.0
    words: tuple[str, ...] = ()
    program: bool = False


_BY_CAUSE = {
    "overload": _Shares(feed=0.8, depth=0.5, words=("lower_feed", "more_passes"), program=True),
    "vibration": _Shares(
        speed=0.85, depth=0.7, words=("lower_speed", "stiffer_setup", "more_passes"), program=True
    ),
    "wear": _Shares(speed=0.85, words=("lower_speed", "earlier_change")),
    "chips": _Shares(feed=1.0, words=("more_coolant", "clear_chips")),
    "material": _Shares(speed=0.9, feed=0.9, words=("check_material", "lower_speed", "lower_feed")),
    "collision": _Shares(words=("check_program",), program=True),
    "defect": _Shares(words=("check_batch",)),
    "unknown": _Shares(feed=0.85, words=("lower_feed",)),
}


def stiffness(broken: Body, new: Body) -> float:
    """Stiffness of the new tool relative to the broken one; 1 where a dimension is unknown."""
    ratio = 1.0
    if broken.diameter_mm and new.diameter_mm:
        ratio *= (new.diameter_mm / broken.diameter_mm) ** 4
    if broken.length_mm and new.length_mm:
        ratio *= (broken.length_mm / new.length_mm) ** 3
    return ratio


def cause_of(words: str | None) -> str:
    """Cause as one of ``CAUSES`` from a code or the operator's own French words."""
    text = (words or "").lower()
    if text in CAUSES:
        return text
    clues = {
        "collision": ("choc", "collision", "program", "bride", "crash"),
        "wear": ("usure", "usé", "use ", "wear"),
        "vibration": ("vibr", "broute", "chatter"),
        "chips": ("copeau", "bourrage", "chip"),
        "defect": ("défaut", "defaut", "fissure", "defect"),
        "material": ("matière", "matiere", "dur", "material"),
        "overload": ("effort", "avance", "surcharge", "trop vite", "passe", "overload"),
    }
    for cause, signs in clues.items():
        if any(sign in text for sign in signs):
            return cause
    return "unknown"


def advise(base: Conditions, broken: Body, new: Body, cause: str, *, repeated: bool = False) -> Advice:
    """Conditions for the replacement.

    Args:
        base: conditions the broken tool ran with, or the tool's accepted ones.
        cause: one of ``CAUSES``; another word counts as unknown.
        repeated: the same tool broke here before: one step more careful.
    """
    shares = _BY_CAUSE.get(cause, _BY_CAUSE["unknown"])
    stiff = stiffness(broken, new)
    feed = shares.feed * min(1.0, max(0.4, stiff))
    if repeated:
        feed *= 0.9
    words = list(shares.words)
    if stiff < 0.98 and "lower_feed" not in words:
        words.append("lower_feed")
    if stiff > 1.05:
        words.append("stiffer_tool")
    depth, passes = _passes(base, shares.depth)
    if stiff < 0.6 and passes == base.passes:
        depth, passes = _passes(base, 0.5)
        words.append("more_passes")
    width = _width(broken, new)
    made = replace(
        base,
        vc_m_min=_times(base.vc_m_min, shares.speed),
        fz_mm=_times(base.fz_mm, feed * width),
        f_mm_rev=_times(base.f_mm_rev, feed * width),
        ap_mm=depth,
        ae_mm=_times(base.ae_mm, width),
        passes=passes,
    )
    factor = _time_factor(base, broken, made, new)
    other_path = width != 1.0 or passes != base.passes
    return Advice(made, tuple(dict.fromkeys(words)), factor, other_path or shares.program)


def _width(broken: Body, new: Body) -> float:
    if broken.diameter_mm and new.diameter_mm:
        return min(1.0, new.diameter_mm / broken.diameter_mm)
    return 1.0


def _passes(base: Conditions, share: float) -> tuple[float | None, int]:
    """Depth per pass and number of passes that still take the whole depth away."""
    if base.ap_mm is None or share >= 1:
        return base.ap_mm, base.passes
    passes = max(base.passes + 1, round(base.passes / share))
    return round(base.ap_mm * base.passes / passes, 3), passes


def _times(value: float | None, share: float) -> float | None:
    return None if value is None else round(value * share, 4)


def _speed(conditions: Conditions, body: Body) -> float:
    """Something proportional to the feed in mm/min: vc / d × feed per turn; 1 for what is unknown."""
    per_turn = conditions.f_mm_rev or (conditions.fz_mm or 1.0) * (body.teeth or 1)
    return (conditions.vc_m_min or 1.0) / (body.diameter_mm or 1.0) * per_turn


def _time_factor(base: Conditions, broken: Body, made: Conditions, new: Body) -> float:
    """Time in the cut, new over old: slower feed, more passes, more paths of a smaller width."""
    if new.teeth is None or broken.teeth is None:
        broken, new = replace(broken, teeth=1), replace(new, teeth=1)
    if broken.diameter_mm is None or new.diameter_mm is None:
        broken, new = replace(broken, diameter_mm=1.0), replace(new, diameter_mm=1.0)
    old_speed, new_speed = _speed(base, broken), _speed(made, new)
    paths = base.ae_mm / made.ae_mm if base.ae_mm and made.ae_mm else 1.0
    factor = old_speed / new_speed * made.passes / base.passes * paths if new_speed else 1.0
    return round(max(0.1, factor), 3)
