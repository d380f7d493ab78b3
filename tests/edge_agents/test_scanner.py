import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge_agents.drivers.local_api import ask
from edge_agents.drivers.scanner.cli import app
from edge_agents.drivers.scanner.config import ScannerConfig
from edge_agents.drivers.scanner.decode import decode_files
from edge_agents.drivers.scanner.driver import ScannerDriver
from edge_agents.drivers.scanner.session import Reply, ScanSession
from edge_agents.protocol.control import ReferenceData
from edge_agents.protocol.credentials import hash_badge, hash_pin
from edge_agents.protocol.payloads import parse_payload
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.reference import ReferenceCache
from tests.edge_agents.conftest import Recorded

SHARED = Path(os.environ.get("USINAGE_SHARED", Path(__file__).resolve().parents[3] / "shared"))
BARCODES = SHARED / "data" / "barcodes"
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
OP, OP2 = f"gu:q/{uuid4()}", f"gu:q/{uuid4()}"


def reference(generated_at: datetime) -> ReferenceData:
    operation = {
        "id": "1",
        "uid": str(uuid4()),
        "code": OP,
        "work_order_number": "OF-2026-0007",
        "sequence_no": 20,
        "operation_label": "Fraisage",
        "status": "pending",
        "machine": {"id": "m", "code": "M03", "name": "DMU"},
        "allowed_actions": ["start"],
    }
    blocked = operation | {
        "id": "2",
        "code": OP2,
        "sequence_no": 30,
        "status": "blocked",
        "allowed_actions": [],
    }
    salt = b"0123456789abcdef"
    user = {
        "ref": "u-12",
        "name": "Ana",
        "badge_hash": hash_badge("B-0042", salt),
        "pin_hash": hash_pin("1234"),
    }
    return ReferenceData.model_validate(
        {
            "version": 1,
            "operations": [operation, blocked],
            "items": [{"code": "FR-08", "name": "Fraise Ø8", "unit": "pce", "codes": ["3701234567890"]}],
            "locations": [{"code": "A-03", "name": "Tiroir 3", "item_code": "FR-08"}],
            "users": [user],
            "generated_at": generated_at,
        }
    )


@pytest.fixture
def session(tmp_path: Path) -> ScanSession:
    cache = ReferenceCache(tmp_path, Clock("yes"))
    cache.store(reference(datetime.now(UTC)))
    return ScanSession(ScannerConfig(type="scanner"), cache)


def types(reply: Reply) -> list[str]:
    return [event.type for event in reply.events]


def login(session: ScanSession, at: datetime = NOW) -> None:
    assert session.scan("B-0042", "x", at).key == "badge.known"
    assert session.act("pin", {"pin": "1234"}, at).key == "badge.welcome"


@pytest.mark.requirement("EXE-06")
def test_badge_and_pin(session: ScanSession) -> None:
    assert session.scan(OP, "QRCode", NOW).key == "badge.needed"
    badge = session.scan("B-0042", "x", NOW)
    assert badge.events == ()
    assert session.scan(OP2, "QRCode", NOW).key == "pin.needed"
    for _ in range(2):
        assert session.act("pin", {"pin": "0000"}, NOW).key == "pin.wrong"
    assert session.act("pin", {"pin": "0000"}, NOW).key == "pin.locked"
    assert session.scan("B-0042", "x", NOW + timedelta(seconds=10)).key == "pin.locked"
    login(session, NOW + timedelta(seconds=70))
    assert session.user_ref == "u-12"


@pytest.mark.requirement("EDG-03")
def test_idle_session_closes(session: ScanSession) -> None:
    login(session)
    assert session.scan(OP, "QRCode", NOW + timedelta(seconds=121)).key == "badge.needed"


