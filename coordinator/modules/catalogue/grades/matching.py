"""Written material text → grade (DRW-22, QUO-22). A text that is not certain gives proposals, never a choice.

A name counts with or without its blanks, dashes, points and commas, in any case, but never inside a longer word or number.
The longest name at a place wins (``316`` inside ``316L`` says nothing); two different grades left standing contradict.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from coordinator.modules.catalogue.grades.condition import condition_of, hardness_of
from coordinator.modules.catalogue.grades.table import GRADES, Grade, grade_named

_WERKSTOFF = re.compile(r"(?<![\d.,])([0-9])\s?[.,]\s?(\d{4})(?:[.,]\d{2})?(?!\d)")
_MAX_KEY = 28
_LOOKALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "S": "5", "B": "8", "Z": "2"})
_FAMILY_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"INOX|STAINLESS|ROSTFREI|EDELSTAHL|NICHTROST", ("X2CrNi18-9", "X2CrNiMo17-12-2", "X5CrNiCuNb16-4")),
    (r"FONTE|CAST\s?IRON|GUSS", ("EN-GJL-250", "EN-GJS-400-15", "EN-GJS-500-7")),
    (r"ACIER|STEEL|STAHL", ("S235JR", "C45E", "42CrMo4")),
    (r"ALU|\bAL\b|DURAL", ("EN AW-6082", "EN AW-2017A", "EN AW-7075")),
    (r"LAITON|BRASS|MESSING", ("CuZn39Pb3", "CuZn40Pb2", "CuZn37")),
    (r"BRONZE|BRONZ", ("CuSn12", "CuSn8", "CuSn7ZnPb")),
    (r"CUIVRE|COPPER|KUPFER", ("Cu-ETP", "Cu-OF", "CuCr1Zr")),
    (r"TITAN", ("Ti-6Al-4V", "Titane T40", "Ti-6Al-4V ELI")),
    (r"NICKEL|INCONEL|SUPERALL?IAGE", ("Inconel 718", "Inconel 625", "Hastelloy C276")),
    (r"PLASTI|POLYM|KUNSTSTOFF", ("POM-C", "PA6", "PEEK")),
)
_FAMILY_ALONE = {
    "DUPLEX",
    "NYLON",
    "POLYAMIDE",
    "DURAL",
    "HARDOX",
    "CREUSABRO",
    "TOOLOX",
    "STELLITE",
    "MARAGING",
    "GRAPHITE",
}
_FOR_FREE_TEXT = re.compile(r"^(?=.*\d)(?=.*[A-Z]).{4,}$")


@dataclass(frozen=True, slots=True)
class MaterialMatch:
    """What a text says. Without a certain grade ``proposals`` holds up to three canonical names and ``note`` the reason."""

    text: str
    grade: Grade | None
    proposals: tuple[str, ...] = ()
    condition: str | None = None
    hardness: str | None = None
    note: str = ""

    @property
    def is_contradictory(self) -> bool:
        """True when two different grades are written (DRW-49)."""
        return self.note == CONTRADICTION


CONTRADICTION = "plusieurs matières lues"


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).upper()


def _key(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", _folded(name))


@cache
def _index() -> dict[str, Grade]:
    found: dict[str, Grade] = {}
    for grade in GRADES:
        for system, name in grade.names:
            if system != "WNR":
                found.setdefault(_key(name), grade)
    return found


@cache
def _werkstoff() -> dict[str, Grade]:
    return {name: grade for grade in GRADES for system, name in grade.names if system == "WNR"}


@cache
def _lookalike_index() -> dict[str, Grade | None]:
    """Names with confusable letters folded; None where two grades then look the same."""
    found: dict[str, Grade | None] = {}
    for key, grade in _index().items():
        if len(key) >= 5:
            folded = key.translate(_LOOKALIKE)
            found[folded] = grade if found.get(folded, grade) is grade else None
    return found


def _starts(text: str) -> Iterator[int]:
    for place, char in enumerate(text):
        if not char.isalnum():
            continue
        before = text[place - 1] if place else " "
        if before.isalnum():
            continue
        if char.isdigit() and place >= 2 and before in ".," and text[place - 2].isdigit():
            continue
        yield place


def _spans(
    text: str, index: dict[str, Grade] | dict[str, Grade | None], fold: bool
) -> list[tuple[int, int, Grade]]:
    found: list[tuple[int, int, Grade]] = []
    for start in _starts(text):
        key = ""
        best: tuple[int, int, Grade] | None = None
        for end in range(start, min(len(text), start + 2 * _MAX_KEY)):
            char = text[end]
            if not char.isalnum():
                if char not in " -_.,/()'":
                    break
                continue
            key += char
            after = text[end + 1] if end + 1 < len(text) else " "
            after2 = text[end + 2] if end + 2 < len(text) else " "
            closed = not after.isdigit() if char.isdigit() else not after.isalnum()
            # "Ti6" of "Ti6,5Al" is no name: the number goes on behind its comma.
            if char.isdigit() and after in ".," and after2.isdigit():
                closed = False
            grade = (
                index.get(key.translate(_LOOKALIKE) if fold else key)
                if closed and len(key) <= _MAX_KEY
                else None
            )
            if grade is not None:
                best = (start, end + 1, grade)
        if best is not None:
            found.append(best)
    return found


def _outermost(spans: list[tuple[int, int, Grade]]) -> list[tuple[int, int, Grade]]:
    return [
        a for a in spans
        if not any(b is not a and b[0] <= a[0] and a[1] <= b[1] and b[1] - b[0] > a[1] - a[0] for b in spans)
    ]  # fmt: skip


def _written(text: str) -> list[tuple[int, int, Grade]]:
    flat = _folded(text)
    if len(flat) != len(text):
        flat = "".join((_folded(char) or " ")[0] for char in text)
    spans = _spans(flat, _index(), fold=False)
    for match in _WERKSTOFF.finditer(flat):
        grade = _werkstoff().get(f"{match[1]}.{match[2]}")
        if grade is not None:
            spans.append((match.start(), match.end(), grade))
    return _outermost(spans)


@lru_cache(maxsize=4096)
def identify(text: str) -> MaterialMatch:
    """Grade, condition and hardness of a material text; without certainty up to three proposals."""
    cleaned = re.sub(r"\s+", " ", text).strip()
    spans = _written(cleaned)
    if not spans:
        folded = _outermost(_spans(_folded(cleaned), _lookalike_index(), fold=True))
        spans = [s for s in folded if s[1] - s[0] >= 5]
    names = list(dict.fromkeys(grade.name for _, _, grade in spans))
    strong = [n for n in names if not _is_family_only(cleaned, n, spans)] if len(names) > 1 else names
    condition, hardness = condition_of(cleaned), hardness_of(cleaned)
    if len(strong) == 1:
        return MaterialMatch(cleaned, grade_named(strong[0]), (), condition, hardness)
    if names:
        return MaterialMatch(cleaned, None, tuple(names[:3]), condition, hardness, CONTRADICTION)
    return MaterialMatch(cleaned, None, _proposals(cleaned), condition, hardness)


def _is_family_only(text: str, name: str, spans: list[tuple[int, int, Grade]]) -> bool:
    """A trade word of a whole family ("Duplex 1.4462", "Nylon PA66", "Dural 2024") gives way to the exact name beside it."""
    flat = _folded(text)
    return all(flat[a:b].strip() in _FAMILY_ALONE for a, b, grade in spans if grade.name == name)


def find_grades(text: str) -> list[tuple[str, Grade]]:
    """Grades named in running text, with the words they were found as; only names that cannot be anything else."""
    found = []
    flat = _folded(text)
    for start, end, grade in _written(text):
        words = flat[start:end]
        if _FOR_FREE_TEXT.match(re.sub(r"[^A-Z0-9]", "", words)) or _is_announced(flat, start, words):
            found.append((text[start:end], grade))
    return found


def _is_announced(flat: str, start: int, words: str) -> bool:
    """Numbers alone count behind a word which says that a material follows ("AISI 304", "INOX 316", "W.-NR. 1.4301")."""
    if not re.search(r"\d", words):
        return False
    return bool(
        re.search(
            r"(AISI|SAE|UNS|INOX|ACIER|STEEL|STAINLESS|ALU\w*|AW|WNR|W\.?-?\s?NR\.?|WERKSTOFF)[\s:.-]*$",
            flat[:start],
        )
    )


def _proposals(text: str) -> tuple[str, ...]:
    for pattern, names in _FAMILY_WORDS:
        if re.search(pattern, _folded(text)):
            return names
    key = _key(text)
    if len(key) < 3:
        return ()
    close = difflib.get_close_matches(key, list(_index()), n=6, cutoff=0.7)
    return tuple(dict.fromkeys(_index()[item].name for item in close))[:3]
