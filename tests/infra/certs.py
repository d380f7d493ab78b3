"""Certificates and MQTT clients for the broker tests."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt

from coordinator.kernel.pki import CertificatePaths, Pki, new_csr, new_key, private_pem


def station_files(pki: Pki, folder: Path, station_id: str) -> CertificatePaths:
    """A station's key and certificate, made as a station makes them."""
    key = new_key()
    certificate = folder / f"{station_id}.crt"
    certificate.write_text(pki.sign_station(new_csr(key, station_id), station_id))
    (folder / f"{station_id}.key").write_bytes(private_pem(key))
    return CertificatePaths(pki.ca_file, certificate, folder / f"{station_id}.key")


def tls(files: CertificatePaths) -> ssl.SSLContext:
    """A client's TLS context."""
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(files.certificate, files.key)
    return context


@asynccontextmanager
async def connected(
    port: int, files: CertificatePaths, client_id: str, **options: Any
) -> AsyncIterator[aiomqtt.Client]:
    """An MQTT 3.1.1 client over mutual TLS, persistent unless told otherwise."""
    options.setdefault("clean_session", False)
    client = aiomqtt.Client("localhost", port, identifier=client_id, tls_context=tls(files), **options)
    async with client:
        yield client


async def collect(client: aiomqtt.Client, count: int, timeout_s: float = 20) -> list[tuple[str, bytes]]:
    """The next ``count`` messages."""
    found: list[tuple[str, bytes]] = []

    async def read() -> None:
        async for message in client.messages:
            found.append((str(message.topic), bytes(message.payload)))
            if len(found) == count:
                return

    await asyncio.wait_for(read(), timeout_s)
    return found


async def silence(client: aiomqtt.Client, seconds: float = 0.4) -> list[tuple[str, bytes]]:
    """What still arrives within a moment."""
    try:
        return await collect(client, 1, seconds)
    except TimeoutError:
        return []
