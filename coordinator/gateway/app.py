"""HTTP application: routes of every module, live push, phone application."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from coordinator.gateway.authentication import authenticate, install_access_log
from coordinator.gateway.live import LiveHub, live_router
from coordinator.gateway.mobile import MobileFiles
from coordinator.gateway.segments import SegmentedApp
from coordinator.gateway.system import system_router
from coordinator.kernel.context import ContextFactory
from coordinator.kernel.http import install_handlers
from coordinator.kernel.registry import Registry
from coordinator.kernel.rest import command_router, entity_router
from coordinator.modules.machines.watch_endpoints import metrics as sensor_metrics

MOBILE_BUILD = Path(__file__).resolve().parents[2] / "clients" / "mobile" / "dist"


def create_app(factory: ContextFactory) -> FastAPI:
    """Application over one database. Keeps no state but its connections (decision 5)."""
    hub = LiveHub(factory.config.database_url)
    app = SegmentedApp(
        title="gestion-usinage",
        version="1",
        docs_url="/docs",
        redoc_url="/redoc",
        openapi_url="/openapi.json",
        lifespan=hub.lifespan,
    )
    app.state.factory = factory
    app.state.authenticate = authenticate
    app.state.hub = hub
    install_handlers(app)
    install_access_log(app)
    app.include_by_segment("/api/v1", _routers(factory.registry))

    @app.get("/", openapi_extra={"x-public": "liveness"}, operation_id="root")
    def root() -> dict[str, str]:
        return {"message": "API Gestion Usinage opérationnelle"}

    # The address older sensors were set up with.
    app.post(
        "/api/metrics",
        openapi_extra={"x-public": "Clé de capteur, vérifiée par la route"},
        operation_id="metrics_alias",
    )(sensor_metrics)
    if MOBILE_BUILD.is_dir():
        app.mount("/m", MobileFiles(MOBILE_BUILD), name="mobile")
    return app


def _routers(registry: Registry) -> list[APIRouter]:
    # Hand-written routes first: "/users/me" must win over "/users/{record_id}".
    written = [router for module in registry.modules.values() for router in module.routers]
    served = {operation for router in written for route in router.routes for operation in _operations(route)}
    entities = [entity_router(spec, registry) for spec in registry.entities.values()]
    for router in entities:
        router.routes[:] = [r for r in router.routes if not _operations(r) <= served]
    return [*written, system_router, live_router, command_router(registry), *entities]


def _operations(route: BaseRoute) -> set[tuple[str, str]]:
    """Path and methods of a route; what a module writes by hand replaces what is derived."""
    return {(route.path, method) for method in route.methods or ()} if isinstance(route, APIRoute) else set()
