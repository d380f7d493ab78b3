"""Dispatch of the API: every declared operation is reached, once; unknown paths and methods are told as such."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute

from coordinator.kernel.context import Principal
from tests.conftest import master, person

Api = Callable[..., Any]


def _declared(client: Any) -> list[tuple[str, str]]:
    routes: list[APIRoute] = []
    for included in client.app.routes:
        router = getattr(included, "original_router", None)
        routes += [r for r in (router.routes if router else ()) if isinstance(r, APIRoute)]
    return [(method, route.path) for route in routes for method in route.methods]


def test_no_operation_is_declared_twice(api: Api) -> None:
    counts = Counter(_declared(api(master())))
    assert len(counts) > 500
    assert [operation for operation, count in counts.items() if count > 1] == []


def test_paths_lead_where_they_should(api: Api) -> None:
    client = api(master())
    assert client.get("/api/v1/customers").status_code == 200
    assert client.get("/api/v1/users/me/nothing").status_code == 404
    assert client.get("/api/v1/no-such-things").json()["code"] == "route.unknown"
    assert client.get("/api/v1").status_code == 404
    assert client.delete("/api/v1/customers").status_code == 405
    assert client.get("/").status_code == 200


def test_methods_slashes_and_sockets_are_told_as_without_groups(api: Api) -> None:
    client = api(master())
    for method, path, status in (
        ("HEAD", "/customers", 405),
        ("OPTIONS", "/customers", 405),
        ("PUT", "/customers/1", 405),
        ("GET", "/live", 404),  # a socket only
        ("GET", "/%63ustomers", 200),
        ("GET", "//customers", 404),
        ("GET", "/Customers", 404),
        ("GET", "/customers/../customers", 200),
    ):
        assert client.request(method, f"/api/v1{path}").status_code == status, (method, path)
    slash = client.get("/api/v1/customers/", follow_redirects=False)
    assert (slash.status_code, slash.headers["location"]) == (307, "http://testserver/api/v1/customers")
    stranger = api(Principal.anonymous())
    assert stranger.get("/api/v1/customers").status_code == 401
    assert stranger.get("/api/v1/customers/1").status_code == 401
    assert api(person("stock:read")).get("/api/v1/customers").status_code == 403
