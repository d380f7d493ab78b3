"""Manifest of the people module."""

from coordinator.kernel.registry import EntitySpec, Module
from coordinator.modules.people.models import Employee

MODULE = Module(
    name="people",
    entities=[EntitySpec(Employee, "hr", "people", title=("first_name", "last_name"), import_key=("number",))],
)