def test_operation_from_start_to_finish(session: ScanSession) -> None:
    login(session)
    started = session.scan(OP, "QRCode", NOW)
    assert types(started) == ["scan.read", "operation.started"]
    assert started.events[1].payload["machine_code"] == "M03"
    assert session.scan(OP, "QRCode", NOW + timedelta(seconds=2)).key == "duplicate"
    again = session.scan(OP, "QRCode", NOW + timedelta(seconds=60))
    assert (types(again), again.actions) == (["scan.read"], ("pause", "report", "finish"))
    assert types(session.act("pause", {"reason_code": "break"}, NOW + timedelta(seconds=61))) == [
        "operation.paused"
    ]
    assert session.act("pause", {}, NOW + timedelta(seconds=62)).key == "operation.refused"
    assert session.scan(OP, "QRCode", NOW + timedelta(seconds=70)).actions == ("resume", "finish")
    assert types(session.act("resume", {}, NOW + timedelta(seconds=80))) == ["operation.resumed"]
    report = session.act(
        "report", {"good": 3, "scrap": 1, "scrap_cause": "cote"}, NOW + timedelta(seconds=90)
    )
    assert report.message == "Opération OF-2026-0007-20 : 3 bonnes, 1 rebutées enregistrées."
    finish = session.act("finish", {"good": 7}, NOW + timedelta(seconds=120))
    payload = finish.events[0].payload
    assert (payload["good"], payload["scrap"], payload["time_spent_min"]) == (7, 0, 2.0)
    assert session.scan(OP, "QRCode", NOW + timedelta(seconds=130)).key == "operation.done"
    assert session.scan(OP2, "QRCode", NOW + timedelta(seconds=131)).key == "operation.blocked"


@pytest.mark.parametrize("values", [{}, {"good": -1}, {"good": "x"}, {"good": 1.5}])
def test_wrong_quantities_record_nothing(session: ScanSession, values: dict[str, Any]) -> None:
    login(session)
    session.scan(OP, "QRCode", NOW)
    with pytest.raises((KeyError, ValueError)):
        session.act("finish", values, NOW)
    assert session.act("finish", {"good": 1}, NOW).key == "operation.finished"


@pytest.mark.requirement("EDG-57")
def test_unidentified_person_may_only_return(session: ScanSession) -> None:
    assert session.scan("3701234567890", "EAN13", NOW).key == "item.known"
    session.scan("A-03", "QRCode", NOW)
    assert session.act("take", {"quantity": 1}, NOW).key == "badge.needed"
    reply = session.act("return", {"quantity": 2}, NOW)
    assert reply.events[0].type == "stock.returned"
    assert (reply.events[0].payload["item_code"], reply.events[0].payload["location_code"]) == (
        "FR-08",
        "A-03",
    )


def test_unknown_code_is_recorded(session: ScanSession) -> None:
    reply = session.scan("whatever", "Code128", NOW)
    assert reply.events[0].payload == {"code": "whatever", "symbology": "Code128", "purpose": "unknown"}


@pytest.mark.requirement("ACC-49")
def test_old_badge_list_is_not_trusted(tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path, Clock("yes"))
    cache.store(reference(datetime.now(UTC) - timedelta(hours=73)))
    session = ScanSession(ScannerConfig(type="scanner"), cache)
    assert session.scan("B-0042", "x", NOW).key == "badge.too_old"


@pytest.mark.requirement("EDG-22")
def test_reference_data_is_encrypted_and_survives_a_restart(tmp_path: Path) -> None:
    clock = Clock("yes")
    ReferenceCache(tmp_path, clock).store(reference(datetime.now(UTC)))
    stored = (tmp_path / "reference.bin").read_bytes()
    assert b"Tiroir 3" not in stored
    assert b"Ana" not in base64.urlsafe_b64decode(stored)
    again = ReferenceCache(tmp_path, clock)
    assert again.operation(OP) is not None
    assert (tmp_path / "reference.key").stat().st_mode & 0o077 == 0
    (tmp_path / "reference.bin").write_bytes(b"damaged")
    assert ReferenceCache(tmp_path, clock).data is None


@contextlib.asynccontextmanager
async def running(recorded: Recorded, **values: Any) -> AsyncIterator[int]:
    recorded.context.reference.store(reference(datetime.now(UTC)))
    driver = ScannerDriver(ScannerConfig(type="scanner", **values), recorded.context)
    task = asyncio.create_task(driver.run())
    port_file = recorded.context.data_dir / "local_api.port"
    await recorded.until(port_file.exists)
    try:
        yield int(port_file.read_text())
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _qr(path: Path, text: str) -> None:
    import segno

    segno.make(text, error="h").save(str(path), scale=5, border=4)


