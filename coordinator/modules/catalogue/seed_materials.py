"""Usual grades with their designations and the values of their ISO 513 group (QUO-22)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from coordinator.modules.catalogue import grades


@dataclass(frozen=True)
class Group:
    """Values common to an ISO 513 group: density g/cm³, kc1.1 N/mm², mc, saw rate cm²/min."""

    density: str
    kc11: int
    mc: str
    saw: int | None


GROUPS = {
    "P1": Group("7.85", 1500, "0.25", 45),
    "P2": Group("7.85", 1700, "0.25", 35),
    "P3": Group("7.85", 1900, "0.25", 25),
    "M1": Group("7.95", 1800, "0.21", 18),
    "M2": Group("7.80", 2000, "0.21", 12),
    "K1": Group("7.20", 1000, "0.28", 35),
    "K2": Group("7.20", 1200, "0.28", 30),
    "N1": Group("2.75", 600, "0.25", 200),
    "N2": Group("8.60", 650, "0.25", 80),
    "N3": Group("1.40", 150, "0.25", 250),
    "S1": Group("4.43", 1400, "0.23", 8),
    "S2": Group("8.20", 2600, "0.25", 4),
    "H": Group("7.85", 3000, "0.25", None),
}


@dataclass(frozen=True)
class Grade:
    """A grade: code, family, group, designations; density only where it differs from the group's."""

    code: str
    name: str
    family: str
    group: str
    en: str | None = None
    wnr: str | None = None
    afnor: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    density: str | None = None
    aerospace: bool = False

    @property
    def density_g_cm3(self) -> Decimal:
        """Density, g/cm³: that of the table of grades, the one place it is written; else its own or its group's."""
        known = grades.identify(self.en or self.code).grade
        if known is not None:
            return Decimal(str(known.density_g_cm3))
        return Decimal(self.density or GROUPS[self.group].density)


