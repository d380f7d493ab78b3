"""Material text of a drawing → ISO 513 group (QUO-22), on the grades of the catalogue. Unknown text is a question, never a default."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from coordinator.modules.catalogue import grades
from coordinator.modules.catalogue.grades import Grade
from coordinator.modules.quoting.engine.cutting_tables import GROUPS, GroupData
from coordinator.modules.quoting.engine.values import number

__all__ = ["HARD_FROM_HRC", "Grade", "MaterialMatch", "hardness_hrc", "identify", "same_material"]

HARD_FROM_HRC = 45
"""From this hardness on a steel belongs to group H of ISO 513."""
_QUENCHED = "+QT"


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


@lru_cache(maxsize=4096)
def identify(text: str) -> MaterialMatch:
    """Match a material text. No or contradictory match: ``group`` is None and ``proposals`` holds up to three names."""
    found = grades.identify(text)
    if found.grade is None:
        return MaterialMatch(found.text, None, None, found.proposals, found.note)
    group, note = _group(found, found.grade)
    return MaterialMatch(found.text, found.grade, GROUPS[group], note=note)


def _group(found: grades.MaterialMatch, grade: Grade) -> tuple[str, str]:
    """Group after the delivery condition: a hardness in HRC or "+QT" makes the material harder to cut."""
    hardness = hardness_hrc(found.text)
    if hardness is not None and hardness >= HARD_FROM_HRC:
        return "H", f"{number(hardness)} HRC"
    if grade.iso513_group == "P2" and found.condition == _QUENCHED:
        return "P3", "état trempé revenu"
    return grade.iso513_group, ""


def hardness_hrc(text: str) -> float | None:
    """Highest Rockwell C hardness written in a text, or None."""
    return grades.hrc_of(text)


def same_material(a: str, b: str) -> bool:
    """True if two texts name the same grade (stock text against drawing text)."""
    first, second = identify(a), identify(b)
    if first.grade and second.grade:
        return first.grade.name == second.grade.name and first.group == second.group
    return a.strip().casefold() == b.strip().casefold()
