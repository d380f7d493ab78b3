import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from edge_agents.protocol import ProtocolError
from edge_agents.runtime import journal_files
from edge_agents.runtime.capacity import Retention, make_room, thin
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.journal import Journal, NewMessage, StreamState


def scan(number: int) -> NewMessage:
    return NewMessage("scan.read", {"code": f"n:{number}", "symbology": "QRCode", "purpose": "test"})


def telemetry(moment_ms: int, value: float) -> NewMessage:
    channels = {"load": {"unit": "%", "t": [moment_ms], "v": [value], "q": None}}
    return NewMessage("telemetry.batch", {"machine_code": "M01", "channels": channels})


def opened(directory: Path, clock: Clock | None = None) -> Journal:
    return Journal(directory, "st-01", clock or Clock("yes"))


def codes(journal: Journal, after: int = 0) -> list[str]:
    return [envelope.payload["code"] for envelope in journal.after("event", after, 10_000)]


_WRITER = """
import sys
from pathlib import Path
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.journal import Journal, NewMessage
journal = Journal(Path(sys.argv[1]), "st-01", Clock("yes"))
for number in range(1, 100_000):
    payload = {"code": f"n:{number}", "symbology": "QRCode", "purpose": "test"}
    envelope = journal.append(NewMessage("scan.read", payload))
    sys.stdout.write(f"{envelope.seq} {envelope.message_id}\\n")
    sys.stdout.flush()
"""


