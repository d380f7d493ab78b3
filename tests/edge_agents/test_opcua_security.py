"""Signed and encrypted sessions against a real server: policies, trust both ways, identities (MCH-09, MCH-46)."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from edge_agents.drivers.opcua_machine.config import OpcuaMachineConfig
from edge_agents.drivers.opcua_machine.security import make_certificate
from edge_agents.drivers.simulators.machine import MachineSimulator
from edge_agents.drivers.simulators.opcua_server import ServerSecurity
from tests.edge_agents.conftest import Recorded
from tests.edge_agents.test_opcua_machine import config, running


def _secured(machine: MachineSimulator, server: ServerSecurity, **changes: Any) -> OpcuaMachineConfig:
    values = {
        "security": "sign_encrypt",
        "allow_insecure": False,
        "trusted_servers": [server.fingerprint()],
    }
    return config(machine.endpoint, **(values | changes))


def _words(recorded: Recorded, code: str) -> str:
    return " ".join(alert["message"] for alert in recorded.of("health.alert") if alert["code"] == code)


@pytest.mark.requirement("MCH-09")
@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"])
@pytest.mark.parametrize("mode", ["sign", "sign_encrypt"])
async def test_every_policy_and_mode_reads_the_machine(
    recorded: Recorded, tmp_path: Path, policy: str, mode: str
) -> None:
    security = ServerSecurity(
        tmp_path / "server", policies=(policy,), modes=(mode,), is_anonymous_allowed=True, accept_all=True
    )
    async with (
        MachineSimulator(security=security) as machine,
        running(recorded, _secured(machine, security, security=mode)) as driver,
    ):
        await recorded.until(lambda: driver.tracker.state == "idle")
        client = driver.sessions.client
        assert client is not None
        assert client.security_policy.URI.replace("_", "").endswith(f"#{policy}")
        assert client.security_policy.Mode.name.lower() == mode.replace("_e", "ande").replace("_", "")


@pytest.mark.requirement("MCH-09")
@pytest.mark.requirement("MCH-46")
async def test_the_agent_makes_its_certificate_and_waits_until_the_control_accepts_it(
    recorded: Recorded, tmp_path: Path
) -> None:
    security = ServerSecurity(tmp_path / "server", is_anonymous_allowed=True)
    async with (
        MachineSimulator(security=security) as machine,
        running(recorded, _secured(machine, security)) as driver,
    ):
        own = await driver.sessions.own()
        shown = " ".join(own.sha1[i : i + 4].upper() for i in range(0, 40, 4))
        await recorded.until(lambda: _words(recorded, "opcua.refused"))
        assert shown in _words(recorded, "opcua.certificate_new"), "what a person compares at the control"
        assert shown in _words(recorded, "opcua.refused"), "the refusal names the very certificate"
        assert driver.tracker.state == "unknown"
        assert (await machine.answer({"do": "accept"}))["accepted"] == 1
        await recorded.until(lambda: driver.tracker.state == "idle")
        assert own.key_file.stat().st_mode & 0o077 == 0, "the key stays the agent's"


@pytest.mark.requirement("MCH-09")
async def test_an_unknown_server_gets_no_session_and_is_shown_for_acceptance(
    recorded: Recorded, tmp_path: Path
) -> None:
    users = {"agent": "secret"}
    security = ServerSecurity(tmp_path / "server", users=users, accept_all=True)
    password = tmp_path / "password"
    password.write_text("secret\n")
    identity = {"user": "agent", "password_file": str(password)}
    async with MachineSimulator(security=security) as machine:
        settings = _secured(machine, security, trusted_servers=[], **identity)
        async with running(recorded, settings):
            await recorded.until(lambda: _words(recorded, "opcua.server_untrusted"))
        assert security.fingerprint() in _words(recorded, "opcua.server_untrusted")
        assert machine.sessions.created == 0, "no password went to a server nobody accepted"
        rejected = recorded.context.data_dir / "pki/rejected" / f"{security.fingerprint()}.der"
        (recorded.context.data_dir / "pki/trusted").mkdir()
        rejected.rename(recorded.context.data_dir / "pki/trusted/commande.der")
        async with running(recorded, settings) as driver:
            await recorded.until(lambda: driver.tracker.state == "idle")


@pytest.mark.requirement("MCH-46")
async def test_an_expired_server_certificate_is_named_with_its_dates(
    recorded: Recorded, tmp_path: Path
) -> None:
    security = ServerSecurity(tmp_path / "server", is_anonymous_allowed=True, accept_all=True, days=-1)
    async with (
        MachineSimulator(security=security) as machine,
        running(recorded, _secured(machine, security)) as driver,
    ):
        await recorded.until(lambda: _words(recorded, "opcua.server_expired"))
        assert "Commande simulée" in _words(recorded, "opcua.server_expired")
        assert driver.tracker.state == "unknown"


@pytest.mark.requirement("MCH-09")
@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss"])
async def test_password_and_user_certificate(recorded: Recorded, tmp_path: Path, policy: str) -> None:
    cert, key = tmp_path / "user.der", tmp_path / "user.key.pem"
    make_certificate(cert, key, "agent", "urn:user:agent")
    security = ServerSecurity(
        tmp_path / "server",
        users={"agent": "s3cret"},
        user_certificates=(hashlib.sha256(cert.read_bytes()).hexdigest(),),
        accept_all=True,
    )
    good, wrong = tmp_path / "good", tmp_path / "wrong"
    good.write_text("s3cret")
    wrong.write_text("guess")
    async with MachineSimulator(security=security) as machine:
        for identity, works in (
            ({"user": "agent", "password_file": str(wrong)}, False),
            ({}, False),
            ({"user": "agent", "password_file": str(good)}, True),
            ({"user_cert_file": str(cert), "user_key_file": str(key)}, True),
        ):
            recorded.events.clear()
            settings = _secured(machine, security, policy=policy, **identity)
            async with running(recorded, settings) as driver:
                if works:
                    await recorded.until(lambda: driver.tracker.state == "idle")
                    made = machine.sessions.created
                    machine.drop_connections()
                    await recorded.until(lambda: driver.tracker.state == "unknown")
                    await recorded.until(lambda: driver.tracker.state == "idle")
                    assert machine.sessions.created == made, "taken up again under the same identity"
                else:
                    await recorded.until(lambda: _words(recorded, "opcua.refused"))
                    assert "utilisateur" in _words(recorded, "opcua.refused")


@pytest.mark.requirement("MCH-46")
async def test_a_policy_the_server_lacks_is_named_with_what_it_offers(
    recorded: Recorded, tmp_path: Path
) -> None:
    security = ServerSecurity(
        tmp_path / "server", policies=("Basic256Sha256",), modes=("sign",), is_anonymous_allowed=True
    )
    async with (
        MachineSimulator(security=security) as machine,
        running(recorded, _secured(machine, security, policy="Aes256Sha256RsaPss")),
    ):
        await recorded.until(lambda: _words(recorded, "opcua.policy"))
        assert "Basic256Sha256/Sign" in _words(recorded, "opcua.policy")


@pytest.mark.requirement("MCH-09")
def test_an_identity_needs_its_file_and_a_protected_session() -> None:
    for wrong in (
        {"user": "agent"},
        {"user": "agent", "password_file": "p", "security": "none"},
        {"user_cert_file": "u.der"},
    ):
        with pytest.raises(ValueError, match=r"password_file|session|user_key_file"):
            config("opc.tcp://127.0.0.1:4840", **({"security": "sign_encrypt"} | wrong))
