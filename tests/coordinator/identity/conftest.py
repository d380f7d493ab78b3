"""A company with people who really sign in."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyotp
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from coordinator.gateway.app import create_app
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.db import utcnow
from coordinator.modules.company.models import CompanyProfile
from coordinator.modules.identity import api as identity
from coordinator.modules.identity import passwords

PASSWORD = "copeaux-bleus-7"
MASTER_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
_numbers = itertools.count(1)


@dataclass
class Clock:
    """Time the test moves."""

    now: dt.datetime = field(default_factory=utcnow)

    def __call__(self) -> dt.datetime:
        return self.now

    def advance(self, **kwargs: float) -> None:
        self.now += dt.timedelta(**kwargs)


@dataclass
class House:
    """An installed company: its client, its clock and its people."""

    client: TestClient
    factory: ContextFactory
    clock: Clock

    def user(self, *roles: str, **kwargs: Any) -> str:
        """Create a person with a lasting password. Returns the e-mail."""
        email = f"p{next(_numbers)}@atelier.fr"
        values = {
            "first_name": "Ana",
            "last_name": "Durand",
            "email": email,
            "password": PASSWORD,
            "temporary": False,
            **kwargs,
        }
        with self.factory.open(Principal.service("test")) as ctx:
            identity.create_user(ctx, roles=list(roles), **values)
        return email

    def login(self, email: str, password: str = PASSWORD, totp: str | None = None) -> Any:
        return self.client.post(
            "/api/v1/auth/login", json={"email": email, "password": password, "totp": totp}
        )

    def code(self, secret: str = MASTER_SECRET) -> str:
        """Present code of an authenticator."""
        return pyotp.TOTP(secret).at(self.clock.now)

    def bearer(self, email: str, **kwargs: Any) -> dict[str, str]:
        """Header of somebody who just signed in."""
        answer = self.login(email, **kwargs)
        assert answer.status_code == 200, answer.text
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    def master(self) -> dict[str, str]:
        """Header of the master."""
        self.clock.advance(seconds=30)
        return self.bearer("chef@atelier.fr", totp=self.code())


@lru_cache
def _app_of_this_run() -> list[FastAPI]:
    return []


def _app(factory: ContextFactory) -> FastAPI:
    """One application for all tests: it keeps no state but what the fixture resets, and takes seconds to build."""
    kept = _app_of_this_run()
    if not kept:
        kept.append(create_app(factory))
    return kept[0]


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id with little memory: the tests sign in hundreds of times."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHash((Argon2Hasher(1, 1024, 1), BcryptHasher())))


@pytest.fixture
def house(factory: ContextFactory) -> Iterator[House]:
    """Company with its master; other people are added by the test."""
    clock = Clock()
    moved = ContextFactory(factory.sessions, factory.registry, factory.config, clock)
    with moved.open(Principal.service("test")) as ctx:
        ctx.add(CompanyProfile(legal_name="Atelier", country="FR"))
        identity.create_master(
            ctx,
            first_name="Marie",
            last_name="Chef",
            email="Chef@Atelier.fr",
            password=PASSWORD,
            totp_secret=MASTER_SECRET,
        )
    app = _app(moved)
    app.state.is_set_up = False
    app.state.factory = moved
    client = TestClient(app)
    yield House(client, moved, clock)
    client.close()
