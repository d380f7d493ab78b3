"""From STATION.yaml to a running agent: uses the identity it has, or claims one first (EDG-08)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import httpx
import structlog

from edge_agents.protocol.control import ClaimStatus
from edge_agents.runtime import decommission, logs
from edge_agents.runtime.agent import Agent, Enrolled
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.identity import IdentityStore, enrol, renew
from edge_agents.runtime.station import BrokerSettings, StationFile, StationFileError

log = structlog.get_logger(__name__)
_RENEWAL_PAUSE_S = 6 * 3600.0
_RENEWAL_RETRY_S = 300.0


def from_file(station: StationFile) -> Enrolled | None:
    """Identity written in STATION.yaml (demo, tests, prepared stations), or None."""
    if station.station_id is None or station.site is None or station.broker is None:
        return None
    return Enrolled(station.site, station.station_id, station.broker, station.config_public_key)


def from_claim(store: IdentityStore, status: ClaimStatus) -> Enrolled:
    """Identity given at the approval of a claim. Raises ``StationFileError`` when incomplete."""
    if status.station_id is None or status.site is None or status.broker is None:
        raise StationFileError("Réponse d'approbation incomplète : station, site ou courtier absent.")
    broker = BrokerSettings(
        host=status.broker.host,
        port=status.broker.port,
        ca_file=store.ca_file,
        cert_file=store.cert_file,
        key_file=store.key_file,
    )
    return Enrolled(status.site, status.station_id, broker, status.config_public_key, status.api_url)


async def enrol_if_needed(station: StationFile, show_code: Callable[[str], None]) -> int:
    """Runs the station, after its approval when it has no identity yet; exit code of the process."""
    decommission.refuse(station)
    logs.configure(station.data_dir / "logs", max_mb=station.log.max_mb, level=station.log.level)
    fixed = from_file(station)
    if fixed is not None:
        agent = Agent(station, fixed)
        await agent.run()
        return _left(station, agent)
    store, clock = IdentityStore(station.data_dir / "identity"), Clock(station.trust_clock)
    status = store.enrolment()
    if status is None:
        if station.api_url is None:
            raise StationFileError("api_url : adresse du coordinateur absente, aucune demande possible.")
        verify = str(station.api_ca_file) if station.api_ca_file else True
        async with httpx.AsyncClient(base_url=station.api_url, verify=verify, timeout=15) as client:
            status = await enrol(store, client, clock.now, show_code)
    agent = Agent(station, from_claim(store, status))
    renewal = asyncio.create_task(_renew_in_time(agent, store, status.station_id or "", clock))
    try:
        await agent.run()
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
    return _left(station, agent)


def _left(station: StationFile, agent: Agent) -> int:
    """Exit code of a station that ended; one taken out of service is erased now that nothing of it runs."""
    if not decommission.is_marked(station.data_dir):
        return agent.exit_code
    decommission.erase(station)
    return decommission.EXIT_CODE


async def _renew_in_time(agent: Agent, store: IdentityStore, station_id: str, clock: Clock) -> None:
    """Gets a new certificate before the present one ends, and connects again with it (EDG-09)."""
    while True:
        pause_s = _RENEWAL_PAUSE_S
        if agent.api is not None and store.renewal_due(clock.now()):
            try:
                async with agent.api.client() as client:
                    await renew(store, client, station_id)
                log.info("certificate.renewed", expires_at=str(store.expires_at()))
                agent.link.reconnect()
                agent.resolve("certificate.expires")
            except (httpx.HTTPError, OSError, ValueError, KeyError) as error:
                log.warning("certificate.not_renewed", reason=str(error))
                await agent.alert("certificate.expires", f"Certificat non renouvelé : {error}.")
                pause_s = _RENEWAL_RETRY_S
        await asyncio.sleep(pause_s)
