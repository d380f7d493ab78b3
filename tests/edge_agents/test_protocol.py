import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_agents.protocol import (
    EVENT_PAYLOADS,
    PAYLOADS,
    Channel,
    ProtocolError,
    Topics,
    asyncapi,
    control,
    credentials,
    decode,
    encode,
    parse_payload,
)
from edge_agents.protocol.envelope import MAX_MESSAGE_BYTES, decode_json

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.json"))


def _raw(name: str = "scan.read") -> dict:
    return json.loads((Path(__file__).parent / "samples" / f"{name}.json").read_text())


def test_every_type_has_a_sample() -> None:
    assert {path.stem for path in SAMPLES} == set(PAYLOADS)


@pytest.mark.requirement("EDG-15")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample_is_understood_and_written_back_unchanged(path: Path) -> None:
    data = path.read_bytes()
    envelope = decode(data)
    payload = parse_payload(envelope.type, envelope.payload)
    assert payload.model_dump(mode="json") == json.loads(data)["payload"]
    assert json.loads(encode(envelope)) == json.loads(data)


@pytest.mark.requirement("EDG-15")
@pytest.mark.parametrize("name", sorted(EVENT_PAYLOADS))
def test_unknown_fields_ignored_missing_ones_rejected(name: str) -> None:
    payload = _raw(name)["payload"]
    parse_payload(name, payload | {"added_next_year": 1})
    for field, info in EVENT_PAYLOADS[name].model_fields.items():
        if info.is_required():
            broken = {key: value for key, value in payload.items() if key != field}
            with pytest.raises(ProtocolError) as caught:
                parse_payload(name, broken)
            assert caught.value.code == "payload.invalid"
            assert field in caught.value.detail


