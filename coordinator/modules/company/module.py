"""Manifest of the company module."""

from coordinator.kernel.registry import EntitySpec, Module
from coordinator.modules.company.models import Site

MODULE = Module(
    name="company",
    entities=[EntitySpec(Site, "settings", "system", title=("code", "name"), import_key=("code",))],
)
