"""What makes a computed price doubtful: each doubt is a question a person sees, never a silent figure (QUO-06).

A doubt blocks where the part cannot be what was read (more material than its envelope, shapes that take more than there is);
the others are for a person to confirm. Limits are usual workshop ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from coordinator.modules.quoting.engine import bars, volumes, welds
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.routes import Job, Phase, Route
from coordinator.modules.quoting.engine.values import Question, number, size

_SMALLEST_MM, _LARGEST_MM = 1.0, 3000.0
_CHIPS_SHARE, _CHIPS_KG = 0.85, 0.1
_UNKNOWN_SHARE, _NOTABLE_SHARE = 0.15, 0.05
_OVERLAP_SHARE, _IMPOSSIBLE_SHARE = 0.1, 0.5
_SHEET_MM, _SHEET_SHARE = 3.0, 0.05
_DEEP = {"drill": 30.0, "end_mill": 12.0, "reamer": 20.0, "boring_bar": 10.0}
_LONGEST_RUN_MIN = 480.0
_TEETH = re.compile(
    r"engrenage|pignon|\broue dent|couronne dent|cr[ée]maill[èe]re|\bgear\b|pinion|sprocket|zahnrad|ritzel|cannel|spline",
    re.IGNORECASE,
)
_SPRING = re.compile(r"ressort|\bspring\b|\bfeder\b", re.IGNORECASE)

Doubt = tuple[str, str, bool]


def questions(job: Job, route: Route, line: int) -> list[Question]:
    """Doubts of one route as questions of its line."""
    asked = welds.questions(job.part.open_welds, job.shop.settings.trades)
    found = dict.fromkeys((*_of_part(job.part), *_of_blank(job, route), *_of_work(job.part, route), *asked))
    return [Question(code, "drawing", text, line, is_blocking) for code, text, is_blocking in found]


def _of_part(part: PartDescription) -> Iterator[Doubt]:
    """Doubts that the part alone raises."""
    sizes = sorted(part.size_mm or (part.max_diameter_mm, part.max_diameter_mm, part.length_mm))
    text = " × ".join(size(s) for s in reversed(sizes))
    if sizes[2] < _SMALLEST_MM * 2 or sizes[2] > _LARGEST_MM:
        yield (
            "unit_doubt",
            f"Encombrement {text} mm : l'unité du fichier est-elle la bonne (mm, pouce, mètre) ?",
            False,
        )
    box = sizes[0] * sizes[1] * sizes[2]
    if part.volume_mm3 is not None and part.volume_mm3 > 1.005 * box > 0:
        told = f"{number(part.volume_mm3 / 1000, 1)} cm³ pour un encombrement de {number(box / 1000, 1)} cm³"
        yield (
            "volume_impossible",
            f"Volume lu impossible ({told}) : modèle ouvert ou mal cousu, à redemander.",
            True,
        )
    if (
        sizes[0] <= _SHEET_MM
        and sizes[0] < _SHEET_SHARE * sizes[1]
        and not part.is_turned
        and part.form != "trades"
    ):
        yield (
            "sheet_metal",
            f"Tôle de {size(sizes[0])} mm : découpe laser ou jet d'eau plutôt qu'usinage dans la masse ?",
            False,
        )
    if _TEETH.search(part.name):
        yield (
            "teeth",
            f"« {part.name} » : denture ou cannelures non chiffrées (taillage à ajouter ou à sous-traiter).",
            False,
        )
    if _SPRING.search(part.name):
        yield "spring", f"« {part.name} » : pièce enroulée, non chiffrée comme telle.", False
    if (
        part.volume_mm3 is None
        and not part.features
        and part.turned_profile is None
        and part.form != "trades"
    ):
        yield (
            "no_shape",
            "Aucune forme lue au-delà de l'encombrement : perçages, poches et épaulements restent à ajouter.",
            False,
        )
    if part.volume_mm3 is None and part.features and not any(f.depth_mm for f in part.features):
        yield "depths", "Profondeurs des formes non lues : à confirmer.", False
    yield from _of_volume(part)


def _of_volume(part: PartDescription) -> Iterator[Doubt]:
    """What faces and shapes explain of the model's volume."""
    balance = volumes.balance(part)
    if balance is None:
        return
    whole, rest = balance
    if rest > _NOTABLE_SHARE * whole:
        share = number(100 * rest / whole, 0)
        what = (
            "prix indicatif, gamme à revoir"
            if rest > _UNKNOWN_SHARE * whole
            else "comptées au volume, à vérifier"
        )
        yield (
            "shapes_unknown",
            f"{share} % du volume sont des formes non reconnues : {what}.",
            False,
        )
    if rest < -_OVERLAP_SHARE * whole:
        text = f"Les formes lues enlèvent {number(-rest / 1000, 1)} cm³ de plus que la pièce n'en perd"
        is_blocking = rest < -_IMPOSSIBLE_SHARE * whole
        yield (
            "shapes_overlap",
            f"{text} : cavité fermée ou formes comptées deux fois, gamme à vérifier.",
            is_blocking,
        )


