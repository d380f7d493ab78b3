"""The whole product in its real processes: the story is told once, from a drawing to the trace of the part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.demo.errors import DemoError
from infra.demo.folder import DemoFolder
from infra.demo.story.tale import STEPS
from infra.embedded.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 600


def run_demo(folder: Path, *options: str, timeout_s: float = TIMEOUT_S) -> subprocess.CompletedProcess[str]:
    """``usinage demo`` on the project's own samples."""
    nowhere = folder.parent / "nowhere"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "USINAGE_SHARED": str(nowhere)}
    command = [
        sys.executable,
        "-m",
        "coordinator.cli",
        "demo",
        "--once",
        "--json",
        "--folder",
        str(folder),
        *options,
    ]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout_s, check=False
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The story, told once."""
    folder = tmp_path_factory.mktemp("demo") / "workshop"
    done = run_demo(folder)
    assert done.stdout, done.stderr[-4000:]
    document: dict[str, Any] = json.loads(done.stdout)
    document["returncode"], document["folder"], document["stderr"] = done.returncode, folder, done.stderr
    return document


@pytest.mark.timeout(TIMEOUT_S + 30)
def test_every_step_of_the_story_proves_its_effect(told: dict[str, Any]) -> None:
    failed = [f"{s['name']} : {s['detail']}" for s in told["steps"] if not s["ok"]]
    assert not failed, "\n".join(failed)
    assert len(told["steps"]) == len(STEPS)
    assert told["returncode"] == 0


@pytest.mark.timeout(TIMEOUT_S + 30)
def test_nothing_of_the_workshop_is_left_running(told: dict[str, Any]) -> None:
    folder = str(told["folder"])
    left = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                command += f" in {(entry / 'cwd').readlink()}"
            except OSError:
                continue
            if folder in command:
                left.append(command)
    assert not left


def test_a_busy_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    import socket

    folder = tmp_path / "workshop"
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        done = run_demo(folder, "--port", str(port), timeout_s=120)
    assert done.returncode == 1
    assert f"Le port {port} (API) est déjà utilisé" in done.stderr
    assert done.stdout == ""
    assert not (folder / "postgres").exists()


def test_a_second_demo_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    first = DemoFolder(tmp_path / "workshop")
    first.take()
    (first.path / "postgres").mkdir()
    done = run_demo(first.path, timeout_s=120)
    assert done.returncode == 1
    assert "Une démonstration tourne déjà" in done.stderr
    assert str(os.getpid()) in done.stderr, "the process that holds the folder is named"
    assert (first.path / "postgres").exists(), "the running demo's files are left alone"
    first.release()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "these.txt").write_text("important")
    with pytest.raises(DemoError, match="contient autre chose") as refusal:
        DemoFolder(tmp_path).take()
    assert refusal.value.code == "demo.folder_foreign"
    assert [p.name for p in tmp_path.iterdir()] == ["these.txt"]


def test_a_full_disk_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="Libérez de la place") as refusal:
        DemoFolder(tmp_path / "new", min_free_mb=1 << 40).take()
    assert refusal.value.code == "demo.disk_full"
    assert not (tmp_path / "new").exists()


def test_a_former_demo_is_replaced(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "workshop")
    folder.take()
    (folder.path / "old").mkdir()
    folder.release()
    again = DemoFolder(folder.path)
    again.take()
    assert not (folder.path / "old").exists()
    again.release()
