"""Treatments named in a text: kind, standard, thickness, hardness, masked zones (DRW-23). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

TreatmentKind = Literal["heat", "surface", "coating", "paint", "marking", "other"]

_KINDS: tuple[tuple[TreatmentKind, str], ...] = (
    ("paint", r"peintur|peint\b|peindre|\bpaint|laqu|lackier|\black\b|pulverbeschicht|powder\s?coat|poudr[ée]|thermolaqu|\bRAL\s?\d{4}|\bprimer\b|prim[äa]ire|epoxy paint|vernis"),
    ("heat", r"\btremp|revenu\b|rev[ée]nu|c[ée]ment|nitrur|carbonitrur|recuit|normalis|stabilis|d[ée]tension|induction|vieilliss|hypertremp|mise en solution|quench|temper(?:ed|ing)?\b|case.?harden|harden|carburi|nitrid|anneal"
             r"|stress.?reliev|solution treat|aged?\b|aging|normaliz|flame harden|verg[üu]t|geh[äa]rtet|h[äa]rten|einsatz|nitriert|gegl[üu]ht|spannungsarm|angelassen|induktiv|\bHRC\b|\bHV\s?\d|H9\d\d\b"),
    ("surface", r"anodi|eloxi|\bOAC\b|\bOAD\b|\bOAS\b|hardcoat|brunissage|bruni\b|bruniss|br[üu]niert|black.?oxid|blacken|passiv|phosphat|alodin|chromat|conversion|surtec|mordan|d[ée]capage|decap|pickl|gebeizt|sabl|microbill|sand.?blast|shot.?(?:peen|blast)"
                r"|bead.?blast|gestrahlt|kugelgestrahlt|grenaill|poli\b|polissage|polish|poliert|electropol|[ée]lectropol|elektropol|satin|tribofin|vibro|iridite|oxyd|oxid"),
    ("coating", r"zing|zinc|verzink|galvanis|nickel|vernickel|chrom|verchrom|cadmi|argent|silver|versilber|\bdor[ée]\b|dorure|gold|vergold|[ée]tam|tin.?plat|verzinn|cuivr|copper plat|verkupfer|kanigen|\bPVD\b|\bCVD\b|\bDLC\b|\bTiN\b|t[ée]flon|\bPTFE\b"
                r"|plating|plated|coat|beschicht|rev[êe]tement|m[ée]tallis|projection thermique|plasma|HVOF|geomet|dacromet|delta.?protekt|molykote|caoutchout"),
    ("marking", r"marqu|grav|engrav|etch|stamp|label|kennzeichn|beschrift|laser mark|signier"),
)  # fmt: skip
_STANDARD = re.compile(
    r"\b(?:(?:NF\s?)?(?:EN\s?)?ISO\s?\d{3,5}(?:-\d+)?|NF\s?(?:EN\s?|[A-Z]\d{2}-)\s?\d{2,5}(?:-\d+)?|EN\s?\d{4,5}|DIN\s?(?:EN\s?)?(?:ISO\s?)?\d{3,5}|MIL-[A-Z]+-\d+\w?|ASTM\s?[A-Z]\s?\d{2,4}|AMS[\s-]?(?:QQ-[A-Z]-)?\d{3,5}\w?|SAE\s?\w+|QQ-[A-Z]-\d+"
    r"|AIPS\s?\d{2}-\d{2}-\d{3}|BAC\s?\d{4}|[A-Z]{2,4}S?\s?\d{4,6})\b(?:\s*(?:TYPE|CLASS|CL\.?|TY\.?)\s*[IVX\d]+[A-B]?)*",
    re.IGNORECASE,
)  # fmt: skip
_THICKNESS = re.compile(
    r"(?:[ée]p(?:aisseur)?\.?\s*|prof(?:ondeur)?\.?\s*|thick(?:ness)?\.?\s*|depth\s*|CHD\s*|Eht\s*|NHD\s*|Nht\s*)?(\d+(?:[.,]\d+)?)\s*(?:[-–à/±]|to|bis)?\s*(\d+(?:[.,]\d+)?)?\s*(µm|um|microns?|mm|mil)\b(?!\w)",
    re.IGNORECASE,
)
_HARDNESS = re.compile(
    r"(?:[<>≥≤]\s*)?\d{2,4}(?:\s*(?:[-–à/+±]|to|bis)\s*\d{1,4})?\s*(?:HRC|HRB|HB\w?|HV\s?\d*[.,]?\d*)\b",
    re.IGNORECASE,
)
_MASKED = re.compile(
    r"(?:[ée]pargn\w*|sauf\b|hors\b|except|mask\w*|masqu\w*|abdeck\w*|ausgenommen|au[ßs]er|not (?:to be )?(?:coated|plated)|free of|sans (?:anodisation|rev[êe]tement))[^.;]{0,60}",
    re.IGNORECASE,
)
_SUBCONTRACTED: tuple[TreatmentKind, ...] = ("heat", "surface", "coating", "paint")
_IN_HOUSE = re.compile(r"tribofin|vibro|microbill|poli\b|polissage|polish", re.IGNORECASE)
MAX_NOTE_CHARACTERS = 160


@dataclass(frozen=True)
class Treatment:
    """One treatment asked for. ``thickness_um`` is (least, most); ``changes_size`` when a layer alters toleranced sizes."""

    kind: TreatmentKind
    text: str
    standard: str | None = None
    thickness_um: tuple[float, float] | None = None
    hardness: str | None = None
    masked: str | None = None
    subcontracted: bool = True

    @property
    def changes_size(self) -> bool:
        """True for a stated layer on the surface: it has to be allowed for in toleranced sizes."""
        return self.thickness_um is not None and self.kind in ("surface", "coating", "paint")


def treatment_kind(text: str) -> TreatmentKind | None:
    """Kind of the first treatment word of a text; None when it names none."""
    hits = [
        (match.start(), index, kind)
        for index, (kind, pattern) in enumerate(_KINDS)
        if (match := re.search(pattern, text, re.IGNORECASE))
    ]
    return min(hits)[2] if hits else None


def read_treatment(text: str, default: TreatmentKind = "other") -> Treatment:
    """Details of one treatment text; ``default`` is the kind where no word tells it (the label of its cell)."""
    kind = treatment_kind(text) or default
    standard, hardness, masked = _STANDARD.search(text), _HARDNESS.search(text), _MASKED.search(text)
    return Treatment(
        kind, re.sub(r"\s+", " ", text).strip(), standard[0].strip() if standard else None, _thickness_um(text),
        hardness[0].strip() if hardness else None, masked[0].strip() if masked else None,
        kind in _SUBCONTRACTED and not _IN_HOUSE.search(text),
    )  # fmt: skip


def _thickness_um(text: str) -> tuple[float, float] | None:
    match = _THICKNESS.search(text)
    if match is None:
        return None
    factor = {"mm": 1000.0, "mil": 25.4}.get(match[3].lower(), 1.0)
    low = float(match[1].replace(",", ".")) * factor
    high = float(match[2].replace(",", ".")) * factor if match[2] else low
    return round(low, 3), round(high, 3)
