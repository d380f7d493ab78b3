"""Routes found by the first word of their path: with hundreds of entities, none pays for trying all the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_CHOSEN = "gestion_usinage.route"


class BySegment(BaseRoute):
    """All routers under ``prefix``, grouped by the word after it; inside a group the order of declaration holds."""

    def __init__(self, prefix: str, routes: Iterable[tuple[BaseRoute, frozenset[str | None]]]) -> None:
        self._prefix = f"{prefix}/"
        declared = list(routes)
        words = {word for _, found in declared for word in found}
        self._groups = {word: tuple(r for r, found in declared if found & {word, None}) for word in words}
        self._others = tuple(r for r, found in declared if None in found)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """First route that serves the path; one that serves it under another method only where none does."""
        path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))
        if not path.startswith(self._prefix):
            return Match.NONE, {}
        word = path[len(self._prefix) :].partition("/")[0]
        partial: Scope | None = None
        for route in self._groups.get(word, self._others):
            match, child = route.matches(scope)
            if match == Match.FULL:
                return match, {**child, _CHOSEN: route}
            if match == Match.PARTIAL and partial is None:
                partial = {**child, _CHOSEN: route}
        return (Match.NONE, {}) if partial is None else (Match.PARTIAL, partial)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve by the route that matched."""
        await scope[_CHOSEN].handle(scope, receive, send)


class SegmentedApp(FastAPI):
    """An application whose API is dispatched by words; ``routes`` still tells every one, for the documentation."""

    _declared: Sequence[BaseRoute] = ()

    @property
    def routes(self) -> list[BaseRoute]:
        """Every declared route."""
        return [*self.router.routes, *self._declared]

    def include_by_segment(self, prefix: str, routers: Iterable[APIRouter]) -> None:
        """Serve ``routers`` under ``prefix``."""
        holder = APIRouter()
        found: list[tuple[BaseRoute, frozenset[str | None]]] = []
        for router in routers:
            holder.include_router(router, prefix=prefix)
            found.append((holder.routes[-1], _first_words(router)))
        self._declared = [route for route, _ in found]
        self.router.routes.append(BySegment(prefix, found))


def _first_words(router: APIRouter) -> frozenset[str | None]:
    """First words of the router's paths; ``None`` stands for one that varies."""
    words: set[str | None] = set()
    for route in router.routes:
        path: Any = getattr(route, "path", "/{}")
        word = path.lstrip("/").partition("/")[0]
        words.add(None if "{" in word else word)
    return frozenset(words)
