"""Files of the boot partition of a Raspberry Pi OS image, read by cloud-init at the first start (EDG-08, EDG-41, EDG-44)."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

FOLDER = Path(__file__).resolve().parents[4] / "firmware_configs"
_UNITS = (
    "usinage-agent@.service", "usinage-data.service", "var-lib-usinage.mount", "usinage-maintenance.service",
    "usinage-os-update.service", "usinage-os-update.timer", "usinage-usb@.service",
)  # fmt: skip
_PROGRAMS = ("usinage-data", "usinage-maintenance", "usinage-os-update")
_PACKAGES = (
    "python3-venv", "overlayroot", "nftables", "chrony", "wireguard-tools", "libzbar0", "parted", "util-linux-extra",
    "unattended-upgrades",
)  # fmt: skip
_FIREWALLS = {False: "nftables.conf", True: "nftables-gateway.conf"}
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


def user_data(
    kind: str,
    api_url: str,
    ca_pem: str,
    hostname: str,
    *,
    tunnel: str | None = None,
    gateway: str | None = None,
) -> str:
    """The ``user-data`` document; its files are those of ``firmware_configs`` as they are.

    ``tunnel``: WireGuard configuration of this unit. ``gateway``: address of the site's gateway, which then stands for the
    coordinator's name; the station keeps its own encrypted session with the coordinator through it (EDG-12).

    Raises:
        ValueError: a gateway without a tunnel, or a gateway's address that is none.
    """
    is_gateway = kind == "site_gateway"
    if is_gateway and tunnel is None:
        raise ValueError("Une passerelle a besoin de son fichier WireGuard : --tunnel.")
    station = _Text(yaml.safe_dump(station_values(kind, api_url), allow_unicode=True, sort_keys=False))
    files = [
        _file(STATION_FILE, station, "0640"),
        _file("/etc/usinage/ca.crt", _Text(ca_pem), "0644"),
        _file("/etc/nftables.conf", _read("image", "files", _FIREWALLS[is_gateway]), "0755"),
        _file("/etc/udev/rules.d/90-usinage.rules", _read("image", "files", "90-usinage.rules"), "0644"),
        _file("/etc/overlayroot.local.conf", _read("image", "files", "overlayroot.conf"), "0644"),
        _file(
            "/etc/systemd/system.conf.d/usinage-watchdog.conf",
            _read("systemd", "usinage-watchdog.conf"),
            "0644",
        ),
        *[_file(f"/etc/systemd/system/{name}", _read("systemd", name), "0644") for name in _UNITS],
        *[_file(f"/usr/local/sbin/{name}", _read("image", "files", name), "0755") for name in _PROGRAMS],
    ]
    if tunnel is not None:
        files.append(_file("/etc/wireguard/wg0.conf", _Text(tunnel), "0600"))
    if is_gateway:
        files += [
            _file("/etc/chrony/conf.d/usinage.conf", _read("image", "files", "chrony-gateway.conf"), "0644"),
            _file("/etc/sysctl.d/90-usinage.conf", _Text("net.ipv4.ip_forward=1\n"), "0644"),
        ]
    if gateway is not None:
        line = f"{ip_address(gateway)} {urlsplit(api_url).hostname}\n"
        source = f"server {ip_address(gateway)} iburst prefer\n"
        files += [
            {**_file("/etc/cloud/templates/hosts.debian.tmpl", _Text(line), "0644"), "append": True},
            _file("/etc/chrony/sources.d/usinage.sources", _Text(source), "0644"),
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
        "runcmd": _commands(has_tunnel=tunnel is not None),
        "power_state": {"mode": "reboot", "message": "station prête", "condition": True},
    }  # fmt: skip
    text = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    return f"#cloud-config\n{text}"


def _file(path: str, content: _Text, mode: str) -> dict[str, Any]:
    return {"path": path, "permissions": mode, "content": content}


def _commands(*, has_tunnel: bool) -> list[list[str]]:
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
        *([["systemctl", "enable", "wg-quick@wg0.service"]] if has_tunnel else []),
        ["update-initramfs", "-u"],
    ]  # fmt: skip


def network_config() -> str:
    """Cable by DHCP; wireless networks are added by hand where a station has no cable."""
    document = {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "dhcp6": False, "optional": True}}}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


def write(
    out: Path,
    kind: str,
    api_url: str,
    ca_pem: str,
    hostname: str,
    *,
    tunnel: str | None = None,
    gateway: str | None = None,
) -> list[Path]:
    """Write the files to copy to the boot partition; the Python wheels go beside them in ``usinage/wheels``."""
    out.mkdir(parents=True, exist_ok=True)
    contents = {
        "user-data": user_data(kind, api_url, ca_pem, hostname, tunnel=tunnel, gateway=gateway),
        "network-config": network_config(),
        "meta-data": f"instance-id: {hostname}\nlocal-hostname: {hostname}\n",
    }
    for name, text in contents.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in contents]