async def test_local_api_scans_images_and_records_with_user(recorded: Recorded, tmp_path: Path) -> None:
    _qr(tmp_path / "op.png", OP)
    async with running(recorded) as port:
        await ask(port, {"scan": "B-0042"})
        assert (await ask(port, {"action": "pin", "pin": "1234"}))["user"] == "Ana"
        answer = await ask(port, {"image": str(tmp_path / "op.png")})
        assert answer["message"] == "Opération OF-2026-0007-20 démarrée : Fraisage."
        assert recorded.types() == ["scan.read", "operation.started"]
        assert {event.user_ref for event in recorded.events} == {"u-12"}
        assert (await ask(port, {"action": "finish"}))["ok"] is False
        assert (await ask(port, {"image": str(tmp_path / "none.png")}))["ok"] is False
        assert (await ask(port, {"nonsense": 1}))["ok"] is False
        finish = await ask(port, {"action": "finish", "good": 5, "cut_count": 10, "cut_length_mm": 703.5})
        assert finish["key"] == "operation.finished"
        assert recorded.of("operation.finished")[0]["cut_length_mm"] == 703.5


@pytest.mark.requirement("EDG-52")
async def test_missing_serial_scanner_is_a_fault_and_the_rest_works(recorded: Recorded) -> None:
    async with running(recorded, inputs=("serial",), serial_port="/dev/does-not-exist") as port:
        await recorded.until(lambda: recorded.statuses[-1][0] == "fault")
        assert "/dev/does-not-exist" in (recorded.statuses[-1][1] or "")
        assert (await ask(port, {"scan": "A-03"}))["key"] == "location.known"


async def test_frames_of_a_folder_are_read(recorded: Recorded, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    _qr(frames / "1.png", "gu:u/frame")
    async with running(recorded, inputs=("folder",), folder=frames):
        await recorded.until(lambda: recorded.of("scan.read"))
    assert recorded.of("scan.read")[0]["code"] == "gu:u/frame"


def test_decode_survives_blur_noise_turn_and_low_contrast(tmp_path: Path) -> None:
    _qr(tmp_path / "plain.png", OP)
    plain = cv2.imread(str(tmp_path / "plain.png"), cv2.IMREAD_GRAYSCALE)
    height, width = plain.shape
    noise = np.random.default_rng(5).normal(0, 25, plain.shape)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 37, 0.7)
    variants = {
        "blur": cv2.GaussianBlur(plain, (0, 0), 2.5),
        "noise": np.clip(plain + noise, 0, 255),
        "turn": cv2.warpAffine(plain, turn, (width, height), borderValue=255),
        "pale": plain * 0.15 + 110,
        "inverse": 255 - plain,
        "small": cv2.resize(plain, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA),
    }
    paths = []
    for name, image in variants.items():
        paths.append(tmp_path / f"{name}.png")
        cv2.imwrite(str(paths[-1]), image.astype(np.uint8))
    results = decode_files(paths)
    assert {Path(entry["file"]).stem: [code["text"] for code in entry["codes"]] for entry in results} == {
        name: [OP] for name in variants
    }


def test_decode_command_reports_unreadable_files(tmp_path: Path) -> None:
    _qr(tmp_path / "good.png", "ABC")
    (tmp_path / "bad.png").write_bytes(b"no image")
    runner = CliRunner()
    good = runner.invoke(app, ["decode", "--json", str(tmp_path / "good.png")])
    assert good.exit_code == 0
    (entry,) = json.loads(good.stdout)
    assert entry["codes"][0]["text"] == "ABC"
    assert entry["codes"][0]["symbology"] == "QRCode"
    assert len(entry["codes"][0]["polygon"]) == 4
    both = runner.invoke(app, ["decode", "--json", str(tmp_path / "good.png"), str(tmp_path / "bad.png")])
    assert both.exit_code == 1
    assert json.loads(both.stdout)[1]["error"]["code"] == "image.unreadable"


@pytest.mark.skipif(not BARCODES.is_dir(), reason="shared barcode images missing")
def test_decode_shared_images() -> None:
    wrong = []
    images = sorted(path for path in BARCODES.rglob("*") if path.suffix in (".png", ".jpg", ".jpeg"))
    for path, entry in zip(images, decode_files(images), strict=True):
        side = path.with_suffix(".txt") if path.with_suffix(".txt").exists() else path.with_suffix(".bin")
        expected = side.read_bytes()
        texts = [code["text"] for code in entry["codes"]]
        if not any(expected in (text.encode(), text.encode("latin-1", "replace")) for text in texts):
            wrong.append(path.name)
    assert len(images) >= 30
    assert len(wrong) <= 1, wrong


