"""Grades of material and their names: pure tables and the matching of written texts (DRW-22). No database."""

from coordinator.modules.catalogue.grades.condition import condition_of, hardness_of, hrc_of
from coordinator.modules.catalogue.grades.matching import MaterialMatch, find_grades, identify
from coordinator.modules.catalogue.grades.table import GRADES, Grade, grade_named

__all__ = [
    "GRADES",
    "Grade",
    "MaterialMatch",
    "condition_of",
    "find_grades",
    "grade_named",
    "hardness_of",
    "hrc_of",
    "identify",
]
