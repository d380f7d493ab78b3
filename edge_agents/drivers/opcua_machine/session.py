"""Opening and leaving an OPC UA session without leaving anything behind at the control (MCH-46).

Controls hold few sessions and keep one for its whole time-out after a cut line. The agent therefore takes its own
session up again on a new channel, and deletes the subscription which it left there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import structlog

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.opcua_machine.config import OpcuaMachineConfig
from edge_agents.drivers.opcua_machine.security import (
    OwnCertificate,
    TrustError,
    check_server,
    choose_endpoint,
    own_certificate,
    secure,
)
from edge_agents.drivers.opcua_names import Client
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)
_TIMEOUT_S = 5.0
_REFUSED = {
    "BadCertificateUntrusted": "la commande n'a pas accepté le certificat de l'agent",
    "BadSecurityChecksFailed": "la commande n'a pas accepté le certificat de l'agent",
    "BadCertificateUriInvalid": "la commande refuse le certificat de l'agent (adresse d'application)",
    "BadCertificateTimeInvalid": "un certificat est hors de sa durée de validité",
    "BadUserAccessDenied": "la commande refuse l'utilisateur ou ses droits",
    "BadIdentityTokenRejected": "la commande refuse l'identité de l'utilisateur",
    "BadIdentityTokenInvalid": "la commande refuse l'identité de l'utilisateur",
    "BadTooManySessions": "la commande n'a plus de session libre",
    "BadMaxConnectionsReached": "la commande n'a plus de session libre",
}


class Sessions:
    """Makes the sessions of one driver, one at a time."""

    def __init__(self, config: OpcuaMachineConfig, directory: Path) -> None:
        self._config = config
        self._directory = directory
        self._state = directory / "session.json"
        self._left = directory / "subscription.json"
        self._endpoint: ua.EndpointDescription | None = None
        self._own: OwnCertificate | None = None
        self._making = asyncio.Lock()
        self.client: Client | None = None

    async def own(self) -> OwnCertificate:
        """The agent's certificate, made at the first call."""
        async with self._making:
            if self._own is None:
                self._own = await asyncio.to_thread(own_certificate, self._config, self._directory)
            return self._own

    async def open(self) -> Client:
        """A connected client; takes the former session up again where the control still has it.

        Raises ``TrustError``, ``OSError``, ``UaError``.
        """
        client = Client(self._config.endpoint, timeout=_TIMEOUT_S)
        client.session_timeout = round(self._config.session_timeout_s * 1000)
        client.name = client.description = f"gestion-usinage {self._config.machine_code}"
        client.session_state_path = self._state
        endpoint = self._endpoint
        try:
            if endpoint is None:
                endpoint = choose_endpoint(await client.connect_and_get_server_endpoints(), self._config)
                if self._config.security != "none":
                    await asyncio.to_thread(
                        check_server, endpoint.ServerCertificate or b"", self._config, self._directory
                    )
            own = await self.own() if self._config.security != "none" else None
            if own is not None:
                await secure(client, endpoint, own, self._config)
            # A session taken up again is activated without the answer which names the token policies.
            client._policy_ids = endpoint.UserIdentityTokens or []
            await client.connect()
        except (OSError, ua.UaError) as error:
            self._endpoint = None
            await self._abandon(client)
            raise self._explained(error) from error
        except BaseException:
            await self._abandon(client)
            raise
        self._endpoint, self.client = endpoint, client
        await self._delete_left(client)
        return client

    def _explained(self, error: Exception) -> Exception:
        name = type(error).__name__
        words = _REFUSED.get(name)
        if isinstance(error, TrustError) or words is None:
            return error
        certificate = f" ({self._own.words()})" if self._own is not None and "certificat" in words else ""
        return TrustError("opcua.refused", f"{words}{certificate} [{name}]")

    async def remember(self, subscription_id: int) -> None:
        """Notes the subscription, to be deleted if the connection is cut."""
        await asyncio.to_thread(write_durably, self._left, json.dumps([subscription_id]).encode())

    async def _delete_left(self, client: Client) -> None:
        try:
            left = json.loads(self._left.read_text())
        except (OSError, ValueError):
            return
        self._left.unlink(missing_ok=True)
        with contextlib.suppress(OSError, ua.UaError, TimeoutError):
            await asyncio.wait_for(client.uaclient.delete_subscriptions(left), 2)

    async def close(self, *, is_lost: bool) -> None:
        """Leaves: an intact session is closed at the control, a lost one is kept for the next connection."""
        client, self.client = self.client, None
        if client is None:
            return
        if is_lost:
            await self._abandon(client)
            return
        self._left.unlink(missing_ok=True)
        with contextlib.suppress(OSError, ua.UaError, TimeoutError):
            await asyncio.wait_for(client.disconnect(), 3)

    async def _abandon(self, client: Client) -> None:
        """Ends the tasks and the socket of a client; the note of its session stays for the next one."""
        client.session_state_path = None
        # Marked as lost first: the library then says no goodbye which a dead line would swallow for seconds.
        client.disconnect_socket()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(client.disconnect(), 3)


def sample_of(data: Any) -> tuple[Any, bool]:
    """Source time of a data value and whether the server calls it good."""
    status = data.StatusCode
    return data.SourceTimestamp, status is None or status.is_good()
