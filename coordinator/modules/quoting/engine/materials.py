"""Material text of a drawing → ISO 513 group and density (QUO-22). Unknown text is a question, never a default."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache, lru_cache

from coordinator.modules.quoting.engine.cutting_tables import GROUPS, GroupData


@dataclass(frozen=True, slots=True)
class Grade:
    """One material with the names it carries in EN, AFNOR, AISI/ASTM/UNS and Werkstoff number."""

    name: str
    group: str
    synonyms: tuple[str, ...]
    is_cast_aluminium: bool = False


@dataclass(frozen=True, slots=True)
class MaterialMatch:
    """Result of a look-up: the grade with its group, or up to three proposals when nothing matches surely."""

    text: str
    grade: Grade | None
    group: GroupData | None
    proposals: tuple[str, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        return self.grade.name if self.grade else self.text


def _g(name: str, group: str, synonyms: str, cast: bool = False) -> Grade:
    return Grade(name, group, (name, *synonyms.split("|")), cast)


GRADES: tuple[Grade, ...] = (
    _g("S235JR", "P1", "S235|SS 1312|E24|E24-2|A37|ST37|1.0038|A283C|A36|S235J2|1.0117"),
    _g("S275JR", "P1", "S275|E28|1.0044"),
    _g("S355J2", "P1", "S355|E36|ST52|1.0577|1.0570|A572"),
    _g("C10E", "P1", "C10|XC10|1.1121|AISI 1010|SAE 1010"),
    _g("C15E", "P1", "C15|XC15|XC18|1.1141|AISI 1015|C22|C22E|1.1151|AISI 1020"),
    _g("11SMn30", "P1", "S250|1.0715|AISI 1213|9SMn28|11SMn37|1.0736"),
    _g("11SMnPb30", "P1", "S250Pb|1.0718|SS 1914|AISI 12L14|12L14|11SMnPb37|1.0737|9SMnPb28"),
    _g("16MnCr5", "P1", "16MC5|1.7131|AISI 5115|20MnCr5|1.7147|20MC5"),
    _g("C35E", "P2", "C35|XC38|XC35|1.1181|1.0501|AISI 1035|C40|C40E|XC42"),
    _g("C45E", "P2", "C45|SS 1672|XC48|XC45|1.0503|1.1191|AISI 1045|SAE 1045|CK45|C45R|1.1201"),
    _g("C60E", "P2", "C60|XC60|1.1221|AISI 1060"),
    _g("35S20", "P2", "1.0726|35MF6|46S20|45MF4|1.0727"),
    _g("42CrMo4", "P2", "42CD4|SS 2244|1.7225|AISI 4140|SAE 4140|AISI 4142|4140"),
    _g("25CrMo4", "P2", "25CD4|1.7218|AISI 4130|4130"),
    _g("100Cr6", "P2", "100C6|1.3505|AISI 52100|52100"),
    _g("16NiCr6", "P2", "16NC6|1.5714|18NiCr5-4|1.5810|20NCD2|AISI 8620|20NiCrMo2-2|1.6523"),
    _g("34CrNiMo6", "P3", "34CND6|SS 2541|35NCD6|1.6582|AISI 4340|4340"),
    _g("30CrNiMo8", "P3", "30CND8|30NCD8|1.6580"),
    _g("36NiCrMo16", "P3", "35NCD16|1.6773"),
    _g("40CrMnNiMo8-6-4", "P3", "40CMND8|1.2738|40CrMnMo7|40CMD8|1.2311|1.2312|40CMD8S|AISI P20|AISI P20+S"),
    _g("X38CrMoV5", "P3", "X38CrMoV5-1|Z38CDV5|1.2343|AISI H11|1.2344|X40CrMoV5-1|AISI H13|Z40CDV5"),
    _g("X153CrMoV12", "P3", "Z160CDV12|1.2379|AISI D2|X155CrVMo12-1"),
    _g("X2CrNi18-9", "M1", "304L|SS 2352|AISI 304L|1.4307|1.4306|Z2CN18-10|Z3CN18-10|X2CrNi19-11"),
    _g("X5CrNi18-10", "M1", "304|AISI 304|1.4301|Z7CN18-09|Z6CN18-09|Z5CN18-09"),
    _g("X8CrNiS18-9", "M1", "303|AISI 303|1.4305|Z8CNF18-09|Z10CNF18-09"),
    _g("X2CrNiMo17-12-2", "M1", "316L|SS 2348|AISI 316L|1.4404|1.4435|Z2CND17-12|Z3CND17-12|X2CrNiMo18-14-3"),
    _g("X5CrNiMo17-12-2", "M1", "316|AISI 316|1.4401|Z7CND17-11|Z6CND17-11"),
    _g("X6CrNiTi18-10", "M1", "321|AISI 321|1.4541|Z6CNT18-10|316Ti|1.4571"),
    _g(
        "X20Cr13", "M1", "AISI 420|1.4021|Z20C13|X30Cr13|1.4028|Z30C13|X46Cr13|1.4034|X12Cr13|1.4006|AISI 410"
    ),
    _g("X17CrNi16-2", "M2", "1.4057|AISI 431|Z15CN16-02"),
    _g("X2CrNiMoN22-5-3", "M2", "1.4462|2205|UNS S31803|UNS S32205|Z3CND22-05|URANUS 45|DUPLEX"),
    _g(
        "X5CrNiCuNb16-4", "M2", "17-4PH|1.4542|1.4548|AISI 630|Z7CNU17-04|Z6CNU17-04|UNS S17400|15-5PH|1.4545"
    ),
    _g(
        "EN-GJL-250",
        "K1",
        "GJL250|FGL250|FT25|GG25|0.6025|5.1301|GJL200|FGL200|GG20|GJL300|FGL300|GG30|GJL|FGL",
    ),
    _g(
        "EN-GJS-400-15",
        "K2",
        "GJS400|FGS400|GGG40|GJS400-15|GJS500-7|GJS500|FGS500|GGG50|GJS600|FGS600|GJS|FGS",
    ),
    _g("EN AW-2017A", "N1", "2017A|2017|AU4G|AlCu4MgSi|3.1325"),
    _g("EN AW-2024", "N1", "2024|AU4G1|AlCu4Mg1|3.1355"),
    _g("EN AW-2618A", "N1", "2618A|AU2GN"),
    _g("EN AW-5083", "N1", "5083|AG4.5MC|AG4,5MC|AlMg4.5Mn0.7|3.3547"),
    _g("EN AW-5086", "N1", "5086|AG4MC|AlMg4|5754|AG3M|AlMg3"),
    _g("EN AW-6060", "N1", "6060|AGS|AlMgSi|6005A|6063"),
    _g("EN AW-6061", "N1", "6061|AGSUC|AlMg1SiCu|3.3211"),
    _g("EN AW-6082", "N1", "6082|SS 4212|ASGM0.7|AlSi1MgMn|AlMgSi1|3.2315"),
    _g("EN AW-7075", "N1", "7075|AZ5GU|AlZn5.5MgCu|AlZnMgCu1.5|3.4365|7050|7175|FORTAL"),
    _g(
        "EN AC-42100",
        "N1",
        "AS7G06|AS7G|AlSi7Mg|AlSi7Mg0.6|A356|AlSi10Mg|AS10G|EN AC-43000|AlSi12|AS13|AS9U3|AlSi9Cu3",
        cast=True,
    ),
    _g("CuZn39Pb3", "N2", "CW614N|LAITON|2.0401|CuZn40Pb2|CW617N|UZ39PB2|BRASS|MESSING|C38500"),
    _g("CuSn12", "N2", "CC483K|UE12P|CuSn7ZnPb|UE7Z5PB4|CC493K|CuSn8|CW453K|BRONZE"),
    _g("CuAl10Ni5Fe4", "N2", "CW307G|UA10N|CUPRO-ALU|CUPROALUMINIUM"),
    _g("Cu-ETP", "N2", "CW004A|CUA1|CUIVRE|COPPER|2.0060|CuCrZr|CW106C|CuBe2|CW101C"),
    _g("POM-C", "N3", "POM|DELRIN|ACETAL|POM-H|ERTACETAL|POMC"),
    _g("PA6", "N3", "PA66|PA6.6|PA6-G|NYLON|ERTALON|POLYAMIDE|PA12"),
    _g("PEEK", "N3", "KETRON|PEEK-GF30|PEEK-CA30"),
    _g(
        "PE-UHMW",
        "N3",
        "PEHD|PE1000|PE500|PE-HD|PVC|PTFE|TEFLON|PC|PMMA|PLEXIGLAS|PET|PETP|ERTALYTE|PVDF|PPS",
    ),
    _g(
        "Ti-6Al-4V",
        "S1",
        "TA6V|Ti6Al4V|TiAl6V4|3.7164|3.7165|TITANE GRADE 5|GRADE 5|TI GR5|UNS R56400|Ti6Al4VELI",
    ),
    _g("Titane T40", "S1", "T40|3.7035|TITANE GRADE 2|TI GR2|T60|T35"),
    _g("Inconel 718", "S2", "INCONEL718|NC19FENB|NiCr19Fe19Nb5Mo3|2.4668|UNS N07718|IN718|ALLOY 718"),
    _g("Inconel 625", "S2", "INCONEL625|NC22DNB|2.4856|UNS N06625|ALLOY 625|HASTELLOY|WASPALOY|MONEL"),
)
_QT = re.compile(
    r"(\+\s*QT\b|\bQT\b|TREMP[EÉ]\s*REVENU|PR[EÉ]TRAIT|\bTR\b|1000\s*MPA|1100\s*MPA)", re.IGNORECASE
)
_HRC = re.compile(r"(\d{2})(?:\s*[-–à/]\s*(\d{2}))?\s*HRC", re.IGNORECASE)
_SEPARATOR = r"[\s\-_.,/]*"


@cache
def _pattern(synonym: str) -> re.Pattern[str]:
    """A name matches with or without its separators, but not inside a longer number or word."""
    characters = [re.escape(c) for c in synonym if c.isalnum()]
    head = r"(?<![A-Za-z0-9])(?<!\d[.,])" if synonym[0].isdigit() else r"(?<![A-Za-z0-9])"
    tail = r"(?!\d)" if synonym[-1].isdigit() else r"(?![A-Za-z0-9])"
    return re.compile(head + _SEPARATOR.join(characters) + tail, re.IGNORECASE)


@lru_cache(maxsize=4096)
def identify(text: str) -> MaterialMatch:
    """Match a material text. No or contradictory match: ``group`` is None and ``proposals`` holds up to three names."""
    cleaned = text.strip()
    hits: dict[str, tuple[int, Grade]] = {}
    for grade in GRADES:
        lengths = [len(m.group()) for s in grade.synonyms for m in [_pattern(s).search(cleaned)] if m]
        if lengths:
            hits[grade.name] = (max(lengths), grade)
    if not hits:
        return MaterialMatch(cleaned, None, None, _proposals(cleaned))
    ranked = sorted(hits.values(), key=lambda h: (-h[0], h[1].name))
    if len(ranked) > 1 and not _one_contains_all(cleaned, [g for _, g in ranked]):
        return MaterialMatch(
            cleaned, None, None, tuple(g.name for _, g in ranked[:3]), "plusieurs matières lues"
        )
    grade = ranked[0][1]
    group, note = _condition(cleaned, grade)
    return MaterialMatch(cleaned, grade, GROUPS[group], note=note)


def _one_contains_all(text: str, grades: list[Grade]) -> bool:
    """True if the shorter hits lie inside the longest one (``316`` inside ``316L``), so nothing contradicts."""

    def spans(grade: Grade) -> list[tuple[int, int]]:
        return [m.span() for s in grade.synonyms for m in [_pattern(s).search(text)] if m]

    first = max(spans(grades[0]), key=lambda s: s[1] - s[0])
    return all(first[0] <= a and b <= first[1] for g in grades[1:] for a, b in spans(g))


def _condition(text: str, grade: Grade) -> tuple[str, str]:
    """Group after the delivery condition: a hardness in HRC or "+QT" makes the material harder to cut."""
    hardness = hardness_hrc(text)
    if hardness is not None and hardness >= 45:
        return "H", f"{hardness:g} HRC"
    if grade.group == "P2" and _QT.search(text):
        return "P3", "état trempé revenu"
    return grade.group, ""


def hardness_hrc(text: str) -> float | None:
    """Highest Rockwell C hardness written in a text, or None."""
    values = [float(v) for m in _HRC.finditer(text) for v in m.groups() if v]
    return max(values, default=None)


_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"INOX|STAINLESS|ROSTFREI", ("X2CrNi18-9", "X2CrNiMo17-12-2", "X5CrNiCuNb16-4")),
    (r"ACIER|STEEL|STAHL", ("S235JR", "C45E", "42CrMo4")),
    (r"ALU|\bAL\b|DURAL", ("EN AW-6082", "EN AW-2017A", "EN AW-7075")),
    (r"FONTE|CAST IRON|GUSS", ("EN-GJL-250", "EN-GJS-400-15")),
    (r"TITAN", ("Ti-6Al-4V", "Titane T40")),
    (r"PLASTI|NYLON|POLYM", ("POM-C", "PA6", "PEEK")),
)


def _proposals(text: str) -> tuple[str, ...]:
    for pattern, names in _FAMILIES:
        if re.search(pattern, text, re.IGNORECASE):
            return names
    by_synonym = {s.upper(): g.name for g in GRADES for s in g.synonyms}
    close = difflib.get_close_matches(text.upper(), list(by_synonym), n=6, cutoff=0.6)
    return tuple(dict.fromkeys(by_synonym[c] for c in close))[:3]


def same_material(a: str, b: str) -> bool:
    """True if two texts name the same grade (stock text against drawing text)."""
    first, second = identify(a), identify(b)
    if first.grade and second.grade:
        return first.grade.name == second.grade.name and first.group == second.group
    return a.strip().casefold() == b.strip().casefold()