@pytest.mark.requirement("EDG-16")
def test_event_types_of_the_requirement_are_known() -> None:
    wanted = [
        "scan.read",
        "operation.started",
        "operation.paused",
        "operation.resumed",
        "operation.reported",
        "operation.finished",
        "operation.undone",
        "comment.added",
        "tool.broken",
        "tool.changed",
        "breakdown.reported",
        "stock.taken",
        "stock.returned",
        "stock.moved",
        "stock.counted",
        "cabinet.session",
        "vision.detection",
        "machine.state",
        "machine.cycle",
        "machine.alarm",
        "collision.risk",
        "collision.impact",
        "instrument.used",
        "measurement.recorded",
        "nonconformity.reported",
        "attendance.recorded",
        "checklist.completed",
        "document.acknowledged",
        "goods.received",
        "subcontract.sent",
        "subcontract.returned",
        "program.transferred",
        "health.alert",
    ]
    assert set(wanted) <= set(EVENT_PAYLOADS)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"message_id": "not-a-uuid"}, "envelope.invalid"),
        ({"seq": 0}, "envelope.invalid"),
        ({"occurred_at": "2026-11-23T06:12:30"}, "envelope.invalid"),
        ({"station_id": "../other"}, "envelope.invalid"),
        ({"time_quality": "maybe"}, "envelope.invalid"),
        ({"payload": []}, "envelope.invalid"),
        ({"schema_version": 2}, "schema_version.unsupported"),
        ({"user_ref": "a\x00b"}, "message.malformed"),
    ],
)
def test_bad_envelopes(change: dict, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(json.dumps(_raw() | change).encode())
    assert caught.value.code == code


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\x00\x01",
        b'{"a":NaN}',
        b"{" * 5000,
        zlib.compress(b"{}")[:-3],
        "é".encode("latin-1"),
    ],
)
def test_garbage_is_refused_with_a_code(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(data)
    assert caught.value.code in {"message.malformed", "envelope.invalid"}


@pytest.mark.requirement("EDG-18")
def test_size_limit_and_decompression_bomb() -> None:
    envelope = decode(json.dumps(_raw()).encode())
    huge = envelope.model_copy(update={"payload": {"text": "x" * MAX_MESSAGE_BYTES}})
    with pytest.raises(ProtocolError, match=r"message\.too_large"):
        encode(huge)
    assert decode(encode(huge, compress=True)) == huge
    with pytest.raises(ProtocolError, match=r"message\.too_large"):
        decode_json(b"{" + b" " * MAX_MESSAGE_BYTES + b"}")
    bomb = zlib.compress(b"{" + b" " * 60_000_000 + b"}", 9)
    assert len(bomb) < MAX_MESSAGE_BYTES
    with pytest.raises(ProtocolError, match=r"message\.too_large"):
        decode(bomb)


@pytest.mark.requirement("EDG-17")
def test_telemetry_travels_compressed() -> None:
    batch = {
        "machine_code": "M",
        "channels": {"load": {"unit": "%", "t": list(range(200)), "v": [1.5] * 200}},
    }
    envelope = decode(json.dumps(_raw("telemetry.batch") | {"payload": batch}).encode())
    packed = encode(envelope, compress=True)
    assert packed[:1] != b"{"
    assert len(packed) < len(encode(envelope)) / 2
    assert decode(packed) == envelope


@pytest.mark.requirement("EDG-14")
def test_topics_round_trip_and_hostile_names() -> None:
    topics = Topics("lyon", "st-01")
    assert topics.of(Channel.CONFIG_DESIRED) == "gu/v1/lyon/st-01/config/desired"
    for channel in Channel:
        assert Topics.parse(topics.of(channel)) == (topics, channel)
    assert Topics.filter(Channel.EVENT) == "gu/v1/+/+/event"
    for bad in ("+", "#", "a/b", "", "é"):
        with pytest.raises(ProtocolError):
            Topics("lyon", bad)
    for bad in ("gu/v2/lyon/st/event", "gu/v1/lyon/st", "gu/v1/lyon/st/event/more", "x"):
        with pytest.raises(ProtocolError):
            Topics.parse(bad)


def test_signed_configuration() -> None:
    key = Ed25519PrivateKey.generate()
    import base64

    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    document = control.DesiredConfig.signed(3, {"drivers": {"é": 1.0}}, key.private_bytes_raw())
    received = control.decode_document(control.DesiredConfig, control.encode_document(document))
    received.verify(public)
    forged = received.model_copy(update={"config": {"drivers": {}}})
    with pytest.raises(ProtocolError, match=r"config\.digest"):
        forged.verify(public)
    other = control.DesiredConfig.signed(3, {"drivers": {}}, Ed25519PrivateKey.generate().private_bytes_raw())
    with pytest.raises(ProtocolError, match=r"signature\.invalid"):
        other.verify(public)
    with pytest.raises(ProtocolError, match=r"signature\.invalid"):
        received.model_copy(update={"signature": "%%%"}).verify(public)


def test_times_are_milliseconds_utc() -> None:
    state = control.StationState(
        status="online", at=datetime(2026, 3, 29, 3, 0, 0, 1999, UTC) + timedelta(hours=1)
    )
    assert json.loads(control.encode_document(state))["at"] == "2026-03-29T04:00:00.001Z"


def test_credentials() -> None:
    salt = b"0123456789abcdef"
    assert credentials.matches_badge(" 0042 ", credentials.hash_badge("0042", salt))
    assert not credentials.matches_badge("0043", credentials.hash_badge("0042", salt))
    assert credentials.matches_pin("1234", credentials.hash_pin("1234"))
    assert not credentials.matches_pin("1235", credentials.hash_pin("1234"))
    for damaged in ("", "x", "pbkdf2$0$a$b", "pbkdf2$9$a$!", "hs256$é$"):
        assert not credentials.matches_pin("1234", damaged)
        assert not credentials.matches_badge("1234", damaged)


def test_asyncapi_document_is_current() -> None:
    assert asyncapi.DOCUMENT_PATH.read_text(encoding="utf-8") == asyncapi.render()
    document = asyncapi.build()
    refs = json.dumps(document).count("#/components/schemas/")
    assert refs > 50
    for name in document["components"]["messages"]:
        assert any(name in channel["messages"] for channel in document["channels"].values())
