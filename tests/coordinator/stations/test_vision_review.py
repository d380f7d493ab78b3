"""Cameras in the office: queue, corrections, shadow period, full counts, models, pictures, scores."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel import audit
from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.models import Notification, Task
from coordinator.modules.catalogue.models import Material, StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.documents.models import Document
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.stations import (
    vision_models,
    vision_pages,
    vision_retention,
    vision_review,
    vision_rules,
)
from coordinator.modules.stations.models import (
    AiModel,
    CabinetSession,
    Station,
    StationFile,
    VisionActivation,
    VisionCount,
    VisionDetection,
)
from coordinator.modules.stations.update_models import UpdatePackage, UpdatePublisher
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import ReorderProposal, StorageLocation
from coordinator.modules.stock.models_people import Instrument
from edge_agents.drivers.cabinet_camera import recording
from tests.conftest import person
from tests.factories import make

Say = Callable[..., Outcome]
SHA = "ab" * 32
PIXEL = b"\xff\xd8\xff\xe0 a picture"


@pytest.fixture
def station(ctx: Context) -> Station:
    site = ctx.add(Site(code="SV", name="Site"))
    return ctx.add(Station(code="arm-1", name="Armoire 1", kind="cabinet_camera", site_id=site.id))


@pytest.fixture
def insert(ctx: Context) -> StockItem:
    return ctx.add(StockItem(code="PL-1", name="Plaquette", item_kind="insert", is_consumable=True))


@pytest.fixture
def place(ctx: Context, insert: StockItem) -> StorageLocation:
    found = ctx.add(StorageLocation(code="A-01", name="A1", kind="compartment", vision_mode="auto"))
    stock.receive(ctx, insert.id, Decimal(10), location_id=found.id)
    return found


@pytest.fixture
def say(ctx: Context, station: Station) -> Say:
    def send(kind: str, at: dt.datetime | None = None, **payload: Any) -> Outcome:
        moment = at or ctx.now
        return dispatch(
            ctx, DeviceEvent(uuid.uuid4(), kind, payload, moment, moment, station_id=station.code)
        )

    return send


def see(
    ctx: Context,
    say: Say,
    delta: int | None,
    *,
    at: dt.datetime | None = None,
    item: str | None = "PL-1",
    **more: Any,
) -> VisionDetection:
    """A session with one detection, as a station tells it."""
    session, uid, moment = uuid.uuid4(), uuid.uuid4(), at or ctx.now
    told = {
        key: more.pop(key) for key in ("persons", "operation_code", "brightness", "sharpness") if key in more
    }
    say("cabinet.session", at=moment, session_uid=str(session), opened_at=moment.isoformat(), closed_at=moment.isoformat(),
        status="closed", image_before=SHA, image_after=SHA, **told)  # fmt: skip
    detection = {"session_uid": str(session), "detection_uid": str(uid), "location_code": "A-01", "item_code": item,
                 "count_before": 5.0, "count_after": 5.0 + (delta or 0), "delta": delta, "confidence": 0.97, "method": "count",
                 "usable": True, "reason": None}  # fmt: skip
    say("vision.detection", at=moment, **detection | more)
    return ctx.session.scalars(select(VisionDetection).where(VisionDetection.uid == uid)).one()


def answer(ctx: Context, row: VisionDetection, **values: Any) -> None:
    vision_review.confirm(ctx, row, vision_review.ReviewParams(**values))


@pytest.mark.requirement("VIS-19")
def test_a_reviewer_confirms_corrects_rejects_or_asks_for_a_count(
    ctx: Context, say: Say, insert: StockItem, place: StorageLocation
) -> None:
    row = see(ctx, say, -2, confidence=0.7, crop_before=SHA, crop_after=SHA, frame=[0.1, 0.2, 0.3, 0.4])
    assert (row.status, row.reason, row.frame) == ("to_confirm", "confidence", [0.1, 0.2, 0.3, 0.4])
    assert stock.on_hand(ctx, insert.id) == 8
    shown = vision_review.photographs(ctx, row)
    assert [one["moment"] for one in shown] == ["before", "after", "crop_before", "crop_after"]
    task = vision_review.count_again(ctx, row, vision_review.ReviewParams())
    assert ctx.get(Task, task["task_id"]).title == "Recompter A-01"
    answer(ctx, row, delta=-3)
    assert (row.status, row.delta, row.seen_delta) == ("confirmed", -3, -2)
    assert stock.on_hand(ctx, insert.id) == 7
    other = see(ctx, say, -1, confidence=0.7)
    vision_review.reject(ctx, other, vision_review.ReviewParams())
    assert (other.status, stock.on_hand(ctx, insert.id)) == ("rejected", 7)


@pytest.mark.requirement("VIS-18")
def test_a_provisional_posting_already_asks_for_more(
    ctx: Context, say: Say, insert: StockItem, place: StorageLocation
) -> None:
    insert.alert_threshold = Decimal(9)
    row = see(ctx, say, -2, confidence=0.7)
    assert row.status == "to_confirm"
    proposals = ctx.session.scalars(select(ReorderProposal).where(ReorderProposal.stock_item_id == insert.id))
    assert len(list(proposals)) == 1


@pytest.mark.requirement("VIS-09")
def test_the_wrong_button_sends_a_posting_to_a_person(ctx: Context, say: Say, place: StorageLocation) -> None:
    row = see(ctx, say, -1)
    assert row.status == "auto_booked"
    session = ctx.get(CabinetSession, row.cabinet_session_id)
    say("vision.disputed", session_uid=str(session.uid), detection_uid=None)
    assert (row.status, row.is_disputed, row.seen_status) == ("to_confirm", True, "auto_booked")
    vision_review.reject(ctx, row, vision_review.ReviewParams())
    assert say("vision.disputed", session_uid=str(session.uid), detection_uid=None).result == "review"


@pytest.mark.requirement("VIS-17")
def test_only_a_proven_and_announced_compartment_posts(
    ctx: Context, say: Say, station: Station, insert: StockItem, place: StorageLocation
) -> None:
    place.vision_mode = "shadow"
    rows = [see(ctx, say, -1) for _ in range(50)]
    assert {row.status for row in rows} == {"shadow"}
    for row in rows[:49]:
        answer(ctx, row)
    assert stock.on_hand(ctx, insert.id) == 10, "in shadow nothing moves, whatever the answer"
    auto = vision_review.VisionModeParams(mode="auto")
    with pytest.raises(BusinessError, match="not_activated"):
        vision_review.set_mode(ctx, place, auto)
    declared = {"employees_informed": True, "informed_on": ctx.now.date(), "framing_checked": True}
    vision_review.activate(ctx, station, vision_review.ActivationParams(**declared))
    with pytest.raises(BusinessError, match="not_proven"):
        vision_review.set_mode(ctx, place, auto)
    answer(ctx, rows[49])
    texts = [n.text for n in ctx.session.scalars(select(Notification))]
    assert any("automatique peut être décidé" in words for words in texts)
    assert place.vision_mode == "shadow", "a person decides"
    vision_review.set_mode(ctx, place, auto)
    assert see(ctx, say, -1).status == "auto_booked"
    for _ in range(3):
        answer(ctx, see(ctx, say, -1), delta=-2)
    assert place.vision_mode == "review", "47 of the last 50"


@pytest.mark.requirement("VIS-29")
def test_people_are_told_before_a_camera_counts(
    ctx: Context, say: Say, station: Station, place: StorageLocation
) -> None:
    good = {"employees_informed": True, "informed_on": ctx.now.date(), "framing_checked": True}
    tomorrow = ctx.now.date() + dt.timedelta(days=1)
    for bad in (
        {"employees_informed": False},
        {"framing_checked": False},
        {"council": "consulted"},
        {"informed_on": tomorrow},
    ):
        with pytest.raises(BusinessError, match="must_inform"):
            vision_review.activate(ctx, station, vision_review.ActivationParams(**good | bad))
    see(ctx, say, -1)
    review = vision_review.VisionModeParams(mode="review")
    with pytest.raises(BusinessError, match="not_activated"):
        vision_review.set_mode(ctx, place, review)
    notice = make(ctx, Document)
    more = {"council": "consulted", "consulted_on": ctx.now.date(), "document_id": notice.id}
    vision_review.activate(ctx, station, vision_review.ActivationParams(**good | more))
    kept = ctx.session.scalars(select(VisionActivation)).one()
    assert (kept.informed_on, kept.council, kept.consulted_on) == (
        ctx.now.date(),
        "consulted",
        ctx.now.date(),
    )
    assert kept.document_id == notice.id
    assert kept.declared_by_id == ctx.principal.user_id
    vision_review.set_mode(ctx, place, review)
    assert place.vision_mode == "review", "told and consulted: the camera may count"
    vision_review.set_mode(ctx, place, review)
    assert place.vision_mode == "review"


@pytest.mark.requirement("VIS-11")
def test_a_full_count_is_compared_with_the_ledger(
    ctx: Context, say: Say, insert: StockItem, place: StorageLocation
) -> None:
    other = ctx.add(StorageLocation(code="A-02", name="A2", kind="compartment"))
    stock.receive(ctx, insert.id, Decimal(4), location_id=other.id)
    line = {"item_code": "PL-1", "confidence": 0.95, "method": "count", "reason": None}
    places = [line | {"location_code": "A-01", "count": 9}, line | {"location_code": "A-02", "count": 4},
              line | {"location_code": "A-03", "count": None}]  # fmt: skip
    uid = str(uuid.uuid4())
    say("vision.counted", count_uid=uid, trigger="daily", places=places, image=None)
    assert (
        say("vision.counted", count_uid=uid, trigger="daily", places=places, image=None).result == "duplicate"
    )
    count = ctx.session.scalars(select(VisionCount)).one()
    assert [row["difference"] for row in count.places] == [-1.0, 0.0, None]
    assert count.differences == 1
    row = ctx.session.scalars(select(VisionDetection)).one()
    assert (row.status, row.reason, row.delta) == ("to_confirm", "full_count", -1)
    assert stock.on_hand(ctx, insert.id, location_id=place.id) == 10, "a camera's count waits for a person"
    say("vision.counted", count_uid=str(uuid.uuid4()), trigger="daily", places=places, image=None)
    assert ctx.session.scalars(select(VisionDetection)).all() == [row], (
        "one question at a time: no posting twice"
    )
    answer(ctx, row)
    assert stock.on_hand(ctx, insert.id, location_id=place.id) == 9
    places[0]["count"] = 8
    say("vision.counted", count_uid=str(uuid.uuid4()), trigger="daily", places=places, image=None)
    assert [
        one.delta for one in ctx.session.scalars(select(VisionDetection).order_by(VisionDetection.id))
    ] == [-1, -1]


@pytest.mark.requirement("VIS-12")
def test_bars_are_counted_and_never_debited(ctx: Context, say: Say) -> None:
    bar = ctx.add(Material(code="AC-20", name="Rond 20", item_kind="material", unit="mm", managed_by="unit"))
    place = ctx.add(StorageLocation(code="A-01", name="Case", kind="compartment", vision_mode="auto"))
    from coordinator.modules.stock.models import StockUnit

    for _ in range(3):
        unit = ctx.add(StockUnit(stock_item_id=bar.id, length_mm=Decimal(3000)))
        stock.receive(ctx, bar.id, Decimal(3000), location_id=place.id, unit_id=unit.id)
    same = see(
        ctx, say, -1, item="AC-20", method="bar_ends", count_before=4.0, count_after=3.0, diameter_mm=20.1
    )
    assert (same.status, same.diameter_mm) == ("auto_booked", 20.1)
    less = see(ctx, say, -1, item="AC-20", method="bar_ends", count_before=3.0, count_after=2.0)
    assert (less.status, less.reason) == ("to_confirm", "bar_count")
    answer(ctx, less)
    assert stock.on_hand(ctx, bar.id) == 9000


@pytest.mark.requirement("VIS-42")
@pytest.mark.requirement("VIS-13")
@pytest.mark.parametrize(
    ("reason", "words"), [("foreign_or_misplaced", "étranger"), ("unlabelled", "mesurer et étiqueter")]
)
def test_what_is_not_known_is_asked_for(
    ctx: Context, say: Say, insert: StockItem, place: StorageLocation, reason: str, words: str
) -> None:
    row = see(ctx, say, None, item=None, reason=reason, confidence=0.5)
    assert row.status == "to_confirm"
    assert (row.reason or "").startswith(reason)
    assert stock.on_hand(ctx, insert.id) == 10
    assert words in ctx.session.scalars(select(Task).where(Task.object_id == row.id)).one().title


@pytest.mark.requirement("VIS-13")
def test_an_offcut_is_known_by_its_label(
    ctx: Context, say: Say, place: StorageLocation, insert: StockItem
) -> None:
    from coordinator.kernel import qr

    row = see(ctx, say, -1, item=None, method="boxes", code=qr.code_of(ctx, insert))
    assert (row.stock_item_id, row.status) == (insert.id, "auto_booked")


@pytest.mark.requirement("VIS-10")
def test_an_instrument_missing_misplaced_or_expired_is_told(
    ctx: Context, say: Say, place: StorageLocation
) -> None:
    gauge = ctx.add(StockItem(code="PC-7", name="Pied à coulisse", item_kind="instrument"))
    home = ctx.add(StorageLocation(code="A-09", name="Tiroir", kind="compartment", vision_mode="auto"))
    stock.receive(ctx, gauge.id, Decimal(1), location_id=home.id)
    instrument = ctx.add(
        Instrument(name="Pied à coulisse", instrument_type="caliper", serial_number="7", stock_item_id=gauge.id,
                   storage_location_id=home.id, next_calibration_due=ctx.now.date() - dt.timedelta(days=3))
    )  # fmt: skip
    see(ctx, say, -1, item="PC-7", location_code="A-09", method="marker")
    assert instrument.is_present is False
    see(ctx, say, 1, item="PC-7", method="marker")
    texts = " ".join(n.text for n in ctx.session.scalars(select(Notification)))
    assert "mauvais endroit : A-01" in texts
    assert "étalonnage échu" in texts
    assert instrument.is_present


@pytest.mark.requirement("VIS-20")
def test_what_waits_too_long_is_escalated_once(ctx: Context, say: Say, place: StorageLocation) -> None:
    old = see(ctx, say, -1, confidence=0.7, at=ctx.now - dt.timedelta(days=6))
    new = see(ctx, say, -1, confidence=0.7)
    vision_review.remind(ctx)
    vision_review.remind(ctx)
    assert old.escalated_at is not None
    assert new.escalated_at is None
    told = list(ctx.session.scalars(select(Notification).where(Notification.category == "vision")))
    assert sum("jours ouvrés" in n.text for n in told) == 1
    assert any(n.role_code == "storekeeper" and "2 à vérifier" in n.text for n in told)
    monday = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
    assert vision_rules.working_days_before(monday, 2) == monday - dt.timedelta(days=4)


@pytest.mark.requirement("VIS-22")
@pytest.mark.requirement("VIS-26")
@pytest.mark.requirement("VIS-30")
def test_the_dashboard_shows_stations_and_never_persons(
    ctx: Context, say: Say, station: Station, place: StorageLocation
) -> None:
    for number in range(20):
        row = see(ctx, say, -1, confidence=0.7, brightness=120.0, sharpness=300.0)
        if number < 5:
            vision_review.reject(ctx, row, vision_review.ReviewParams())
        else:
            answer(ctx, row, **({"delta": -2} if number < 8 else {}))
        stock.receive(ctx, row.stock_item_id, Decimal(2), location_id=place.id)
    page = vision_pages.dashboard(ctx)
    assert (page["autonomy_pct"], page["closed"], page["waiting"]) == (60.0, 20, 0)
    assert page["accuracy"]["event_pct"] == 60.0
    assert (page["accuracy"]["item_pct"], page["accuracy"]["quantity_pct"]) == (75.0, 60.0)
    one = page["stations"][0]
    assert (one["events"], one["corrected_pct"], one["auto_pct"], one["sharpness"]) == (
        20,
        40.0,
        0.0,
        300.0,
    )
    assert one["trend"][-1]["right_pct"] == 60.0
    assert page["items"][0]["code"] == "PL-1"
    assert "user" not in json.dumps(page)


@pytest.mark.requirement("VIS-22")
def test_a_posting_counts_once_thirty_days_passed(ctx: Context, say: Say, place: StorageLocation) -> None:
    young = [see(ctx, say, 1, at=ctx.now - dt.timedelta(days=3)) for _ in range(3)]
    assert vision_rules.autonomy(young, ctx.now).closed == 0
    old = [see(ctx, say, 1, at=ctx.now - dt.timedelta(days=40)) for _ in range(20)]
    assert vision_rules.autonomy(young + old, ctx.now).autonomy_pct == 100.0
    assert vision_rules.autonomy(old[:19], ctx.now).autonomy_pct is None


@pytest.mark.requirement("VIS-21")
@pytest.mark.requirement("VIS-25")
def test_reviewed_sessions_become_a_regression_set(
    ctx: Context, say: Say, station: Station, place: StorageLocation, tmp_path: Path
) -> None:
    digest = ctx.files.put(io.BytesIO(PIXEL), "image/jpeg").sha256
    row = see(ctx, say, -2, confidence=0.7, crop_before=digest, crop_after=digest)
    session = ctx.get(CabinetSession, row.cabinet_session_id)
    session.image_before = session.image_after = digest
    answer(ctx, row, delta=-1)
    with zipfile.ZipFile(io.BytesIO(vision_pages.recorded_sessions(ctx).body)) as archive:
        assert len(archive.namelist()) == len(set(archive.namelist()))
        archive.extractall(tmp_path)
        assert [kept.truth for kept in recording.sessions(tmp_path)] == [{("A-01", None): -1}], (
            "a replay reads it"
        )
        assert json.loads(archive.read(f"{session.uid}/truth.json")) == {"changes": {"A-01": -1}}
        assert archive.read(f"{session.uid}/before.jpg") == PIXEL
        assert f"corrections/{digest}.jpg" in archive.namelist()
        assert f"{digest},{digest},A-01,-2,-1" in archive.read("corrections/corrections.csv").decode()
    assert row.reviewed_at is not None


@pytest.mark.requirement("VIS-24")
def test_a_model_is_tested_approved_and_only_then_rolled_out(ctx: Context, station: Station) -> None:
    report = {"sessions": 210, "passes": False, "session_delta_accuracy": 0.91}
    values: dict[str, Any] = {"name": "armoire", "version": "1.0", "sha256": SHA, "taught_at": ctx.now, "classes": ["A-01"],
                              "training": {"photographs": 60}, "metrics": {}}  # fmt: skip
    with pytest.raises(BusinessError, match="no_figures"):
        vision_models.register(ctx, vision_models.ModelParams(**values))
    bad = vision_models.register(ctx, vision_models.ModelParams(**values | {"metrics": report}))
    none = vision_review.ReviewParams()
    with pytest.raises(BusinessError, match="not_good_enough"):
        vision_models.approve(ctx, ctx.get(AiModel, bad["ai_model_id"]), none)
    publisher = ctx.add(UpdatePublisher(name="Atelier", public_key="A" * 44))
    package = ctx.add(
        UpdatePackage(kind="model", name="armoire", version="1.1", sha256=SHA, size_bytes=1, built_at=ctx.now,
                      update_publisher_id=publisher.id)
    )  # fmt: skip
    good = values | {"version": "1.1", "sha256": "cd" * 32, "metrics": report | {"passes": True}}
    model = ctx.get(AiModel, vision_models.register(ctx, vision_models.ModelParams(**good))["ai_model_id"])
    with pytest.raises(BusinessError, match="not_approved"):
        vision_models.check_package(ctx, package)
    vision_models.approve(ctx, model, none)
    vision_models.check_package(ctx, package)
    vision_models.reject(ctx, model, vision_models.ReasonParams(reason="Se trompe sur les forets"))
    assert model.status == "retired"
    with pytest.raises(BusinessError, match="not_approved"):
        vision_models.check_package(ctx, package)


@pytest.mark.requirement("VIS-28")
def test_pictures_go_when_their_time_is_over_and_looking_is_logged(
    ctx: Context, factory: ContextFactory, say: Say, station: Station, place: StorageLocation
) -> None:
    from coordinator.modules.stations import uploads

    old = ctx.now - dt.timedelta(days=100)
    digests = [ctx.files.put(io.BytesIO(PIXEL + bytes([n])), "image/jpeg").sha256 for n in range(4)]
    for digest in digests:
        ctx.session.add(
            StationFile(
                station_id=station.id, sha256=digest, size=1, media_type="image/jpeg", received_at=old
            )
        )
    right = see(ctx, say, -1, at=old, confidence=0.7, crop_before=digests[1])
    wrong = see(ctx, say, -1, at=old, confidence=0.7, crop_before=digests[2])
    ctx.get(CabinetSession, right.cabinet_session_id).image_before = digests[0]
    say("vision.counted", at=old, count_uid=str(uuid.uuid4()), trigger="daily", places=[], image=digests[3])
    uploads.readable(ctx, digests[0])
    ctx.session.flush()
    assert [entry.action for entry in audit._pending(ctx.session)].count("view_image") == 1
    answer(ctx, right)
    answer(ctx, wrong, delta=-2)
    ctx.session.flush()
    vision_retention.clean_pictures(ctx)
    kept = set(ctx.session.scalars(select(StationFile.sha256)))
    assert kept & set(digests) == {digests[2]}, "crops of a correction stay: they are training data"
    assert (right.crop_before, wrong.crop_before) == (None, digests[2])
    assert not ctx.files.path(digests[0]).exists()
    assert not ctx.files.path(digests[3]).exists(), "nor does the picture of a full count stay"


@pytest.mark.requirement("VIS-25")
def test_stated_confidence_is_held_against_what_people_found(
    ctx: Context, say: Say, place: StorageLocation
) -> None:
    sure = [see(ctx, say, -1, confidence=0.98) for _ in range(4)]
    for row in sure[:3]:
        answer(ctx, row)
    vision_review.reject(ctx, sure[3], vision_review.ReviewParams())
    answer(ctx, see(ctx, say, -1, confidence=0.7))
    see(ctx, say, -1, confidence=0.7)
    found = vision_rules.calibration(ctx.session.scalars(select(VisionDetection)))
    bands = {band["from"]: band for band in found["bands"]}
    assert found["reviewed"] == 5
    assert (bands[95.0]["reviewed"], bands[95.0]["stated_pct"], bands[95.0]["right_pct"]) == (4, 98.0, 75.0)
    assert (bands[60.0]["reviewed"], bands[60.0]["right_pct"]) == (1, 100.0)
    assert found["error_pct"] == round(0.8 * 23 + 0.2 * 30, 1)
    assert vision_rules.calibration([])["error_pct"] is None


@pytest.mark.requirement("VIS-30")
def test_the_person_at_the_cabinet_is_told_to_who_decides_only(
    ctx: Context, say: Say, place: StorageLocation
) -> None:
    row = see(ctx, say, -1, confidence=0.7)
    user = make(ctx, UserAccount, first_name="Anne", last_name="Preneuse")
    ctx.get(CabinetSession, row.cabinet_session_id).user_id = user.id
    told = {"station": "Armoire 1", "person": "Anne Preneuse", "operation": None}
    ctx.principal = person("vision:validate")
    assert vision_review.circumstances(ctx, row) == told
    ctx.principal = person("vision:read")
    assert vision_review.circumstances(ctx, row) == told | {"person": None}
