"""Who a station is over HTTPS, and the certificates it was given (EDG-08, EDG-09, EDG-11)."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import Forbidden, Unauthenticated
from coordinator.kernel.i18n import written
from coordinator.kernel.pki import Pki
from coordinator.kernel.pki.certificates import needs_renewal, read_csr
from coordinator.modules.stations.models import Station, StationCertificate
from edge_agents.protocol import ProtocolError, tokens

_LATE = dt.timedelta(days=30)


def pki(ctx: Context) -> Pki:
    """The internal certificate authority."""
    return Pki.open_or_create(ctx.config.pki_dir)


def is_station_token(token: str) -> bool:
    """Whether a bearer token was made by a station."""
    return token.startswith(tokens.PREFIX)


def principal_of_token(ctx: Context, token: str) -> Principal:
    """Principal of a station, which has no right but what the routes for stations give it.

    Raises:
        Unauthenticated: unreadable, forged or out of its time.
        Forbidden: ``station.revoked`` or ``station.certificate_expired``.
    """
    try:
        claimed = tokens.read_token(token)
        station = ctx.session.scalars(select(Station).where(Station.code == claimed.station_id)).one_or_none()
        if station is None or station.certificate_pem is None:
            raise Unauthenticated("auth.invalid_token")
        certificate = x509.load_pem_x509_certificate(station.certificate_pem.encode())
        claimed.verify(certificate.public_key(), ctx.now)
    except ProtocolError as error:
        raise Unauthenticated("auth.invalid_token") from error
    if station.is_revoked:
        raise Forbidden("station.revoked", station=station.code)
    if certificate.not_valid_after_utc <= ctx.now:
        raise Forbidden("station.certificate_expired", station=station.code)
    return Principal(kind="station", name=station.code, station_id=station.code)


def require_station(ctx: Context) -> Station:
    """The station that asks.

    Raises:
        Unauthenticated: nobody asks.
        Forbidden: a person asks.
    """
    if ctx.principal.kind == "anonymous":
        raise Unauthenticated
    if ctx.principal.kind != "station":
        raise Forbidden("station.only")
    return ctx.session.scalars(select(Station).where(Station.code == ctx.principal.station_id)).one()


def issue(ctx: Context, station: Station, csr_pem: str, reason: str) -> str:
    """Sign a certificate for the station and list it; it becomes the present one."""
    pem = pki(ctx).sign_station(csr_pem, station.code)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    station.certificate_pem = pem
    station.certificate_expires_at = certificate.not_valid_after_utc
    ctx.add(
        StationCertificate(
            station_id=station.id,
            serial=f"{certificate.serial_number:x}",
            pem=pem,
            reason=reason,
            issued_at=ctx.now,
            expires_at=certificate.not_valid_after_utc,
        )
    )
    return pem


def renew(ctx: Context, station: Station, csr_pem: str) -> str:
    """Certificate for the request of a station whose present one ends soon (EDG-09).

    A repeated request, or one before its time, gets the present certificate again: a lost answer harms nothing.

    Raises:
        BusinessError: ``pki.csr_invalid``, ``pki.weak_key``; ``station.other_key`` for a key that is not the station's.
    """
    ctx.session.refresh(station, with_for_update=True)
    present = x509.load_pem_x509_certificate((station.certificate_pem or "").encode())
    if read_csr(csr_pem) != present.public_key():
        # A new key means new hardware, which a person admits.
        raise Forbidden("station.other_key", station=station.code)
    if not needs_renewal(present, ctx.now):
        return station.certificate_pem or ""
    return issue(ctx, station, csr_pem, "renewal")


def revoke_all(ctx: Context, station: Station) -> None:
    """Revoke every certificate of the station that could still be shown."""
    query = select(StationCertificate).where(
        StationCertificate.station_id == station.id,
        StationCertificate.revoked_at.is_(None),
        StationCertificate.expires_at > ctx.now,
    )
    rows = list(ctx.session.scalars(query))
    authority = pki(ctx)
    for pem in {row.pem for row in rows} | ({station.certificate_pem} if station.certificate_pem else set()):
        authority.revoke(pem)
    for row in rows:
        row.revoked_at = ctx.now


def shut_out(ctx: Context, station: Station) -> None:
    """Let nobody in under the name of the station any more (EDG-09)."""
    revoke_all(ctx, station)
    station.is_revoked = True


def care(ctx: Context) -> None:
    """Recurring job: publish the revocation list before it ends; name the stations whose certificate was not renewed."""
    pki(ctx).refresh_crl()
    late = select(Station).where(
        Station.certificate_expires_at < ctx.now + _LATE,
        Station.is_revoked.is_(False),
        Station.archived_at.is_(None),
    )
    for station in ctx.session.scalars(late):
        date = written(station.certificate_expires_at.date()) if station.certificate_expires_at else ""
        title = f"Certificat de {station.name} à renouveler : il finit le {date}"
        tasks.open_task(
            ctx,
            "station.certificate",
            title,
            station,
            role="admin",
            dedupe_key=f"certificate:{station.id}:{date}",
        )
