"""What stands on a reference drawing: invented values per language, drawn from a seeded generator."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

Language = Literal["fr", "en", "de"]

NAMES = {
    "fr": ["Bride de fixation", "Arbre intermédiaire", "Support moteur", "Moyeu cannelé", "Flasque avant", "Entretoise longue",
           "Corps de vanne", "Platine de réglage", "Écrou spécial", "Bague d'étanchéité", "Levier de commande", "Chape d'articulation"],
    "en": ["Mounting flange", "Intermediate shaft", "Motor bracket", "Splined hub", "Front cover", "Spacer, long", "Valve body",
           "Adjusting plate", "BEARING HOUSING", "CLEVIS PIN", "Guide rail", "SENSOR ADAPTER PLATE"],
    "de": ["Befestigungsflansch", "Zwischenwelle", "Motorhalter", "Nabe verzahnt", "Deckel vorne", "Distanzhülse", "Ventilkörper",
           "Einstellplatte", "Lagerbock links", "Führungsbuchse", "Spannhebel", "Grundplatte"],
}  # fmt: skip
NUMBERS = ["AX-1042", "12.345.678-01", "P-00123", "550 1245 002", "GH4-2210", "A2C00045", "24-118-03", "TR0457-A", "7001-33B",
           "MK3.120.07", "100245789", "SK-88-0041", "D5512_03", "E1-2044-7", "PL 40.118", "WX20931"]  # fmt: skip
MATERIALS = {
    "fr": [("C45E", "C45E"), ("42CrMo4 +QT", "42CrMo4"), ("XC48", "C45E"), ("EN AW-2017A T4", "EN AW-2017A"), ("35NCD16", "36NiCrMo16"),
           ("X2CrNiMo17-12-2 (1.4404)", "X2CrNiMo17-12-2"), ("Z10CNF18-09", "X8CrNiS18-9"), ("CuSn12", "CuSn12"), ("POM-C noir", "POM-C"),
           ("TA6V", "Ti-6Al-4V"), ("S355J2+N", "S355J2"), ("FGL 250", "EN-GJL-250")],
    "en": [("AISI 4140", "42CrMo4"), ("ALUMINUM 6061-T6", "EN AW-6061"), ("AISI 316L", "X2CrNiMo17-12-2"), ("17-4PH H900", "X5CrNiCuNb16-4"),
           ("Ti-6Al-4V", "Ti-6Al-4V"), ("INCONEL 718", "Inconel 718"), ("EN AW-7075-T651", "EN AW-7075"), ("STEEL, AISI 1045", "C45E"),
           ("S235JR", "S235JR"), ("PEEK", "PEEK")],
    "de": [("1.4301", "X5CrNi18-10"), ("42CrMo4+QT", "42CrMo4"), ("S235JR", "S235JR"), ("EN AW-6082-T6", "EN AW-6082"), ("11SMn30+C", "11SMn30"),
           ("16MnCr5", "16MnCr5"), ("X5CrNi18-10 (1.4301)", "X5CrNi18-10"), ("CuZn39Pb3", "CuZn39Pb3"), ("EN-GJS-400-15", "EN-GJS-400-15"),
           ("POM-C natur", "POM-C"), ("St 52-3", "S355J2")],
}  # fmt: skip
HEAT = {
    "fr": ["Trempé revenu 28-32 HRC", "Cémenté trempé 58-62 HRC", "Nitruration gazeuse 0,3 mm"],
    "en": ["Quench and temper 30-34 HRC", "CASE HARDEN 0.8 DEEP 58-62 HRC", "Stress relieved"],
    "de": ["vergütet 28-32 HRC", "einsatzgehärtet 58+4 HRC", "nitriert 0,3 mm"],
}
SURFACE = {
    "fr": [
        "Anodisation incolore 15 µm",
        "Brunissage",
        "Zingage 8 µm bichromaté",
        "Passivation",
        "Peinture RAL 7035",
    ],
    "en": [
        "ANODIZE PER MIL-A-8625 TYPE II",
        "Black oxide",
        "Zinc plated 8 µm",
        "PASSIVATE PER ASTM A967",
        "Powder coated RAL 9005",
    ],
    "de": [
        "eloxiert 15 µm schwarz",
        "brüniert",
        "verzinkt 8 µm",
        "chemisch vernickelt 10 µm",
        "pulverbeschichtet RAL 7016",
    ],
}
AUTHORS = {"fr": ["C. Morel", "A. Lefèvre", "DUPONT J.", "M. Garnier"], "en": ["J. Smith", "R. Clarke", "T. BAKER", "L. Evans"],
           "de": ["M. Weber", "K. Schröder", "Huber", "S. Vogel"]}  # fmt: skip
CUSTOMERS = {"fr": ["Aéro Composants SA", "Hydraulique Vernay SAS", "Robotique Alpine SARL"],
             "en": ["Northfield Pumps Ltd", "Orion Drives Inc.", "Blackwater Robotics LLC"],
             "de": ["Antriebe Müller GmbH", "Feinwerk Nord AG", "Kern Pumpen GmbH & Co. KG"]}  # fmt: skip
DATES = {
    "fr": ["12/03/2026", "07.11.25", "2026-01-19"],
    "en": ["2026-03-12", "03/12/2026", "12 MAR 2026"],
    "de": ["12.03.2026", "07.11.2025", "2026-04-30"],
}
MASSES = {
    "fr": ["0,52 kg", "1,250 kg", "350 g"],
    "en": ["0.52 kg", "1.14 lbs", "350 g"],
    "de": ["0,52 kg", "12,4 kg", "85 g"],
}
TOLERANCES = {"fr": ["ISO 2768-mK", "ISO 2768 - fH", "NF EN 22768-mK"], "en": ["ISO 2768-mK", "ISO 2768-f", "ISO 2768-cL"],
              "de": ["ISO 2768-mK", "DIN ISO 2768-mH", "DIN 7168-m"]}  # fmt: skip
PROJECTIONS = {
    "fr": ["Premier dièdre", "Méthode E"],
    "en": ["First angle", "Third angle"],
    "de": ["Projektionsmethode 1", "Methode 1"],
}
SCALES = ["1:1", "1:2", "2:1", "1:5", "5:1"]
SHEETS = {"fr": ["1/1", "1/2", "2/3"], "en": ["1 OF 1", "1 OF 2", "1/1"], "de": ["1/1", "1 von 2", "2/2"]}
UNITS = {"fr": ["mm"], "en": ["mm", "MILLIMETERS", "inch"], "de": ["mm"]}


@dataclass
class Contents:
    """Values of one drawing. ``blotted`` fields have a label but only scribble for a value."""

    language: Language
    values: dict[str, str]
    material_grade: str | None
    blotted: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    history: list[tuple[str, str, str, str]] = field(default_factory=list)

    def value(self, name: str) -> str:
        """Text to write for a field; nothing where the field is empty or blotted."""
        return "" if name in self.empty or name in self.blotted else self.values.get(name, "")


def make_contents(random_: random.Random, language: Language, kept: tuple[str, ...]) -> Contents:
    """Values for the fields a layout shows; one or two of them are left empty, now and then one is blotted."""
    pick = random_.choice
    material, grade = pick(MATERIALS[language])
    values = {
        "drawing_number": pick(NUMBERS), "revision": pick(["A", "B", "C", "01", "2", "AB"]), "part_name": pick(NAMES[language]),
        "material": material, "heat_treatment": pick(HEAT[language]), "surface_treatment": pick(SURFACE[language]),
        "scale": pick(SCALES), "mass": pick(MASSES[language]), "general_tolerance": pick(TOLERANCES[language]),
        "projection": pick(PROJECTIONS[language]), "unit": pick(UNITS[language]), "customer": pick(CUSTOMERS[language]),
        "author": pick(AUTHORS[language]), "date": pick(DATES[language]), "sheet": pick(SHEETS[language]),
    }  # fmt: skip
    values = {name: values[name] for name in kept}
    contents = Contents(language, values, grade if "material" in values else None)
    optional = [
        n
        for n in kept
        if n not in ("drawing_number", "part_name", "material", "scale", "projection", "general_tolerance")
    ]
    random_.shuffle(optional)
    contents.empty = set(optional[: random_.randint(0, 2)])
    if random_.random() < 0.3:
        contents.blotted = {
            n
            for n in optional[2:3]
            if n in ("author", "mass", "date", "surface_treatment", "heat_treatment", "customer")
        }
    return contents