def test_strong_perspective_with_noise_is_straightened(tmp_path: Path) -> None:
    _qr(tmp_path / "plain.png", OP)
    plain = cv2.imread(str(tmp_path / "plain.png"), cv2.IMREAD_GRAYSCALE)
    size = plain.shape[0]
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    seen = np.array([[60, 40], [300, 90], [260, 330], [20, 250]], np.float32)
    scene = cv2.warpPerspective(
        plain, cv2.getPerspectiveTransform(corners, seen), (340, 360), borderValue=200
    )
    noise = np.random.default_rng(2).normal(0, 12, scene.shape)
    dim = cv2.GaussianBlur(scene, (0, 0), 1.2) * np.linspace(0.35, 0.9, 340)[None, :] + noise
    cv2.imwrite(str(tmp_path / "scene.png"), np.clip(dim, 0, 255).astype(np.uint8))
    (entry,) = decode_files([tmp_path / "scene.png"])
    assert [code["text"] for code in entry["codes"]] == [OP]
    (x0, y0), *_ = entry["codes"][0]["polygon"]
    assert 0 <= x0 <= 340
    assert 0 <= y0 <= 360


def _barcode(kind: str, content: str, scale: int) -> np.ndarray:
    import zxingcpp

    symbol = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    picture = np.array(symbol.to_image(scale=1, add_quiet_zones=False))
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)


_LOT = "LOT-4711/316L/COULEE-88213-DIAM-40"


