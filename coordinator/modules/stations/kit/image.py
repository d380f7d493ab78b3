"""Files of the boot partition of a Raspberry Pi OS image, read by cloud-init at the first start (EDG-08, EDG-41, EDG-44)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[4] / "firmware_configs"
_UNITS = (
    "usinage-agent@.service", "usinage-data.service", "var-lib-usinage.mount", "usinage-maintenance.service",
    "usinage-os-update.service", "usinage-os-update.timer",
)  # fmt: skip
_PROGRAMS = ("usinage-data", "usinage-maintenance", "usinage-os-update")
_PACKAGES = (
    "python3-venv", "overlayroot", "nftables", "chrony", "wireguard-tools", "libzbar0", "parted", "util-linux-extra",
    "unattended-upgrades",
)  # fmt: skip
STATION_FILE = "/etc/usinage/station.yaml"
WHEELS = "/boot/firmware/usinage/wheels"


class _Text(str):
    """Text written as a YAML block."""


def _block(dumper: yaml.SafeDumper, value: _Text) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style="|")


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


_Dumper.add_representer(_Text, _block)


def _read(*parts: str) -> _Text:
    return _Text(FOLDER.joinpath(*parts).read_text(encoding="utf-8"))


def station_values(kind: str, api_url: str) -> dict[str, Any]:
    """Template of a kind made ready for a unit that has no identity yet.

    Raises:
        FileNotFoundError: no such kind.
    """
    values: dict[str, Any] = yaml.safe_load(
        (FOLDER / "stations" / f"{kind}.yaml").read_text(encoding="utf-8")
    )
    ca = {"api_ca_file": "/etc/usinage/ca.crt"}
    return {**values, "data_dir": "/var/lib/usinage", "api_url": api_url, **ca}


def user_data(kind: str, api_url: str, ca_pem: str, hostname: str) -> str:
    """The ``user-data`` document; its files are those of ``firmware_configs`` as they are."""
    station = _Text(yaml.safe_dump(station_values(kind, api_url), allow_unicode=True, sort_keys=False))
    files = [
        _file(STATION_FILE, station, "0640"),
        _file("/etc/usinage/ca.crt", _Text(ca_pem), "0644"),
        _file("/etc/nftables.conf", _read("image", "files", "nftables.conf"), "0755"),
        _file("/etc/overlayroot.local.conf", _read("image", "files", "overlayroot.conf"), "0644"),
        _file(
            "/etc/systemd/system.conf.d/usinage-watchdog.conf",
            _read("systemd", "usinage-watchdog.conf"),
            "0644",
        ),
        *[_file(f"/etc/systemd/system/{name}", _read("systemd", name), "0644") for name in _UNITS],
        *[_file(f"/usr/local/sbin/{name}", _read("image", "files", name), "0755") for name in _PROGRAMS],
    ]
    document = {
        "hostname": hostname,
        "manage_etc_hosts": True,
        "timezone": "Europe/Paris",
        "ssh_pwauth": False,
        "disable_root": True,
        "users": [{"name": "usinage", "system": True, "shell": "/usr/sbin/nologin", "lock_passwd": True,
                   "groups": ["video", "dialout", "gpio", "input"]}],
        "growpart": {"mode": "off"},
        "resize_rootfs": False,
        "package_update": True,
        "packages": list(_PACKAGES),
        "write_files": files,
        "runcmd": _commands(),
        "power_state": {"mode": "reboot", "message": "station prête", "condition": True},
    }  # fmt: skip
    text = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    return f"#cloud-config\n{text}"


def _file(path: str, content: _Text, mode: str) -> dict[str, Any]:
    return {"path": path, "permissions": mode, "content": content}


def _commands() -> list[list[str]]:
    """First start: install the program, close the station, make the root read-only at the next start."""
    return [
        ["install", "-d", "-o", "root", "-g", "usinage", "-m", "0750", "/etc/usinage"],
        ["chgrp", "usinage", STATION_FILE],
        ["python3", "-m", "venv", "/opt/usinage"],
        ["/opt/usinage/bin/pip", "install", "--no-index", f"--find-links={WHEELS}", "gestion-usinage"],
        ["systemctl", "daemon-reload"],
        ["systemctl", "disable", "--now", "ssh.service", "bluetooth.service", "avahi-daemon.service", "cups.service"],
        ["systemctl", "enable", "nftables.service", "chrony.service", "usinage-data.service", "var-lib-usinage.mount",
         "usinage-agent@station.service", "usinage-os-update.timer"],
        ["update-initramfs", "-u"],
    ]  # fmt: skip


def network_config() -> str:
    """Cable by DHCP; wireless networks are added by hand where a station has no cable."""
    document = {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "dhcp6": False, "optional": True}}}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


def write(out: Path, kind: str, api_url: str, ca_pem: str, hostname: str) -> list[Path]:
    """Write the files to copy to the boot partition; the Python wheels go beside them in ``usinage/wheels``."""
    out.mkdir(parents=True, exist_ok=True)
    contents = {
        "user-data": user_data(kind, api_url, ca_pem, hostname),
        "network-config": network_config(),
        "meta-data": f"instance-id: {hostname}\nlocal-hostname: {hostname}\n",
    }
    for name, text in contents.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in contents]
