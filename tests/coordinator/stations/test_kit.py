"""Hardware page, marker sheets and image files of the stations."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from coordinator.kernel.papers import PaperError
from coordinator.modules.stations.kit import data, image, page
from coordinator.modules.stations.kit.markers import DICTIONARIES, Marker, MarkerSheet, render_markers

ROOT = Path(__file__).resolve().parents[3]
KITS = data.load()


@pytest.mark.requirement("VIS-31", "VIS-32", "VIS-33", "VIS-34", "EDG-48", "VIS-45")
@pytest.mark.parametrize("kit", KITS.kits, ids=lambda kit: kit.id)
def test_a_parts_list_stays_in_its_budget_and_its_letters_are_drawn(kit: data.Kit) -> None:
    low, high = kit.budget_eur
    assert low <= kit.total_eur <= high
    assert (ROOT / "firmware_configs/stations" / f"{kit.template}.yaml").is_file()
    drawn = {
        node.text
        for node in ET.fromstring(page.pages(KITS)[f"{kit.id}.svg"]).iter()
        if node.tag.endswith("text")
    }
    assert {part.mark for part in kit.parts if part.mark} <= drawn
    texts = [
        node for node in ET.fromstring(page.pages(KITS)[f"{kit.id}.svg"]).iter() if node.tag.endswith("text")
    ]
    inside = [t for t in texts if t.get("x") != "0.0"]
    assert all(0 < float(t.get("x", 0)) < 760 and 0 < float(t.get("y", 0)) < 520 for t in inside)


def test_the_page_of_the_manual_is_the_one_of_the_parts_lists() -> None:
    for name, text in page.pages(KITS).items():
        assert (page.FOLDER / name).read_text(encoding="utf-8") == text, name


@pytest.mark.requirement("VIS-35")
def test_every_camera_sees_the_whole_width_and_says_what_is_too_small() -> None:
    seen = {kit.id: data.optics(kit.layout) for kit in KITS.kits}
    assert all(optics.covers for optics in seen.values() if optics is not None)
    near = data.optics(data.Layout(cameras=1, width_mm=100, fov_h_deg=90, pixels_h=2000, mount_mm=500))
    assert near is not None
    assert near.seen_mm == pytest.approx(1000)
    assert near.smallest_mm == pytest.approx(10)


def test_a_total_counts_every_piece() -> None:
    part = {"name": "x", "spec": "", "quantity": 3, "price_eur": "2.50"}
    values: dict[str, Any] = {**KITS.kits[0].model_dump(), "parts": [part, part]}
    assert data.Kit.model_validate(values).total_eur == Decimal("15.00")
    assert page.euros(Decimal("1234.5")) == "1\u202f234,50\u00a0€"


def _pages(pdf: bytes, folder: Path, dpi: int) -> list[np.ndarray[Any, Any]]:
    if shutil.which("pdftoppm") is None:
        pytest.skip("poppler-utils is not installed")
    (folder / "s.pdf").write_bytes(pdf)
    subprocess.run(["pdftoppm", "-gray", "-r", str(dpi), "-png", "s.pdf", "s"], cwd=folder, check=True)
    return [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(folder.glob("s-*.png"))]  # type: ignore[misc]


@pytest.mark.requirement("VIS-31", "VIS-34")
@pytest.mark.parametrize(
    ("dictionary", "size_mm"), [("DICT_4X4_50", 40.0), ("DICT_6X6_250", 25.0), ("DICT_APRILTAG_36h11", 60.0)]
)
def test_printed_markers_are_read_and_have_their_true_size(
    tmp_path: Path, dictionary: str, size_mm: float
) -> None:
    wanted = [0, 1, 7, 12, 29]
    sheet = MarkerSheet("Essai", [Marker(n, f"C{n}") for n in wanted], size_mm, dictionary)
    table = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    found: dict[int, float] = {}
    for picture in _pages(render_markers(sheet), tmp_path, 150):
        corners, ids, _ = cv2.aruco.ArucoDetector(table).detectMarkers(picture)
        for corner, number in zip(corners, np.ravel(ids) if ids is not None else [], strict=True):
            found[int(number)] = float(np.linalg.norm(corner[0][0] - corner[0][1])) * 25.4 / 150
    assert sorted(found) == wanted
    assert all(side == pytest.approx(size_mm, abs=0.4) for side in found.values())


@pytest.mark.parametrize(
    ("sheet", "code"),
    [
        (MarkerSheet("x", [], 40), "marker_empty"),
        (MarkerSheet("x", [Marker(1, "a"), Marker(1, "b")], 40), "marker_twice"),
        (MarkerSheet("x", [Marker(50, "a")], 40), "marker_id"),
        (MarkerSheet("x", [Marker(1, "a")], 2), "marker_size"),
        (MarkerSheet("x", [Marker(1, "a")], 40, "DICT_ARUCO_ORIGINAL"), "marker_dictionary"),
    ],
)
def test_a_sheet_that_would_not_work_is_refused(sheet: MarkerSheet, code: str) -> None:
    with pytest.raises(PaperError) as refusal:
        render_markers(sheet)
    assert refusal.value.code == code
    assert all(hasattr(cv2.aruco, name) for name in DICTIONARIES)


@pytest.mark.requirement("EDG-44", "EDG-41")
@pytest.mark.parametrize(
    "kind", [path.stem for path in sorted((ROOT / "firmware_configs/stations").glob("*.yaml"))]
)
def test_the_image_of_a_station_is_closed_and_read_only(kind: str, tmp_path: Path) -> None:
    tunnel = "[Interface]\n" if kind == "site_gateway" else None
    image.write(
        tmp_path, kind, "https://nas.example:8443", "-----BEGIN CERTIFICATE-----\n", "st-1", tunnel=tunnel
    )
    text = (tmp_path / "user-data").read_text(encoding="utf-8")
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(io.StringIO(text))
    files = {entry["path"]: entry for entry in document["write_files"]}
    station = yaml.safe_load(files[image.STATION_FILE]["content"])
    assert (station["kind"], station["data_dir"]) == (kind, "/var/lib/usinage")
    assert "station_id" not in station
    assert 'overlayroot="tmpfs' in files["/etc/overlayroot.local.conf"]["content"]
    assert "policy drop" in files["/etc/nftables.conf"]["content"]
    assert "RuntimeWatchdogSec=" in files["/etc/systemd/system.conf.d/usinage-watchdog.conf"]["content"]
    assert document["ssh_pwauth"] is False
    assert not re.search(r"passw(or)?d:|PRIVATE KEY", text.replace("lock_passwd:", ""))
    enabled = next(line for line in document["runcmd"] if line[:2] == ["systemctl", "enable"])[2:]
    own = [name for name in enabled if name.startswith(("usinage", "var-lib"))]
    for name in own:
        assert f"/etc/systemd/system/{re.sub('@.*[.]', '@.', name)}" in files


def _files_of(kind: str, **values: str) -> dict[str, dict[str, str]]:
    text = image.user_data(kind, "https://nas.example:8443", "CA\n", "st-1", **values)
    return {entry["path"]: entry for entry in yaml.safe_load(text)["write_files"]}


@pytest.mark.requirement("EDG-12")
def test_a_site_has_one_tunnel_in_its_gateway_or_one_in_each_station() -> None:
    own = _files_of("scan_station", tunnel="[Interface]\n")
    assert own["/etc/wireguard/wg0.conf"]["permissions"] == "0600"
    gateway = _files_of("site_gateway", tunnel="[Interface]\n")
    assert "dnat to $nas:8883" in gateway["/etc/nftables.conf"]["content"]
    assert "ip_forward=1" in gateway["/etc/sysctl.d/90-usinage.conf"]["content"]
    assert "local stratum" in gateway["/etc/chrony/conf.d/usinage.conf"]["content"]
    behind = _files_of("scan_station", gateway="192.168.20.5")
    assert "/etc/wireguard/wg0.conf" not in behind
    assert behind["/etc/cloud/templates/hosts.debian.tmpl"]["content"] == "192.168.20.5 nas.example\n"
    assert "forward" not in behind["/etc/nftables.conf"]["content"].replace(
        "chain forward { type filter hook forward priority 0; policy drop; }", ""
    )
    with pytest.raises(ValueError, match="WireGuard"):
        _files_of("site_gateway")
    with pytest.raises(ValueError, match="not-an-address"):
        _files_of("scan_station", gateway="not-an-address")


@pytest.mark.requirement("EDG-44")
@pytest.mark.parametrize("name", ["nftables.conf", "nftables-gateway.conf"])
def test_firewalls_are_accepted_by_nft(name: str) -> None:
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    rules = ROOT / "firmware_configs/image/files" / name
    done = subprocess.run(
        ["nft", "--check", "--file", str(rules)], capture_output=True, text=True, check=False
    )
    if "Operation not permitted" in done.stderr or "cache initialization failed" in done.stderr:
        pytest.skip("nft needs a kernel it may ask")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.requirement("EDG-41", "EDG-44")
def test_units_are_sound(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    units = []
    for path in sorted((ROOT / "firmware_configs/systemd").iterdir()):
        if path.suffix in (".service", ".mount", ".timer"):
            text = re.sub(r"(?m)^(Exec\w+=).*$", r"\1/bin/true", path.read_text(encoding="utf-8"))
            target = tmp_path / path.name.replace("@.", "@station.")
            target.write_text(text, encoding="utf-8")
            units.append(str(target))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for script in (ROOT / "firmware_configs/image/files").glob("usinage-*"):
        subprocess.run(["sh", "-n", str(script)], check=True)