GRADES = (
    Grade(
        "S235JR",
        "Acier de construction S235JR",
        "steel",
        "P1",
        "S235JR",
        "1.0038",
        "E24-2",
        (("DIN", "St37-2"), ("AISI", "A283C")),
    ),
    Grade(
        "S355J2",
        "Acier de construction S355J2",
        "steel",
        "P1",
        "S355J2",
        "1.0577",
        "E36-4",
        (("DIN", "St52-3"),),
    ),
    Grade(
        "11SMN30",
        "Acier de décolletage 11SMn30",
        "steel",
        "P1",
        "11SMn30",
        "1.0715",
        "S250",
        (("AISI", "1213"), ("DIN", "9SMn28")),
    ),
    Grade(
        "11SMNPB30",
        "Acier de décolletage au plomb 11SMnPb30",
        "steel",
        "P1",
        "11SMnPb30",
        "1.0718",
        "S250Pb",
        (("AISI", "12L13"), ("DIN", "9SMnPb28")),
    ),
    Grade("C45", "Acier C45", "steel", "P2", "C45E", "1.1191", "XC48", (("EN", "C45"), ("AISI", "1045"))),
    Grade(
        "16MNCR5",
        "Acier de cémentation 16MnCr5",
        "steel",
        "P1",
        "16MnCr5",
        "1.7131",
        "16MC5",
        (("AISI", "5115"),),
    ),
    Grade("42CRMO4", "Acier 42CrMo4", "steel", "P2", "42CrMo4", "1.7225", "42CD4", (("AISI", "4140"),)),
    Grade(
        "100CR6", "Acier à roulement 100Cr6", "steel", "P2", "100Cr6", "1.3505", "100C6", (("AISI", "52100"),)
    ),
    Grade("42CRMO4QT", "Acier 42CrMo4 traité", "steel", "P3", "42CrMo4+QT", None, "42CD4T"),
    Grade(
        "34CRNIMO6QT",
        "Acier 34CrNiMo6 traité",
        "steel",
        "P3",
        "34CrNiMo6+QT",
        "1.6582",
        "35NCD6",
        (("EN", "34CrNiMo6"), ("AISI", "4340")),
    ),
    Grade("304L", "Inox 304L", "stainless", "M1", "X2CrNi18-9", "1.4307", "Z3CN18-10", (("AISI", "304L"),)),
    Grade(
        "316L",
        "Inox 316L",
        "stainless",
        "M1",
        "X2CrNiMo17-12-2",
        "1.4404",
        "Z3CND17-12-02",
        (("AISI", "316L"),),
    ),
    Grade(
        "303",
        "Inox 303 de décolletage",
        "stainless",
        "M1",
        "X8CrNiS18-9",
        "1.4305",
        "Z8CNF18-09",
        (("AISI", "303"),),
    ),
    Grade(
        "2205",
        "Duplex 2205",
        "stainless",
        "M2",
        "X2CrNiMoN22-5-3",
        "1.4462",
        "Z3CND22-05Az",
        (("AISI", "S31803"), ("TRADE", "2205")),
    ),
    Grade(
        "17-4PH",
        "Inox 17-4PH",
        "stainless",
        "M2",
        "X5CrNiCuNb16-4",
        "1.4542",
        "Z7CNU17-04",
        (("AISI", "630"), ("TRADE", "17-4PH")),
        aerospace=True,
    ),
    Grade(
        "GJL250",
        "Fonte grise GJL-250",
        "cast_iron",
        "K1",
        "EN-GJL-250",
        "0.6025",
        "FGL250",
        (("EN", "GJL250"), ("EN", "EN-JL1040"), ("DIN", "GG25")),
    ),
    Grade(
        "GJS500-7",
        "Fonte à graphite sphéroïdal GJS-500-7",
        "cast_iron",
        "K2",
        "EN-GJS-500-7",
        "0.7050",
        "FGS500-7",
        (("EN", "GJS500-7"), ("DIN", "GGG50")),
    ),
    Grade(
        "2017A",
        "Aluminium 2017A",
        "aluminium",
        "N1",
        "EN AW-2017A",
        "3.1325",
        "A-U4G",
        (("EN", "2017A"), ("EN", "AlCu4MgSi")),
    ),
    Grade(
        "2024",
        "Aluminium 2024",
        "aluminium",
        "N1",
        "EN AW-2024",
        "3.1355",
        "A-U4G1",
        (("EN", "2024"), ("EN", "AlCu4Mg1")),
        aerospace=True,
    ),
    Grade(
        "5083",
        "Aluminium 5083",
        "aluminium",
        "N1",
        "EN AW-5083",
        "3.3547",
        "A-G4,5MC",
        (("EN", "5083"), ("EN", "AlMg4,5Mn0,7")),
    ),
    Grade(
        "6082",
        "Aluminium 6082",
        "aluminium",
        "N1",
        "EN AW-6082",
        "3.2315",
        "A-SGM0,7",
        (("EN", "6082"), ("EN", "AlSi1MgMn")),
    ),
    Grade(
        "7075",
        "Aluminium 7075",
        "aluminium",
        "N1",
        "EN AW-7075",
        "3.4365",
        "A-Z5GU",
        (("EN", "7075"), ("EN", "AlZn5,5MgCu")),
        aerospace=True,
    ),
    Grade(
        "CUZN39PB3",
        "Laiton CuZn39Pb3",
        "copper_alloy",
        "N2",
        "CuZn39Pb3",
        "2.0401",
        "UZ39Pb2",
        (("EN", "CW614N"), ("DIN", "Ms58")),
        density="8.45",
    ),
    Grade(
        "CUSN8P",
        "Bronze CuSn8P",
        "copper_alloy",
        "N2",
        "CuSn8P",
        "2.1030",
        "UE9P",
        (("EN", "CW459K"),),
        density="8.80",
    ),
    Grade(
        "CU-ETP",
        "Cuivre Cu-ETP",
        "copper_alloy",
        "N2",
        "Cu-ETP",
        "2.0065",
        "Cu-a1",
        (("EN", "CW004A"),),
        density="8.90",
    ),
    Grade(
        "POM-C",
        "POM-C (polyacétal)",
        "plastic",
        "N3",
        "POM-C",
        others=(("TRADE", "Delrin"), ("TRADE", "Acetal")),
        density="1.41",
    ),
    Grade("PA6", "PA6 (polyamide)", "plastic", "N3", "PA6", others=(("TRADE", "Nylon"),), density="1.14"),
    Grade("PEEK", "PEEK", "plastic", "N3", "PEEK", density="1.31"),
    Grade(
        "TI6AL4V",
        "Titane Ti-6Al-4V",
        "titanium",
        "S1",
        "TiAl6V4",
        "3.7165",
        "T-A6V",
        (("TRADE", "Grade 5"), ("TRADE", "Ti-6Al-4V")),
        aerospace=True,
    ),
    Grade(
        "INCONEL718",
        "Inconel 718",
        "nickel_alloy",
        "S2",
        "NiCr19Fe19Nb5Mo3",
        "2.4668",
        "NC19FeNb",
        (("TRADE", "Inconel 718"), ("TRADE", "Alloy 718"), ("AISI", "N07718")),
        aerospace=True,
    ),
    Grade(
        "X153CRMOV12",
        "Acier à outils X153CrMoV12 trempé 58 HRC",
        "tool_steel",
        "H",
        "X153CrMoV12",
        "1.2379",
        "Z160CDV12",
        (("AISI", "D2"),),
    ),
)