def test_punched_data_matrix_on_a_tilted_part(tmp_path: Path) -> None:
    """Dots that do not touch, seen from the side: no reader finds the grid, its border gives it."""
    modules = _barcode("DataMatrix", _LOT, 1)
    side = modules.shape[0]
    dots = np.full((side * 16, side * 16), 190, np.uint8)
    for row, column in zip(*np.nonzero(modules < 128), strict=True):
        cv2.circle(dots, (column * 16 + 8, row * 16 + 8), 5, 70, -1)
    size = float(side * 16)
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    seen = np.array([[70, 60], [320, 90], [300, 330], [50, 280]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    scene = cv2.warpPerspective(dots, matrix, (400, 400), flags=cv2.INTER_AREA, borderValue=190)
    noisy = cv2.GaussianBlur(scene, (0, 0), 1.0) + np.random.default_rng(3).normal(0, 4, scene.shape)
    cv2.imwrite(str(tmp_path / "punched.png"), np.clip(noisy, 0, 255).astype(np.uint8))
    (entry,) = decode_files([tmp_path / "punched.png"])
    assert [(code["text"], code["symbology"]) for code in entry["codes"]] == [(_LOT, "DataMatrix")]


def test_dark_oblique_bars_with_noise(tmp_path: Path) -> None:
    bars = cv2.resize(
        _barcode("Code128", "BAR-0815", 3)[:1], None, fx=1, fy=120, interpolation=cv2.INTER_NEAREST
    )
    height, width = (int(v) for v in bars.shape)
    scene = np.full((520, 520), 200.0)
    top, left = (520 - height) // 2, (520 - width) // 2
    scene[top : top + height, left : left + width] = bars * (130 / 255) + 70
    turn = cv2.getRotationMatrix2D((260, 260), 33, 0.8)
    turned = cv2.warpAffine(scene, turn, (520, 520), borderValue=200)
    noisy = 0.5 * turned + np.random.default_rng(4).normal(0, 22, turned.shape)
    cv2.imwrite(str(tmp_path / "bars.png"), np.clip(noisy, 0, 255).astype(np.uint8))
    (entry,) = decode_files([tmp_path / "bars.png"])
    assert [(code["text"], code["symbology"]) for code in entry["codes"]] == [("BAR-0815", "Code128")]


LABEL = "[)>\x1e06\x1dP42CD4-30\x1dQ12\x1d1TL-88\x1e\x04"


@pytest.mark.requirement("CRM-50")
def test_a_suppliers_label_is_noted_as_it_is(session: ScanSession) -> None:
    read = session.scan(LABEL, "DataMatrix", NOW)
    assert (types(read), read.actions) == (["scan.read"], ("receive",))
    assert session.act("receive", {"quantity": 12}, NOW).key == "badge.needed"
    session.scan("B-0042", "QRCode", NOW)
    session.act("pin", {"pin": "1234"}, NOW)
    assert session.act("receive", {"quantity": 12}, NOW).key == "label.none"
    session.scan(LABEL, "DataMatrix", NOW + timedelta(seconds=9))
    with pytest.raises(ValueError, match="positive"):
        session.act("receive", {"quantity": 0}, NOW + timedelta(seconds=10))
    noted = session.act("receive", {"quantity": 12, "delivery_note": "BL 7"}, NOW + timedelta(seconds=10))
    (event,) = noted.events
    assert event.type == "goods.received"
    assert parse_payload(event.type, event.payload).model_dump()["contents"] == (LABEL,)
    assert (event.payload["quantity"], event.payload["delivery_note"]) == (12.0, "BL 7")
    assert session.act("receive", {"quantity": 12}, NOW + timedelta(seconds=11)).key == "label.none"


def test_fields_of_a_label_in_codes_of_their_own_belong_together(session: ScanSession) -> None:
    session.config = ScannerConfig(type="scanner", require_badge=False)
    session.scan("]C1010400638133393110L1\x1d", "Code128", NOW)
    session.scan("]C13010", "Code128", NOW)
    (event,) = session.act("receive", {"quantity": 10}, NOW).events
    assert event.payload["contents"] == ["]C1010400638133393110L1\x1d", "]C13010"]
    session.scan(LABEL, "DataMatrix", NOW)
    session.scan("FR-08", "QRCode", NOW)
    assert session.act("receive", {"quantity": 1}, NOW).key == "label.none"


@pytest.mark.requirement("CRM-50")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_label_with_one_bar_code_per_field_is_scanned_code_by_code(
    session: ScanSession, order: tuple[int, ...]
) -> None:
    session.config = ScannerConfig(type="scanner", require_badge=False)
    codes = ["1PGX-4402-8", "Q25", "1TLOT77A"]
    replies = [session.scan(codes[i], "Code128", NOW + timedelta(seconds=3 * i)) for i in order]
    assert replies[0].key == "label.begun"
    assert replies[0].actions == ()
    assert replies[-1].key == "label.fields_quantity"
    assert "25" in replies[-1].message
    assert replies[-1].actions == ("receive",)
    (event,) = session.act("receive", {}, NOW + timedelta(seconds=20)).events
    assert parse_payload(event.type, event.payload).model_dump()["contents"] == tuple(codes[i] for i in order)
    assert event.payload["quantity"] == 25.0
    assert session.act("receive", {"quantity": 1}, NOW + timedelta(seconds=21)).key == "label.none"


def test_a_field_with_another_value_begins_the_next_label(session: ScanSession) -> None:
    session.config = ScannerConfig(type="scanner", require_badge=False)
    for code in ("PA-100", "Q4", "]C0PB-200", "Q7"):
        reply = session.scan(code, "Code128", NOW)
    assert reply.key == "label.fields_quantity"
    (event,) = session.act("receive", {"quantity": 6}, NOW).events
    assert (event.payload["contents"], event.payload["quantity"]) == (["]C0PB-200", "Q7"], 6.0)


@pytest.mark.parametrize("code", ["PIECE", "QABC", "p-12", "12345", "ZZ99", "P"])
def test_a_code_without_a_believed_identifier_stays_unknown(session: ScanSession, code: str) -> None:
    session.config = ScannerConfig(type="scanner", require_badge=False)
    assert session.scan(code, "Code128", NOW).key == "code.unknown"
    assert session.act("receive", {"quantity": 1}, NOW).key == "label.none"


def test_what_the_station_knows_is_never_a_field_of_a_label(session: ScanSession) -> None:
    """A place of the workshop may well be called like a field."""
    session.config = ScannerConfig(type="scanner", require_badge=False)
    session.scan("1PGX-4402-8", "Code128", NOW)
    session.scan("Q25", "Code128", NOW)
    known = session.scan("FR-08", "QRCode", NOW)
    assert known.key in {"item.known", "location.known"}
    assert session.act("receive", {"quantity": 1}, NOW).key == "label.none"
