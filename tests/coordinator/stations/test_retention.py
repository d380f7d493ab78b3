"""Pictures, teaching data and models of cabinets: kept while somebody needs them, gone when their time is over, erased by a person."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel import audit
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.stations import vision_retention
from coordinator.modules.stations.models import (
    AiModel,
    CabinetSession,
    Station,
    StationFile,
    VisionCount,
    VisionDetection,
)
from coordinator.modules.stations.update_models import (
    UpdateInstallation,
    UpdatePackage,
    UpdatePublisher,
    UpdateRollout,
)

Picture = Callable[..., str]
REASON = vision_retention.EraseParams(reason="Une main se voit")


@pytest.fixture
def station(ctx: Context) -> Station:
    site = ctx.add(Site(code="SV", name="Site"))
    return ctx.add(Station(code="arm-1", name="Armoire 1", kind="cabinet_camera", site_id=site.id))


@pytest.fixture
def picture(ctx: Context, station: Station) -> Picture:
    numbers = itertools.count()

    def put(days: float = 400) -> str:
        sha256 = ctx.files.put(io.BytesIO(b"\xff\xd8\xff picture %d" % next(numbers)), "image/jpeg").sha256
        ctx.session.add(
            StationFile(station_id=station.id, sha256=sha256, size=9, media_type="image/jpeg",
                        received_at=ctx.now - dt.timedelta(days=days))
        )  # fmt: skip
        ctx.session.flush()
        return sha256

    return put


def opening(ctx: Context, station: Station, days: float, **images: str) -> CabinetSession:
    at = ctx.now - dt.timedelta(days=days)
    return ctx.add(CabinetSession(uid=uuid.uuid4(), station_id=station.id, opened_at=at, closed_at=at, status="closed", **images))  # fmt: skip


def seen(
    ctx: Context, session: CabinetSession, status: str, *, wrong: bool = False, **more: Any
) -> VisionDetection:
    reviewed = session.opened_at if status in {"confirmed", "rejected"} else None
    return ctx.add(
        VisionDetection(uid=uuid.uuid4(), cabinet_session_id=session.id, delta=-2 if wrong else -1, seen_delta=-1, method="count",
                        status=status, detected_at=session.opened_at, reviewed_at=reviewed, **more)
    )  # fmt: skip


def model(ctx: Context, version: str, status: str, *pictures: str) -> AiModel:
    return ctx.add(
        AiModel(name="armoire", version=version, sha256=uuid.uuid4().hex * 2, taught_at=ctx.now, classes=["PL-1"],
                training={"pictures": list(pictures)}, metrics={"sessions": 10, "passes": True}, status=status)
    )  # fmt: skip


def runs(ctx: Context, station: Station, version: str, before: str) -> UpdatePackage:
    """The station runs a version that was rolled out over another."""
    station.health = {"versions": {"models": {"armoire": version}}}
    publisher = ctx.add(UpdatePublisher(name="Atelier", public_key=uuid.uuid4().hex))
    made = [
        ctx.add(UpdatePackage(kind="model", name="armoire", version=one, sha256=ctx.files.put(io.BytesIO(one.encode()), "application/zip").sha256,
                              size_bytes=3, update_publisher_id=publisher.id, built_at=ctx.now))
        for one in (before, version)
    ]  # fmt: skip
    rollout = ctx.add(UpdateRollout(update_package_id=made[1].id, pilot_station_id=station.id, observe_min=0, group_size=1, health_s=300))  # fmt: skip
    ctx.add(
        UpdateInstallation(update_rollout_id=rollout.id, update_package_id=made[1].id, station_id=station.id, action="install",
                           status="installed", from_version=before, to_version=version)
    )  # fmt: skip
    return made[0]


def there(ctx: Context, sha256: str) -> bool:
    rows = ctx.session.scalars(select(StationFile).where(StationFile.sha256 == sha256)).all()
    assert bool(rows) == ctx.files.path(sha256).exists()
    return bool(rows)


@pytest.mark.requirement("VIS-28")
def test_an_open_review_keeps_its_pictures_and_the_rest_of_the_opening_goes_with_it(
    ctx: Context, station: Station, picture: Picture
) -> None:
    waiting, over, young = (
        opening(ctx, station, days, image_before=picture(days), image_after=picture(days))
        for days in (50, 50, 3)
    )
    crop = picture()
    asked = seen(ctx, waiting, "to_confirm", crop_after=crop)
    asked.detected_at = ctx.now - dt.timedelta(days=200)
    kept = [one for s in (waiting, young) for one in (s.image_before, s.image_after)]
    gone = [over.image_before, over.image_after]
    vision_retention.clean_pictures(ctx)
    assert [there(ctx, str(one)) for one in kept] == [True] * 4
    assert there(ctx, crop)
    assert [there(ctx, str(one)) for one in gone] == [False] * 2
    asked.status, asked.reviewed_at, asked.delta = "confirmed", ctx.now, -1
    vision_retention.clean_pictures(ctx)
    assert not there(ctx, crop)
    assert waiting.image_before is None


@pytest.mark.requirement("VIS-28")
def test_teaching_pictures_stay_while_a_kept_model_was_taught_with_them(
    ctx: Context, station: Station, picture: Picture
) -> None:
    crops = [picture() for _ in range(4)]
    rows = [seen(ctx, opening(ctx, station, 400), "confirmed", wrong=True, crop_after=crop) for crop in crops]
    rows[3].reviewed_at = ctx.now - dt.timedelta(days=100)
    old = model(ctx, "1", "retired", crops[0])
    running = model(ctx, "2", "retired", crops[1])
    model(ctx, "0", "rejected", crops[2])
    runs(ctx, station, "2", "1")
    vision_retention.clean_pictures(ctx)
    assert [there(ctx, crop) for crop in crops] == [True, True, False, True], (
        "1 may be gone back to, 2 runs, 0 is nobody's, the last still waits for a model"
    )
    told = vision_retention.retention(ctx)
    teaching = next(one for one in told["rows"] if one["kind"] == "teaching")
    assert (teaching["kept"], teaching["taught"], teaching["days"]) == (3, 2, 365)
    assert {
        one["version"]: ([s["as"] for s in one["stations"]], one["may_erase"]) for one in told["models"]
    } == {
        "1": (["previous"], False),
        "2": (["running"], False),
        "0": ([], True),
    }
    station.archived_at = ctx.now
    assert vision_retention.holders(ctx, running) == [], "a station out of service holds nothing"
    vision_retention.clean_pictures(ctx)
    assert [there(ctx, crop) for crop in crops] == [False, False, False, True]
    assert vision_retention.holders(ctx, old) == []


@pytest.mark.requirement("VIS-28")
def test_views_of_archived_stations_and_pictures_nothing_names_go(
    ctx: Context, station: Station, picture: Picture
) -> None:
    view, loose, fresh, shown = picture(), picture(30), picture(2), picture(30)
    ctx.add(StockItem(code="PH-1", name="Plaquette", item_kind="insert", photo_sha256=shown))
    at = ctx.now - dt.timedelta(days=300)
    ctx.add(VisionCount(uid=uuid.uuid4(), station_id=station.id, trigger="reference", counted_at=at, places=[], differences=0, image=view))  # fmt: skip
    log = ctx.files.put(io.BytesIO(b"log"), "text/plain").sha256
    ctx.session.add(
        StationFile(station_id=station.id, sha256=log, size=3, media_type="text/plain", received_at=at)
    )
    vision_retention.clean_pictures(ctx)
    assert [there(ctx, one) for one in (view, loose, fresh, log, shown)] == [
        True,
        False,
        True,
        True,
        True,
    ], "a picture another record shows stays"
    station.archived_at = ctx.now
    vision_retention.clean_pictures(ctx)
    assert not there(ctx, view)


@pytest.mark.requirement("VIS-28")
def test_a_person_erases_an_opening_but_not_under_a_reviewer(
    ctx: Context, station: Station, picture: Picture
) -> None:
    session = opening(ctx, station, 1, image_before=picture(1), image_after=picture(1))
    asked = seen(ctx, session, "to_confirm", wrong=True, crop_after=picture(1))
    with pytest.raises(BusinessError) as needed:
        vision_retention.erase_pictures(ctx, session, REASON)
    assert needed.value.code == "vision.pictures_needed"
    asked.status, asked.reviewed_at = "confirmed", ctx.now
    named = [session.image_before, session.image_after, asked.crop_after]
    assert vision_retention.erase_pictures(ctx, session, REASON)["erased"] == 3
    assert not any(there(ctx, str(one)) for one in named), "teaching data too: somebody may be on it"
    assert [entry.action for entry in audit._pending(ctx.session)].count("erase_images") == 1
    with pytest.raises(BusinessError) as nothing:
        vision_retention.erase_pictures(ctx, session, REASON)
    assert nothing.value.code == "vision.no_pictures"


@pytest.mark.requirement("VIS-28")
def test_a_model_is_erased_only_when_no_station_needs_it(
    ctx: Context, station: Station, picture: Picture
) -> None:
    shared, own = picture(), picture()
    for crop in (shared, own):
        seen(ctx, opening(ctx, station, 200), "confirmed", wrong=True, crop_after=crop)
    old, new = model(ctx, "1", "approved", shared, own), model(ctx, "2", "approved", shared)
    package = runs(ctx, station, "2", "1")
    with pytest.raises(BusinessError) as kept:
        vision_retention.erase_model(ctx, old, REASON)
    assert kept.value.code == "model.still_kept"
    old.status = "retired"
    with pytest.raises(BusinessError) as used:
        vision_retention.erase_model(ctx, old, REASON)
    assert (used.value.code, "Armoire 1" in used.value.message("fr")) == ("model.still_used", True)
    station.health = {"versions": {"models": {"armoire": "3"}}}
    ctx.session.scalars(select(UpdateInstallation)).one().from_version = "2"
    assert vision_retention.erase_model(ctx, old, REASON) == {"erased_pictures": 1, "erased_package": True}
    assert [there(ctx, one) for one in (shared, own)] == [True, False]
    assert (package.status, ctx.files.path(package.sha256).exists()) == ("rejected", False)
    assert (old.archived_at, new.archived_at) == (ctx.now, None)
