"""Admission of stations, their configuration and commands."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, NotFound, TooManyRequests
from coordinator.modules.company.models import Site
from coordinator.modules.stations import clones, identity, installation
from coordinator.modules.stations.models import Station, StationClaim, StationConfig
from edge_agents.protocol import signing
from edge_agents.protocol.control import BrokerAddress, ClaimCreated, ClaimRequest, ClaimStatus

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_SECRET = re.compile(r"(password|secret|private_key)(?!_file$)", re.I)
"""Names of values that are secret; the name of a file of the station that holds one is not."""
MAX_OPEN_CLAIMS = 50


class ApproveParams(BaseModel):
    """What the administrator decides for a new unit."""

    model_config = ConfigDict(extra="forbid")

    claim_code: str = Field(max_length=12)
    name: str = Field(min_length=1, max_length=120)
    kind: str = Field(json_schema_extra={"x-field": {"type": "choice", "enumeration": "station_kind"}})
    roles: list[str] = Field(
        default=[],
        max_length=5,
        json_schema_extra={"x-field": {"type": "choices", "enumeration": "station_kind"}},
    )
    site_code: str
    station_code: str | None = Field(default=None, max_length=40)


class ConfigParams(BaseModel):
    """New configuration of a station."""

    model_config = ConfigDict(extra="forbid")

    config: dict[str, Any]


def open_claim(ctx: Context, request: ClaimRequest) -> ClaimCreated:
    """Note a new unit's request; nothing is granted before an administrator approves its code (EDG-08).

    Raises:
        BusinessError: the certificate request is not acceptable.
        TooManyRequests: too many open requests.
    """
    from coordinator.kernel.pki.certificates import read_csr

    read_csr(request.csr_pem)
    count = select(func.count()).where(StationClaim.status == "pending", StationClaim.expires_at > ctx.now)
    if (ctx.session.scalar(count) or 0) >= MAX_OPEN_CLAIMS:
        raise TooManyRequests("station.too_many_claims")
    secret = secrets.token_urlsafe(32)
    valid = dt.timedelta(minutes=ctx.settings.integer("station_claim_valid_min"))
    claim = StationClaim(
        claim_code="".join(secrets.choice(_ALPHABET) for _ in range(8)),
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        csr_pem=request.csr_pem,
        hardware_model=request.hardware_model[:120],
        hardware_serial=request.hardware_serial[:120],
        ip=ctx.ip,
        expires_at=ctx.now + valid,
    )
    ctx.add(claim)
    return ClaimCreated(
        claim_id=str(claim.id), claim_code=claim.claim_code, claim_secret=secret, expires_at=claim.expires_at
    )


def claim_status(ctx: Context, claim_id: int, secret: str) -> ClaimStatus:
    """Answer to the polling unit, which proves itself by the secret it was given."""
    claim = ctx.session.get(StationClaim, claim_id)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if claim is None or not hmac.compare_digest(claim.secret_sha256 or "", digest):
        raise NotFound(entity="station_claim", id=claim_id)
    if claim.status == "pending" and claim.expires_at <= ctx.now:
        return ClaimStatus(status="expired")
    if claim.status != "approved" or claim.station_id is None:
        return ClaimStatus.model_validate({"status": claim.status})
    station = ctx.get(Station, claim.station_id)
    site = ctx.get(Site, station.site_id)
    authority = identity.pki(ctx)
    return ClaimStatus(
        status="approved",
        station_id=station.code,
        site=topic_name(site.code),
        certificate_pem=station.certificate_pem,
        ca_pem=authority.ca_pem,
        broker=BrokerAddress(host=ctx.config.mqtt_host, port=ctx.config.mqtt_port),
        api_url=ctx.config.public_url(),
        config_public_key=authority.public_key,
    )


def approve_claim(ctx: Context, claim: StationClaim, params: ApproveParams) -> dict[str, Any]:
    """Admit the unit: name it and sign its certificate. An existing station code replaces its hardware (EDG-10).

    Raises:
        Conflict: the request is no longer open.
        BusinessError: wrong code, unknown site or kind.
    """
    if claim.status != "pending" or claim.expires_at <= ctx.now:
        raise Conflict("station.claim_closed")
    if not hmac.compare_digest(claim.claim_code, params.claim_code.strip().upper()):
        raise BusinessError("station.wrong_claim_code")
    site = ctx.session.scalars(select(Site).where(Site.code == params.site_code)).one_or_none()
    if site is None:
        raise BusinessError("station.unknown_site", site=params.site_code)
    station = _station_for(ctx, claim, params, site)
    identity.revoke_all(ctx, station)
    identity.issue(ctx, station, claim.csr_pem, "admission")
    station.is_revoked = False
    clones.lift(ctx, station)
    claim.status = "approved"
    claim.station_id = station.id
    ctx.session.flush()
    return {"station_id": station.id, "station_code": station.code}


def _station_for(ctx: Context, claim: StationClaim, params: ApproveParams, site: Site) -> Station:
    code = params.station_code or f"st-{secrets.token_hex(4)}"
    if not re.fullmatch(r"st-[a-z0-9-]{2,40}", code):
        raise BusinessError("station.bad_code", station=code)
    station = ctx.session.scalars(select(Station).where(Station.code == code).with_for_update()).one_or_none()
    is_replaced = station is not None
    if station is None:
        station = Station(code=code, name=params.name, kind=params.kind, site_id=site.id)
        ctx.session.add(station)
    station.name, station.kind, station.roles = params.name, params.kind, params.roles or [params.kind]
    station.hardware_model, station.hardware_serial = claim.hardware_model, claim.hardware_serial
    station.installed_on = ctx.now.date()
    ctx.session.flush()
    installation.prepare(ctx, station, is_new_hardware=is_replaced)
    return station


def refuse_claim(_ctx: Context, claim: StationClaim, _params: BaseModel) -> None:
    """Turn a unit away."""
    if claim.status != "pending":
        raise Conflict("station.claim_closed")
    claim.status = "refused"


def revoke_station(ctx: Context, station: Station, _params: BaseModel) -> None:
    """Refuse a lost or stolen unit from now on (EDG-09)."""
    identity.shut_out(ctx, station)


def set_config(ctx: Context, station: Station, params: ConfigParams) -> dict[str, Any]:
    """Sign a new configuration version; the ingest process publishes it (EDG-28)."""
    refuse_secrets(params.config)
    latest = ctx.session.scalar(
        select(func.max(StationConfig.version_no)).where(StationConfig.station_id == station.id)
    )
    version_no = (latest or 0) + 1
    document = signing.config_document(version_no, params.config)
    row = StationConfig(
        station_id=station.id,
        version_no=version_no,
        config=params.config,
        sha256=signing.sha256_hex(document),
        signature=identity.pki(ctx).sign(document),
    )
    ctx.add(row)
    return {"version_no": version_no}


def refuse_secrets(config: dict[str, Any]) -> None:
    """Raises BusinessError ``station.secret_in_config``, at any depth: configurations are stored and published readable."""
    if _holds_secret(config):
        raise BusinessError("station.secret_in_config")


def _holds_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_SECRET.search(str(key)) or _holds_secret(inner) for key, inner in value.items())
    return isinstance(value, list) and any(_holds_secret(inner) for inner in value)


def topic_name(site_code: str) -> str:
    """Site code as a topic level."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", site_code)