def _of_blank(job: Job, route: Route) -> Iterator[Doubt]:
    """Doubts on what the part is cut from."""
    blank, rules = route.blank, job.shop.settings.blank
    if blank.shape == "blank" or not blank.size_mm:
        return
    if not blank.mass_kg > 0 or not blank.cost > 0:
        yield "material_free", "Matière sans masse ou sans prix : à compléter.", True
    longest = max(rules.plate_size_mm) if blank.section is None else rules.bar_length_mm
    if blank.length_mm > longest and any(s.kind == "purchase" for s in blank.sources):
        yield (
            "longer_than_stock",
            f"Brut de {size(blank.length_mm)} mm, plus long que le format du commerce ({size(longest)} mm).",
            False,
        )
    volume = job.part.volume_mm3
    if volume and blank.section_cm2 and not blank.is_as_stock:
        raw = blank.section_cm2 * 100 * blank.length_mm
        if volume > 1.005 * raw:
            yield (
                "blank_too_small",
                f"La pièce ({number(volume / 1000, 1)} cm³) ne tient pas dans le brut choisi ({number(raw / 1000, 1)} cm³).",
                True,
            )
        lost_kg = blank.mass_kg * (1 - volume / raw)
        if 1 - volume / raw > _CHIPS_SHARE and lost_kg > _CHIPS_KG:
            share = number(100 * (1 - volume / raw), 0)
            yield (
                "mostly_chips",
                f"{share} % du brut part en copeaux : tube, profilé, pièce pliée, moulée ou mécano-soudée à consulter ?",
                False,
            )
    if bars.hollow_profile(job.part, rules) is not None and blank.shape != "profile":
        yield (
            "profile",
            "Profil creux hors dimensions standard, chiffré dans la masse : profil à consulter.",
            False,
        )


def _of_work(part: PartDescription, route: Route) -> Iterator[Doubt]:
    """Doubts on operations and times."""
    machining = [p for p in route.phases if p.cuts]
    if not machining and not route.blank.is_as_stock and not part.trade_operations and part.form != "trades":
        yield "no_machining", "Aucune opération d'usinage trouvée : la pièce est-elle livrée débitée ?", True
    for phase in machining:
        if phase.run_min > _LONGEST_RUN_MIN:
            hours = number(phase.run_min / 60, 1)
            yield "long_run", f"{phase.label} : {hours} h par pièce, à vérifier.", False
        if not phase.run_min > 0:
            yield "no_time", f"{phase.label} : temps nul.", True
        yield from _deep(phase)


def _deep(phase: Phase) -> Iterator[Doubt]:
    """Tools that would stand out too far from their holder."""
    for cut in phase.cuts:
        tool = cut.choice.tool if cut.choice and cut.choice.origin == "ask" else None
        limit = _DEEP.get(tool.tool_type) if tool else None
        if tool is None or limit is None or not tool.diameter_mm or not tool.usable_length_mm:
            continue
        ratio = tool.usable_length_mm / tool.diameter_mm
        if ratio > limit:
            ways = "électro-érosion" if tool.tool_type == "end_mill" else "forage profond"
            yield (
                "out_of_reach",
                f"{cut.label} : outil de {number(ratio, 0)} × D, irréaliste ; {ways} ou sous-traitance à consulter.",
                False,
            )
