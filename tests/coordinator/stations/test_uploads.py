"""Files of stations over HTTPS: proven identity, pieces, resume, limits, who may look (EDG-11, EDG-18)."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.models import StoredFile
from coordinator.kernel.pki import new_csr, new_key
from coordinator.modules.company import api as company
from coordinator.modules.company.models import CompanyProfile, Site
from coordinator.modules.stations import identity, uploads
from coordinator.modules.stations.models import CabinetSession, Station, StationFile
from edge_agents.protocol.tokens import make_token
from tests.conftest import master, person
from tests.factories import make

Api = Callable[..., Any]
PIECE = 512 * 1024


@dataclass
class Unit:
    """A station with its key, speaking HTTP."""

    client: Any
    key: ec.EllipticCurvePrivateKey
    code: str
    station_id: int

    def headers(self, **more: str) -> dict[str, str]:
        token = make_token(self.key, self.code, dt.datetime.now(dt.UTC))
        return {"Authorization": f"Bearer {token}", **more}

    def put(self, data: bytes, first: int, last: int, digest: str, media_type: str = "image/jpeg") -> Any:
        headers = self.headers(
            **{"Content-Type": media_type, "Content-Range": f"bytes {first}-{last - 1}/{len(data)}"}
        )
        return self.client.put(f"/api/v1/stations/files/{digest}", content=data[first:last], headers=headers)


@pytest.fixture
def unit(api: Api, factory: ContextFactory) -> Unit:
    return admitted(api, factory, "st-camera-1")


def admitted(api: Api, factory: ContextFactory, code: str) -> Unit:
    key = new_key()
    with factory.open(master()) as ctx:
        if not company.is_set_up(ctx):
            make(ctx, CompanyProfile)
        site = ctx.session.scalars(select(Site).where(Site.code == "S1")).one_or_none() or make(
            ctx, Site, code="S1"
        )
        station = ctx.add(Station(code=code, name=code, kind="cabinet_camera", site_id=site.id))
        identity.issue(ctx, station, new_csr(key, code).decode(), "admission")
        return Unit(api(None), key, code, station.id)


def picture(size: int) -> tuple[bytes, str]:
    data = b"\xff\xd8\xff" + os.urandom(size - 3)
    return data, hashlib.sha256(data).hexdigest()


@pytest.mark.requirement("EDG-18")
def test_a_file_comes_in_pieces_and_is_kept_once(unit: Unit, factory: ContextFactory) -> None:
    data, digest = picture(2 * PIECE + 100)
    first = unit.put(data, 0, PIECE, digest)
    assert (first.status_code, first.json()) == (202, {"received": PIECE})
    assert unit.put(data, PIECE, 2 * PIECE, digest).json() == {"received": 2 * PIECE}
    done = unit.put(data, 2 * PIECE, len(data), digest)
    assert (done.status_code, done.json()) == (201, {"received": len(data)})
    again = unit.put(data, 0, PIECE, digest)
    assert (again.status_code, again.json()) == (200, {"received": len(data)})
    with factory.open(master()) as ctx:
        assert ctx.files.read(digest) == data
        assert ctx.session.scalar(select(func.count()).select_from(StationFile)) == 1
        assert ctx.session.get_one(StoredFile, digest).media_type == "image/jpeg"
    assert not list((factory.config.data_dir / "incoming").glob("*/*.part"))


@pytest.mark.requirement("EDG-18")
def test_a_piece_that_does_not_follow_on_is_told_where_to_go_on(unit: Unit) -> None:
    data, digest = picture(2 * PIECE)
    unit.put(data, 0, PIECE, digest)
    for first, last in ((0, PIECE), (PIECE + 5, 2 * PIECE)):
        answer = unit.put(data, first, last, digest)
        assert (answer.status_code, answer.json()["received"]) == (409, PIECE)
    headers = unit.headers(**{"Content-Type": "image/jpeg", "Content-Range": "bytes 9-2/5"})
    wrong = unit.client.put(f"/api/v1/stations/files/{digest}", content=b"x", headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (416, "station.bad_range")
    assert unit.put(data, PIECE, 2 * PIECE, digest).status_code == 201


@pytest.mark.requirement("EDG-18")
def test_a_file_damaged_on_the_way_starts_again(unit: Unit, factory: ContextFactory) -> None:
    data, digest = picture(PIECE)
    bad = data[:-1] + bytes([data[-1] ^ 1])
    answer = unit.put(bad, 0, len(bad), digest)
    assert (answer.status_code, answer.json()["received"]) == (409, 0)
    with factory.open(master()) as ctx:
        assert ctx.session.scalar(select(func.count()).select_from(StationFile)) == 0
    assert unit.put(data, 0, len(data), digest).status_code == 201


def test_limits_of_size_type_and_name(unit: Unit, factory: ContextFactory) -> None:
    data, digest = picture(1000)
    assert unit.put(data, 0, 1000, digest, "application/x-sh").status_code == 415
    assert unit.put(b"#!/bin/sh\n" * 5, 0, 50, digest).status_code == 415
    huge = unit.headers(**{"Content-Type": "image/jpeg", "Content-Range": "bytes 0-999/999999999999"})
    url = "/api/v1/stations/files/"
    assert unit.client.put(url + digest, content=data, headers=huge).status_code == 413
    long = unit.headers(**{"Content-Type": "image/jpeg"})
    assert (
        unit.client.put(url + digest, content=b"x" * (uploads.PIECE_MAX_BYTES + 1), headers=long).status_code
        == 413
    )
    assert unit.put(data, 0, 1000, "A" * 64).status_code == 404
    assert not list((factory.config.data_dir / "incoming").glob("*/*.part"))


@pytest.mark.requirement("EDG-09", "EDG-11")
def test_only_the_holder_of_the_key_sends_and_not_once_revoked(
    unit: Unit, api: Api, factory: ContextFactory
) -> None:
    data, digest = picture(1000)
    url = f"/api/v1/stations/files/{digest}"
    assert api(Principal.anonymous()).put(url, content=data).status_code == 401
    assert api(master()).put(url, content=data).status_code == 403
    forged = Unit(unit.client, new_key(), unit.code, unit.station_id)
    assert forged.put(data, 0, 1000, digest).status_code == 401
    late = make_token(unit.key, unit.code, dt.datetime.now(dt.UTC) - dt.timedelta(minutes=6))
    assert unit.client.put(url, content=data, headers={"Authorization": f"Bearer {late}"}).status_code == 401
    assert unit.client.get("/api/v1/stations", headers=unit.headers()).status_code == 403
    assert api(master()).post(f"/api/v1/stations/{unit.station_id}/revoke", json={}).status_code == 200
    refused = unit.put(data, 0, 1000, digest)
    assert (refused.status_code, refused.json()["code"]) == (403, "station.revoked")


@pytest.mark.requirement("VIS-16", "ACC-27")
def test_photographs_of_a_session_are_shown_to_those_who_may_see_them(
    unit: Unit, api: Api, factory: ContextFactory
) -> None:
    data, digest = picture(4000)
    with factory.open(master()) as ctx:
        session = ctx.add(CabinetSession(station_id=unit.station_id, opened_at=ctx.now, image_before=digest))
        record = f"/api/v1/cabinet-sessions/{session.id}"
    storekeeper = api(person("vision:read", "vision:validate"))
    reader, stranger = api(person("vision:read")), api(person("stock:read", "platform:read"))
    assert storekeeper.get(record).json()["photographs"] == [
        {"moment": "before", "sha256": digest, "url": None}
    ]
    assert unit.put(data, 0, 4000, digest).status_code == 201
    ((shown),) = storekeeper.get(record).json()["photographs"]
    assert reader.get(record).json()["photographs"] == [{"moment": "before", "sha256": digest, "url": None}]
    answer = storekeeper.get(shown["url"])
    assert (answer.content, answer.headers["content-type"]) == (data, "image/jpeg")
    assert reader.get(shown["url"]).status_code == 403, "figures are for many, pictures for those who decide"
    assert stranger.get(shown["url"]).status_code == 403
    assert unit.client.get(shown["url"], headers=unit.headers()).status_code == 403
    other, other_digest = picture(500)
    unit.put(other, 0, 500, other_digest)
    assert storekeeper.get(f"/api/v1/stations/files/{other_digest}").status_code == 403
    assert stranger.get(f"/api/v1/stations/files/{other_digest}").content == other


def test_a_file_of_another_station_is_not_taken_for_ones_own(
    unit: Unit, api: Api, factory: ContextFactory
) -> None:
    data, digest = picture(3000)
    unit.put(data, 0, 3000, digest)
    other = admitted(api, factory, "st-camera-2")
    assert other.put(data, 0, 1000, digest).json() == {"received": 1000}


def test_pieces_left_behind_are_cleaned(unit: Unit, factory: ContextFactory) -> None:
    data, digest = picture(2000)
    unit.put(data, 0, 1000, digest)
    (part,) = (factory.config.data_dir / "incoming").glob("*/*.part")
    uploads.clean(factory)
    assert part.exists()
    os.utime(part, (0, 0))
    uploads.clean(factory)
    assert not part.exists()
