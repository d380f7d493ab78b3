"""Thresholds of automatic posting: inherited shop → station → kinds, refused under the safe minimum, told to the station, used by both sides."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, dispatch
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.models import Setting
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.stations import service, thresholds
from coordinator.modules.stations.models import Station, StationConfig, VisionDetection, VisionThreshold
from coordinator.modules.stations.threshold_rules import Level, crosses, resolve
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import LocationItem, StockMovement, StorageLocation
from edge_agents.drivers.cabinet_camera import telling
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, Compartment
from edge_agents.drivers.cabinet_camera.decision import Change, Decision, Reading
from edge_agents.protocol.payloads import VisionDetection as DetectionPayload
from edge_agents.protocol.posting import Limits, Thresholds

D = Decimal
DRIVER = {"type": "cabinet_camera", "vision": "vision.yaml", "frames": "frames"}
SQUARE = [[0, 0], [90, 0], [90, 90], [0, 90]]


@pytest.fixture
def station(ctx: Context) -> Station:
    site = ctx.add(Site(code="SV", name="Site"))
    found = ctx.add(Station(code="arm-1", name="Armoire 1", kind="cabinet_camera", site_id=site.id))
    service.set_config(ctx, found, service.ConfigParams(config={"drivers": {"cabinet": DRIVER}}))
    return found


@pytest.fixture
def held(ctx: Context) -> dict[str, StorageLocation]:
    """A compartment with inserts, and a drawer with drills."""
    found = {}
    for code, kind, item, item_kind in (
        ("A-01", "compartment", "PL-1", "insert"),
        ("T-01", "drawer", "FOR-8", "tool"),
    ):
        place = ctx.add(StorageLocation(code=code, name=code, kind=kind, vision_mode="auto", camera="arm-1", polygon=SQUARE))  # fmt: skip
        row = ctx.add(StockItem(code=item, name=item, item_kind=item_kind, is_consumable=True))
        ctx.add(LocationItem(storage_location_id=place.id, stock_item_id=row.id))
        stock.receive(ctx, row.id, D(20), location_id=place.id)
        found[code] = place
    return found


def decide(ctx: Context, station: Station, *changes: tuple[str, str, Any, Any]) -> dict[str, Any]:
    wanted = [
        thresholds.Wanted(scope=scope, kind=kind, auto_pct=auto, review_pct=review)
        for scope, kind, auto, review in changes
    ]
    return thresholds.change(
        ctx, station, thresholds.ThresholdParams(changes=wanted, reason="Essais de novembre")
    )


def see(ctx: Context, place: str, item: str, confidence: float, **more: Any) -> VisionDetection:
    session, uid, at = str(uuid.uuid4()), uuid.uuid4(), ctx.now.isoformat()
    moment = ctx.now
    start = {"session_uid": session, "opened_at": at, "closed_at": at, "status": "closed"}
    fact = {"session_uid": session, "detection_uid": str(uid), "location_code": place, "item_code": item, "count_before": 5.0,
            "count_after": 4.0, "delta": -1.0, "confidence": confidence, "method": "count", "usable": True, "reason": None}  # fmt: skip
    for kind, payload in (("cabinet.session", start), ("vision.detection", fact | more)):
        dispatch(ctx, DeviceEvent(uuid.uuid4(), kind, payload, moment, moment, station_id="arm-1"))
    return ctx.session.scalars(select(VisionDetection).where(VisionDetection.uid == uid)).one()


def posted(ctx: Context, detection: VisionDetection) -> int:
    query = select(StockMovement.id).where(StockMovement.vision_detection_id == detection.id)
    return len(list(ctx.session.scalars(query)))


def newest(ctx: Context, station: Station) -> StationConfig:
    query = select(StationConfig).where(StationConfig.station_id == station.id)
    return ctx.session.scalars(query.order_by(StationConfig.version_no.desc()).limit(1)).one()


def test_each_value_is_inherited_by_itself_and_the_most_particular_wins() -> None:
    shop = Level("shop", "", D(90), D(60))
    place = Level("location_kind", "drawer", None, D(70))
    item = Level("item_kind", "insert", D(97), None)
    found = resolve([shop, Level("station", "", D(92), None), place, item])
    assert (found.auto_pct.value, found.auto_pct.scope, found.auto_pct.kind) == (D(97), "item_kind", "insert")
    assert (found.review_pct.value, found.review_pct.scope) == (D(70), "location_kind")
    assert resolve([shop]).auto_pct.scope == "shop"
    crossed = [shop, Level("station", "", None, D(95))]
    assert crosses(crossed)
    assert resolve(crossed).auto_pct.value == D(95), "never posted alone where it still has to be confirmed"
    assert resolve([Level("shop", "", D(10), D(10))]).auto_pct.value == D(80), (
        "an old value is no way around the minimum"
    )


@pytest.mark.requirement("VIS-14")
def test_the_same_confidence_is_posted_or_asked_about_by_station_and_kind(
    ctx: Context, station: Station, held: dict[str, StorageLocation]
) -> None:
    assert see(ctx, "A-01", "PL-1", 0.93).status == "auto_booked", "the shop says 90 %"
    decide(
        ctx,
        station,
        ("station", "", "95", None),
        ("item_kind", "tool", "85", None),
        ("item_kind", "insert", None, "92"),
    )
    insert, drill = see(ctx, "A-01", "PL-1", 0.93), see(ctx, "T-01", "FOR-8", 0.88)
    assert (insert.status, posted(ctx, insert)) == ("to_confirm", 1), (
        "95 % of the station, 92 % of its inserts"
    )
    assert (insert.auto_pct, insert.review_pct) == (D(95), D(92)), "the detection keeps what it was judged by"
    assert (drill.status, posted(ctx, drill)) == ("auto_booked", 1)
    low = see(ctx, "A-01", "PL-1", 0.9)
    assert (low.status, posted(ctx, low)) == ("to_confirm", 0)
    decide(ctx, station, ("location_kind", "drawer", "99", None), ("item_kind", "tool", None, None))
    assert see(ctx, "T-01", "FOR-8", 0.97).status == "to_confirm", "inherits its kind of place again"
    assert see(ctx, "T-01", "FOR-8", 0.995).status == "auto_booked"


@pytest.mark.requirement("VIS-14")
def test_what_the_station_said_a_person_will_check_is_never_posted_alone(
    ctx: Context, station: Station, held: dict[str, StorageLocation]
) -> None:
    asked = see(ctx, "A-01", "PL-1", 0.97, handling="review")
    confirmed = see(ctx, "A-01", "PL-1", 0.97, handling="confirm")
    bold = see(ctx, "A-01", "PL-1", 0.7, handling="auto")
    assert [(one.status, posted(ctx, one)) for one in (asked, confirmed, bold)] == [
        ("to_confirm", 0),
        ("to_confirm", 1),
        ("to_confirm", 1),
    ]


@pytest.mark.requirement("VIS-14")
def test_unsafe_values_are_refused_at_their_field_and_nothing_is_kept(ctx: Context, station: Station) -> None:
    with pytest.raises(BusinessError) as low:
        decide(ctx, station, ("station", "", "95", "60"), ("item_kind", "insert", "79.9", "49"), ("item_kind", "ppe", "101", None))  # fmt: skip
    assert low.value.code == "vision.thresholds_refused"
    assert {error.field: error.code for error in low.value.errors} == {
        "changes.1.auto_pct": "vision.threshold_low.auto_pct",
        "changes.1.review_pct": "vision.threshold_low.review_pct",
        "changes.2.auto_pct": "vision.threshold_high",
    }
    assert "80" in str(low.value.errors[0].to_json("fr")["message"])
    with pytest.raises(BusinessError) as crossed:
        decide(ctx, station, ("station", "", "85", None), ("item_kind", "insert", None, "88"))
    assert crossed.value.errors[0].field == "changes.0.review_pct"
    with pytest.raises(BusinessError) as unknown:
        decide(ctx, station, ("item_kind", "spaceship", "95", None))
    assert unknown.value.errors[0].field == "changes.0.kind"
    assert ctx.session.scalars(select(VisionThreshold)).all() == []
    with pytest.raises(BusinessError, match=r"setting\.invalid|80"):
        ctx.settings._definitions["stock.vision_auto_pct"].parse(70)
    assert ctx.settings._definitions["stock.vision_auto_pct"].parse(80) == D(80)


@pytest.mark.requirement("VIS-14")
def test_the_page_tells_where_each_value_comes_from_and_keeps_every_decision(
    ctx: Context, station: Station, held: dict[str, StorageLocation]
) -> None:
    decide(ctx, station, ("station", "", "94", None))
    decide(ctx, station, ("station", "", "96", "65"), ("item_kind", "insert", "98", None))
    found = thresholds.read(ctx, station)
    rows = {(one["scope"], one["kind"]): one for one in found["rows"]}
    assert rows["station", ""]["auto_pct"] == {"value": "96", "from": "Station", "own": "96"}
    assert rows["item_kind", "insert"]["auto_pct"]["own"] == "98"
    assert rows["item_kind", "insert"]["review_pct"] == {"value": "65", "from": "Station", "own": None}
    assert rows["location_kind", "drawer"]["is_used"]
    assert not rows["item_kind", "ppe"]["is_used"]
    places = {one["place"]: one for one in found["places"]}
    assert places["A-01"]["auto_pct"]["from"].startswith("Articles")
    assert places["T-01"]["auto_pct"] == {"value": "96", "from": "Station"}
    assert [(one["level"], one["auto_pct"], one["reason"]) for one in found["history"]][-1] == (
        "Station",
        "94",
        "Essais de novembre",
    )
    assert len(found["history"]) == 3
    with pytest.raises(BusinessError) as same:
        decide(ctx, station, ("station", "", "96", "65"))
    assert same.value.code == "vision.thresholds_same"


@pytest.mark.requirement("VIS-14", "EDG-30")
def test_the_station_gets_them_signed_and_tells_the_person_what_will_be_checked(
    ctx: Context, station: Station, held: dict[str, StorageLocation]
) -> None:
    answer = decide(ctx, station, ("station", "", "92", None), ("item_kind", "tool", "97", None))
    row = newest(ctx, station)
    assert row.version_no == answer["version_no"]
    assert row.signature
    driver = CabinetCameraConfig.model_validate(row.config["drivers"]["cabinet"])
    assert driver.thresholds is not None
    assert driver.thresholds.of("T-01", "FOR-8") == Limits(auto_pct=97, review_pct=60)
    assert driver.thresholds.of("A-01", "PL-1").auto_pct == 92
    changes = tuple(
        Change(Compartment(id=place, method="count", polygon=SQUARE, item=item), Reading(5, True, 1), Reading(4, True, 1), -1, 0.95)
        for place, item in (("A-01", "PL-1"), ("T-01", "FOR-8"))
    )  # fmt: skip
    session = {"session_uid": str(uuid.uuid4())}
    told = telling.answer_of(session, Decision(True, None, changes), doubtful=False, limits=driver.thresholds)
    assert told["message"] == "-1 PL-1, -1 FOR-8 (à vérifier par le magasinier)"
    sent = [
        DetectionPayload.model_validate(telling.detection(session, one, doubtful=False, item=None, limits=driver.thresholds))
        for one in changes
    ]  # fmt: skip
    assert [one.handling for one in sent] == ["auto", "confirm"]
    doubtful = telling.detection(session, changes[0], doubtful=True, item=None, limits=driver.thresholds)
    assert doubtful["handling"] == "review"
    with pytest.raises(ValueError, match="auto_pct"):
        Thresholds(auto_pct=79, review_pct=60)


def test_a_changed_setting_of_the_shop_reaches_stations_that_have_thresholds(
    ctx: Context, station: Station, held: dict[str, StorageLocation]
) -> None:
    assert thresholds.read(ctx, station)["is_sent"], "nothing was decided, nothing is under way"
    thresholds.send_all(ctx)
    assert newest(ctx, station).version_no == 1, (
        "a station nothing was decided for keeps the configuration it has"
    )
    decide(ctx, station, ("item_kind", "tool", "97", None))
    thresholds.send_all(ctx)
    assert newest(ctx, station).version_no == 2, "nothing to send twice"
    ctx.add(Setting(key="stock.vision_auto_pct", scope="global", scope_id=None, value="88"))
    ctx.settings.forget()
    assert not thresholds.read(ctx, station)["is_sent"]
    thresholds.send_all(ctx)
    row = newest(ctx, station)
    assert row.version_no == 3
    assert row.config["drivers"]["cabinet"]["thresholds"]["auto_pct"] == 88.0
    assert thresholds.read(ctx, station)["is_sent"]


def test_without_a_configuration_thresholds_hold_at_the_office(ctx: Context) -> None:
    site = ctx.add(Site(code="S2", name="Site"))
    bare = ctx.add(Station(code="arm-9", name="Armoire 9", kind="cabinet_camera", site_id=site.id))
    assert decide(ctx, bare, ("station", "", "99", None))["version_no"] is None
    assert thresholds.of(ctx, bare, None, None).auto_pct.value == D(99)
    assert (
        ctx.session.scalars(select(StationConfig).where(StationConfig.station_id == bare.id)).first() is None
    )