@pytest.mark.requirement("EDG-21")
def test_sigkill_in_the_middle_of_appends_loses_nothing_promised(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.wait()
    promised = [line.split() for line in lines if line.endswith("\n")]
    journal = opened(tmp_path)
    held = {str(envelope.seq): str(envelope.message_id) for envelope in journal.after("event", 0, 100_000)}
    assert len(promised) >= 200
    assert all(held.get(seq) == message_id for seq, message_id in promised)
    assert sorted(map(int, held)) == list(range(1, len(held) + 1))
    assert journal.append(scan(0)).seq == len(held) + 1
    journal.close()


def test_streams_are_numbered_apart_and_survive_reopening(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert [journal.append(scan(i)).seq for i in (1, 2)] == [1, 2]
    assert journal.append(telemetry(0, 1.0)).seq == 1
    journal.close()
    journal = opened(tmp_path)
    assert journal.recovery == "intact"
    assert journal.append(scan(3)).seq == 3
    assert journal.state("telemetry") == StreamState(1, 0)
    journal.close()


def test_too_large_message_leaves_no_gap(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(ProtocolError, match=r"too_large"):
        journal.append(NewMessage("scan.read", {"code": "x" * 300_000}))
    assert journal.append(scan(1)).seq == 1
    journal.close()


def test_repeated_message_id_is_recorded_once(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    uid = uuid4()
    first = journal.append(NewMessage("scan.read", {"code": "a"}, message_id=uid))
    again = journal.append(NewMessage("scan.read", {"code": "a"}, message_id=uid))
    assert (first.seq, again.seq, journal.state("event").last_seq) == (1, 1, 1)
    journal.close()


@pytest.mark.requirement("EDG-56")
def test_acknowledgement_going_back_makes_held_events_pending_again(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_many([scan(i) for i in range(1, 11)])
    journal.acknowledge("event", 1)
    journal.acknowledge("event", 8)
    journal.roll_back("event", 3)
    assert journal.state("event") == StreamState(10, 3)
    assert codes(journal, 3) == [f"n:{i}" for i in range(4, 11)]
    journal.close()


@pytest.mark.requirement("EDG-56")
def test_rollback_below_what_is_still_held_closes_the_gap(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_many([scan(i) for i in range(1, 11)])
    journal.acknowledge("event", 1)
    journal.acknowledge("event", 6)
    journal.purge(-1)
    journal.append(scan(11))
    journal.roll_back("event", 2)
    assert journal.state("event").acked_seq == 2
    held = journal.after("event", 2, 100)
    assert [envelope.seq for envelope in held] == [3, 4, 5, 6, 7]
    assert [envelope.payload["code"] for envelope in held] == ["n:7", "n:8", "n:9", "n:10", "n:11"]
    assert journal.append(scan(12)).seq == 8
    journal.close()


@pytest.mark.requirement("EDG-23")
def test_retention_counts_operating_time_not_the_wall_clock(tmp_path: Path) -> None:
    clock = Clock("yes")
    journal = opened(tmp_path, clock)
    journal.append_many([scan(i) for i in range(1, 6)])
    journal.acknowledge("event", 1)
    journal.acknowledge("event", 4)
    clock.shift(10 * 365 * 86_400)
    assert journal.purge(7 * 86_400) == 0
    clock.shift(-20 * 365 * 86_400)
    assert journal.purge(7 * 86_400) == 0
    assert len(codes(journal)) == 5
    assert journal.purge(-1) == 4
    assert codes(journal) == ["n:5"]
    journal.close()


@pytest.mark.requirement("EDG-42")
def test_clock_jump_marks_events_and_redates_them(tmp_path: Path) -> None:
    clock = Clock("yes")
    journal = opened(tmp_path, clock)
    clock.shift(-3600)
    wrong = journal.append(scan(1))
    assert wrong.time_quality == "uncertain"
    clock.shift(3600)
    assert journal.redate() == 1
    (fixed,) = journal.after("event", 0)
    assert fixed.time_quality == "trusted"
    assert (fixed.occurred_at - wrong.occurred_at).total_seconds() == pytest.approx(3600, abs=1)
    assert fixed.payload["original_occurred_at"].startswith(str(wrong.occurred_at)[:10])
    assert fixed.message_id == wrong.message_id
    journal.close()


def _damage(directory: Path) -> None:
    path = directory / journal_files.NAME
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\x5a" * 3996
    path.write_bytes(bytes(data))


@pytest.mark.requirement("EDG-51")
def test_damaged_database_falls_back_to_the_copy(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_many([scan(i) for i in range(1, 6)])
    journal.backup()
    journal.append(scan(6))
    journal.close()
    _damage(tmp_path)
    journal = opened(tmp_path)
    assert journal.recovery == "restored"
    assert codes(journal)[:5] == [f"n:{i}" for i in range(1, 6)]
    assert len(list((tmp_path / "damaged").glob("*.db"))) == 1
    journal.append(scan(7))
    journal.close()


@pytest.mark.requirement("EDG-51")
def test_station_starts_without_any_usable_database(tmp_path: Path) -> None:
    (tmp_path / journal_files.NAME).write_bytes(b"not a database at all" * 100)
    (tmp_path / journal_files.COPY).write_bytes(b"nor this")
    journal = opened(tmp_path)
    assert journal.recovery == "restarted"
    assert journal.append(scan(1)).seq == 1
    journal.close()


@pytest.mark.requirement("EDG-51")
def test_numbers_used_before_the_damage_are_not_taken_for_acknowledged(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_many([scan(i) for i in range(1, 6)])
    journal.acknowledge("event", 5)
    journal.backup()
    journal.append_many([scan(i) for i in range(6, 11)])
    journal.acknowledge("event", 10)
    journal.close()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / (journal_files.NAME + suffix)).unlink(missing_ok=True)
    (tmp_path / journal_files.NAME).write_bytes(b"broken" * 1000)
    journal = opened(tmp_path)
    journal.append_many([scan(i) for i in range(100, 107)])
    assert journal.needs_resync("event")
    journal.acknowledge("event", 10)
    assert not journal.needs_resync("event")
    pending = journal.after("event", journal.state("event").acked_seq)
    assert [(e.seq, e.payload["code"]) for e in pending] == [(11 + i, f"n:{100 + i}") for i in range(7)]
    journal.close()


@pytest.mark.requirement("EDG-10")
def test_replaced_unit_continues_behind_the_old_numbers(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append_many([scan(1), scan(2)])
    journal.acknowledge("event", 500)
    pending = journal.after("event", 500)
    assert [(e.seq, e.payload["code"]) for e in pending] == [(501, "n:1"), (502, "n:2")]
    journal.close()


def test_thinning_gives_one_mean_per_minute_and_keeps_the_numbers() -> None:
    def row(moment: int, value: float | None, quality: int = 0) -> dict:
        return {
            "machine_code": "M",
            "channels": {"a": {"unit": "%", "t": [moment], "v": [value], "q": [quality]}},
        }

    rows = [(1, row(0, 10.0)), (2, row(5_000, 20.0)), (3, row(10_000, 900.0, 2)), (4, row(61_000, 7.0))]
    result = thin(rows)
    assert result[1]["channels"]["a"] == {"unit": "%", "t": [0], "v": [15.0], "q": [0]}
    assert result[2]["channels"] == {}
    assert result[3]["channels"] == {}
    assert result[4]["channels"]["a"]["v"] == [7.0]


@pytest.mark.requirement("EDG-23")
def test_full_store_thins_telemetry_and_keeps_every_event(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal")
    journal.append_many([scan(i) for i in range(300)])
    journal.append_many([telemetry(i * 1000, float(i)) for i in range(300)])
    report = make_room(journal, tmp_path / "images", Retention(journal_mb=0.05, min_disk_free_mb=0))
    assert report.filled > 1
    assert report.thinned == 300
    assert len(codes(journal)) == 300
    batches = journal.after("telemetry", 0, 1000)
    assert [batch.seq for batch in batches] == list(range(1, 301))
    assert sum(1 for batch in batches if batch.payload["channels"]) == 5
    journal.close()


def test_database_is_in_durable_mode(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    journal.close()
    with sqlite3.connect(tmp_path / journal_files.NAME) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


@pytest.mark.requirement("EDG-23")
def test_pictures_the_office_has_go_before_those_that_wait_for_the_line(tmp_path: Path) -> None:
    journal, folder = opened(tmp_path / "store"), tmp_path / "drivers" / "camera" / "images"
    folder.mkdir(parents=True)
    for place, name in enumerate(("waits", "older", "newer")):
        (folder / f"{name}.jpg").write_bytes(b"x" * 400_000)
        os.utime(folder / f"{name}.jpg", (place, place))
    for name in ("older", "newer"):
        (folder / f"{name}.sent").touch()
    for room, left in ((1.0, ["newer.jpg", "newer.sent", "waits.jpg"]), (0.5, ["waits.jpg"]), (0.1, [])):
        limits = Retention(images_mb=room, min_disk_free_mb=0)
        assert make_room(journal, tmp_path / "drivers", limits).images_deleted == 1
        assert sorted(path.name for path in folder.iterdir()) == left
