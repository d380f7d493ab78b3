"""A company with people who sign in, served by the real coordinator on a free port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from coordinator.gateway.app import create_app
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.modules.company.models import CompanyProfile
from coordinator.modules.identity import api as identity
from coordinator.modules.identity.models import Role
from coordinator.modules.identity.seeds import MODULE_CODES, make_grant

PASSWORD = "copeaux-bleus-7"
FIELD_GROUPS = ("prices", "costs_margins", "salaries", "hr_sensitive", "bank", "supplier_terms")


class Server:
    """The application in a thread; may be stopped and started again on the same port."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=self.port, log_level="error", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < deadline, "server did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(15)
            self._server = self._thread = None


@dataclass
class Office:
    """What the tests talk to: the server and its database."""

    server: Server
    factory: ContextFactory

    def role(self, code: str, grants: dict[str, str]) -> None:
        with self.factory.open(Principal.service("test")) as ctx:
            role = ctx.add(Role(code=code, label=code, is_system=False, requires_totp=False))
            for module, notation in grants.items():
                ctx.session.add(make_grant(module, notation, role_id=role.id))

    def person(self, email: str, roles: Iterable[str], **kwargs: Any) -> None:
        values = {
            "first_name": "Ana",
            "last_name": "Durand",
            "password": PASSWORD,
            "temporary": False,
            **kwargs,
        }
        with self.factory.open(Principal.service("test")) as ctx:
            identity.create_user(ctx, roles=list(roles), email=email, **values)

    def http(self, email: str = "bureau@atelier.fr") -> httpx.Client:
        """Another post of the same company."""
        base = self.server.url + "/api/v1"
        answer = httpx.post(f"{base}/auth/login", json={"email": email, "password": PASSWORD}, timeout=20)
        assert answer.status_code == 200, answer.text
        headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
        return httpx.Client(base_url=base, timeout=20, headers=headers)


def everything() -> dict[str, str]:
    """Grants of somebody who may do all, without second factor."""
    return {**dict.fromkeys(MODULE_CODES, "*"), **{f"field.{group}": "*" for group in FIELD_GROUPS}}


def open_office(factory: ContextFactory) -> Office:
    """Installed company with an office worker and a reader."""
    with factory.open(Principal.service("test")) as ctx:
        ctx.add(CompanyProfile(legal_name="Atelier Durand", country="FR"))
    office = Office(Server(create_app(factory)), factory)
    office.role("bureau", everything())
    office.role("lecteur", {"crm": "R", "stock": "R"})
    office.person("bureau@atelier.fr", ["bureau"])
    office.person("lecteur@atelier.fr", ["lecteur"], first_name="Luc")
    office.server.start()
    return office
