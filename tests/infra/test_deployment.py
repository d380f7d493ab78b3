"""The NAS deployment: every service is watched, limited, unprivileged, and no secret stands in its files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from infra.embedded.mosquitto import write_container_files
from infra.embedded.postgres import EmbeddedPostgres, libpq_url
from infra.tls import prepare

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXPECTED = {"db", "broker", "api", "worker", "ingest", "proxy", "vpn", "backup", "updater", "migrate"}


def test_all_services_of_the_nas_are_there() -> None:
    assert set(SERVICES) == EXPECTED


@pytest.mark.requirement("OPS-05")
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_service_is_watched_limited_and_unprivileged(name: str) -> None:
    service = SERVICES[name]
    one_shot = name in ("migrate", "updater")
    assert service["restart"] == ({"migrate": "on-failure", "updater": "no"}.get(name, "unless-stopped"))
    assert one_shot or service["healthcheck"]["test"]
    assert service["mem_limit"]
    assert service["cpus"] > 0
    assert service["volumes"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    # The database image changes to its own account by itself; the tunnel needs the kernel.
    if name not in ("db", "vpn"):
        assert service["user"] == "10001:10001"


def test_only_the_tunnel_listens_to_everybody() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            if name == "vpn":
                assert port == "51820:51820/udp"
            else:
                assert port.startswith("${LAN_ADDRESS:-127.0.0.1}:"), (name, port)
    assert COMPOSE["networks"]["back"]["internal"] is True
    assert SERVICES["db"]["networks"] == ["back"]
    assert "ports" not in SERVICES["api"]


def test_secrets_come_from_files_only() -> None:
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for name, service in SERVICES.items():
        for key, value in (service.get("environment") or {}).items():
            secret = re.search(r"PASSWORD|SECRET|TOKEN|KEY", key)
            assert not secret or key.endswith(("_FILE", "_DIR")), (name, key)
            assert not re.search(r"://[^/@]*:[^/@]+@", str(value)), (name, key)
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    example = (ROOT / "config.env.example").read_text(encoding="utf-8")
    assert not re.search(r"(?i)^[A-Z_]*(password|token|secret)\s*=", example, re.MULTILINE)


def test_variables_of_the_file_are_explained_in_the_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{([A-Z_]+)", text))
    explained = set(re.findall(r"^([A-Z_]+)=", (ROOT / "config.env.example").read_text(), re.MULTILINE))
    with_default = {"TIMESCALE_IMAGE", "MOSQUITTO_IMAGE", "CADDY_IMAGE", "USINAGE_VERSION"}
    assert used - with_default == explained


def test_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
        dockerfile = service.get("build", {}).get("dockerfile")
        assert dockerfile is None or (ROOT / dockerfile).is_file()


def test_the_broker_files_are_the_ones_the_rules_give(tmp_path: Path) -> None:
    write_container_files(tmp_path)
    for name in ("acl", "mosquitto.conf"):
        assert (ROOT / "infra" / "mosquitto" / name).read_text() == (tmp_path / name).read_text()
    assert "max_queued_messages 0" in (tmp_path / "mosquitto.conf").read_text()


def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose n'est pas installé")
    # docker-compose 1 of Debian 12 does not know the project name at the top.
    text = re.sub(r"(?m)^name: .*$", "", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    copy = tmp_path / "docker-compose.yml"
    copy.write_text(text)
    done = subprocess.run(
        [program, "-f", str(copy), "config", "-q"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "script",
    [
        "infra/setup.sh", "infra/setup-nas.sh", "infra/restore-nas.sh", "infra/images/entrypoint.sh", "infra/mosquitto/run.sh",
        "infra/wireguard/entrypoint.sh", "infra/wireguard/add-peer.sh", "infra/database/02-passwords.sh",
        ".ci/run",
    ],
)  # fmt: skip
def test_scripts_parse(script: str) -> None:
    shell = "bash" if "bash" in (ROOT / script).read_text(encoding="utf-8").split("\n", 1)[0] else "sh"
    subprocess.run([shell, "-n", str(ROOT / script)], check=True)


def test_the_entrypoint_hands_the_password_to_libpq_alone(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a:b\\c")
    script = (
        (ROOT / "infra/images/entrypoint.sh").read_text().replace("/tmp/.pgpass", str(tmp_path / "pgpass"))
    )
    (tmp_path / "run.sh").write_text(script)
    done = subprocess.run(
        ["sh", str(tmp_path / "run.sh"), "sh", "-c", "echo $PGPASSFILE; env"],
        env={"DB_PASSWORD_FILE": str(secret), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (tmp_path / "pgpass").read_text() == "*:*:*:*:a\\:b\\\\c\n"
    assert (tmp_path / "pgpass").stat().st_mode & 0o777 == 0o600
    assert "a:b" not in done.stdout


@pytest.mark.requirement("OPS-23")
def test_each_service_has_its_own_role_with_the_rights_it_needs(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        url = libpq_url(server.start("usinage"))
        sql = (ROOT / "infra/database/01-roles.sql").read_bytes()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql)
            connection.execute(sql)

        def as_role(role: str, statement: str) -> None:
            with psycopg.connect(url.replace("postgres@", f"{role}@", 1)) as connection:
                connection.execute(statement.encode())

        as_role(
            "usinage_owner", "CREATE TABLE device_event (id bigint GENERATED ALWAYS AS IDENTITY, code text)"
        )
        as_role("usinage_ingest", "INSERT INTO device_event (code) VALUES ('x')")
        as_role("usinage_api", "DELETE FROM device_event WHERE code = 'y'")
        as_role("usinage_backup", "SELECT * FROM device_event")
        for role, statement in (
            ("usinage_ingest", "DELETE FROM device_event"),
            ("usinage_backup", "INSERT INTO device_event (code) VALUES ('x')"),
            ("usinage_api", "CREATE TABLE other (id int)"),
            ("usinage_api", "ALTER TABLE device_event ADD COLUMN x int"),
            ("usinage_worker", "CREATE ROLE intruder"),
            ("usinage_api", "TRUNCATE device_event"),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_role(role, statement)


@pytest.mark.requirement("OPS-16")
def test_certificates_of_the_nas_are_made_once_and_named(tmp_path: Path) -> None:
    made = prepare(tmp_path / "pki", "nas.usinage.internal")
    first = made["proxy"].certificate.read_bytes()
    again = prepare(tmp_path / "pki", "nas.usinage.internal")
    assert again["proxy"].certificate.read_bytes() == first
    assert set(made) == {"broker", "proxy", "coordinator"}
    assert prepare(tmp_path / "pki", "autre.internal")["proxy"].certificate.read_bytes() != first
