"""The same broker rules rendered for a real Mosquitto 2, on the NAS and in the contract tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from edge_agents.protocol.topics import DOWNSTREAM, UPSTREAM
from infra.embedded.acl import COORDINATOR, ROOT
from infra.embedded.broker import MAX_MESSAGE_BYTES, BrokerSettings
from infra.embedded.errors import InfraError
from infra.embedded.ports import free_port, require_free_port

_START_TIMEOUT_S = 15
# The paths inside the broker container of docker-compose.yml.
CONTAINER = BrokerSettings(
    host="0.0.0.0",  # noqa: S104 - the container's own network; published on the NAS's address only
    tls_port=8883,
    ca_file="/pki/ca.crt",
    cert_file="/pki/broker.crt",
    key_file="/pki/broker.key",
    crl_file="/pki/crl.pem",
)


def find_binary() -> str | None:
    """Path of ``mosquitto``, or ``None``; Debian keeps it in /usr/sbin."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def render_acl() -> str:
    """Access list file: the user name is the common name of the certificate, ``%u`` stands for it."""
    lines = [
        "# Written by the program from infra/embedded/acl.py; changes here are lost.",
        f"user {COORDINATOR}",
        f"topic read {ROOT}/#",
        *(f"topic write {ROOT}/+/+/{channel.value}" for channel in DOWNSTREAM),
        "",
        *(f"pattern write {ROOT}/+/%u/{channel.value}" for channel in UPSTREAM),
        *(f"pattern read {ROOT}/+/%u/{channel.value}" for channel in DOWNSTREAM),
    ]
    return "\n".join(lines) + "\n"


def render_config(settings: BrokerSettings, acl_file: str, persistence_dir: str) -> str:
    """Configuration file.

    ``max_queued_messages 0`` because the default of 1000 silently drops QoS 1 messages of an absent reader;
    the message size follows EDG-18.
    """
    lines = [
        "# Written by the program; changes here are lost.",
        "per_listener_settings false",
        "allow_anonymous false",
        f"acl_file {acl_file}",
        "persistence true",
        f"persistence_location {persistence_dir.rstrip('/')}/",
        "autosave_interval 60",
        "max_queued_messages 0",
        "max_inflight_messages 100",
        f"max_packet_size {MAX_MESSAGE_BYTES + 1024}",
        "persistent_client_expiration 60d",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages true",
        "",
        f"listener {settings.tls_port} {settings.host}",
        f"cafile {settings.ca_file}",
        f"certfile {settings.cert_file}",
        f"keyfile {settings.key_file}",
        "tls_version tlsv1.2",
        "require_certificate true",
        "use_identity_as_username true",
    ]
    if settings.crl_file:
        lines.append(f"crlfile {settings.crl_file}")
    return "\n".join(lines) + "\n"


class MosquittoProcess:
    """A Mosquitto child process with its configuration, access list and data in ``folder``."""

    def __init__(self, settings: BrokerSettings, folder: Path) -> None:
        self.folder = folder
        self.tls_port = settings.tls_port or free_port()
        self.settings = BrokerSettings(**{**settings.__dict__, "tls_port": self.tls_port, "plain_port": None})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write the files, start, wait until it listens. Raises ``infra.mosquitto_*``."""
        binary = find_binary()
        if binary is None:
            raise InfraError(
                "infra.mosquitto_missing", "Mosquitto est introuvable : sudo apt-get install mosquitto"
            )
        require_free_port(self.tls_port, "MQTT", self.settings.host)
        self.folder.mkdir(parents=True, exist_ok=True)
        acl_file, config = self.folder / "acl", self.folder / "mosquitto.conf"
        acl_file.write_text(render_acl())
        acl_file.chmod(0o600)
        text = render_config(self.settings, str(acl_file), str(self.folder))
        if os.geteuid() == 0:
            # As root it would change to an account that cannot read the keys of this folder.
            text = "user root\n" + text
        config.write_text(text)
        with (self.folder / "mosquitto.log").open("ab") as output:
            self._process = subprocess.Popen([binary, "-c", str(config)], stdout=output, stderr=output)
        self._wait()

    def _wait(self) -> None:
        import socket

        deadline = time.monotonic() + _START_TIMEOUT_S
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                socket.create_connection((self.settings.host, self.tls_port), 1),
            ):
                return
            time.sleep(0.05)
        tail = (self.folder / "mosquitto.log").read_text(errors="replace")[-1000:]
        self.stop()
        raise InfraError("infra.mosquitto_start_failed", f"Mosquitto ne démarre pas :\n{tail}")

    def reload(self) -> None:
        """Read the access list and the revocation list again."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """End the process as a power cut does: sessions since its last save are lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the process, which stores its sessions."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def write_container_files(folder: Path) -> None:
    """Write the files the NAS deployment mounts: ``python -m infra.embedded.mosquitto infra/mosquitto``."""
    (folder / "acl").write_text(render_acl())
    (folder / "mosquitto.conf").write_text(
        render_config(CONTAINER, "/mosquitto/config/acl", "/mosquitto/data")
    )


if __name__ == "__main__":
    write_container_files(Path(sys.argv[1]))
