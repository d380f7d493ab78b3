"""The only place where modules, database and configuration are wired together."""

from __future__ import annotations

import importlib
import importlib.util
from functools import lru_cache
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import configure_mappers

from coordinator.kernel import audit
from coordinator.kernel import models as _kernel_models  # noqa: F401 — maps the kernel's tables
from coordinator.kernel.config import Config, get_config
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.db import Base, make_engine, make_session_factory
from coordinator.kernel.registry import Module, Registry

MODULES = (
    "company", "identity", "documents",
    "parties", "catalogue", "people", "machines",
    "stations", "stock", "purchasing", "drawings",
    "routings", "cam", "planning", "quality", "maintenance",
    "execution", "quoting",
    "orders", "invoicing", "finance",
    "advisor", "reporting", "updates",
)  # fmt: skip
"""From the lowest layer to the highest; a module is there when its folder holds a manifest."""


def load_modules() -> list[Module]:
    """Manifests of the modules present, ordered so that each comes after what it depends on."""
    found: dict[str, Module] = {}
    for name in MODULES:
        if importlib.util.find_spec(f"coordinator.modules.{name}") is None:
            continue
        if importlib.util.find_spec(f"coordinator.modules.{name}.models") is not None:
            importlib.import_module(f"coordinator.modules.{name}.models")
        if importlib.util.find_spec(f"coordinator.modules.{name}.module") is not None:
            found[name] = importlib.import_module(f"coordinator.modules.{name}.module").MODULE
    ordered: dict[str, Module] = {}

    def place(name: str, path: tuple[str, ...]) -> None:
        if name in ordered:
            return
        if name in path:
            raise ValueError(f"modules depend on each other: {' → '.join((*path, name))}")
        for dependency in found[name].depends:
            place(dependency, (*path, name))
        ordered[name] = found[name]

    for name in found:
        place(name, ())
    return list(ordered.values())


@lru_cache
def registry() -> Registry:
    """Everything the modules declare."""
    built = Registry(load_modules())
    configure_mappers()
    audit.install()
    return built


def metadata() -> MetaData:
    """All tables of the product."""
    registry()
    return Base.metadata


def make_factory(config: Config | None = None, **engine_options: Any) -> ContextFactory:
    """Units of work on the configured database."""
    config = config or get_config()
    engine = make_engine(config.database_url, pool_size=config.database_pool_size, **engine_options)
    return ContextFactory(make_session_factory(engine), registry(), config)


def seed(factory: ContextFactory) -> None:
    """Put every module's reference data in place; safe to repeat."""
    for module in factory.registry.modules.values():
        if module.seed:
            with factory.open(Principal.service("seed")) as ctx:
                module.seed(ctx)


def service_context(factory: ContextFactory, name: str) -> Any:
    """Unit of work of a service, as a context manager."""
    return factory.open(Principal.service(name))


__all__ = ["Context", "load_modules", "make_factory", "metadata", "registry", "seed", "service_context"]
