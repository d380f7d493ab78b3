"""Lots: certificate, release, blocking."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, Field

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.stock.models import StockLot


class CertificateParams(BaseModel):
    """What the certificate says (EN 10204)."""

    certificate_type: Literal["2.1", "2.2", "3.1", "3.2"]
    certificate_number: str = Field(min_length=1, max_length=60)
    heat_number: str = Field(min_length=1, max_length=60)
    norm: str | None = Field(default=None, max_length=60)
    certificate_date: dt.date | None = None
    file_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class BlockParams(BaseModel):
    """Why."""

    reason: str = Field(min_length=3, max_length=300)


def attach_certificate(ctx: Context, lot: StockLot, params: CertificateParams) -> None:
    """Attach a certificate; it counts once a person has verified it."""
    if params.file_sha256 is not None and not ctx.files.is_intact(params.file_sha256):
        raise BusinessError("stock.certificate_file")
    lot.is_certified = True
    lot.certificate_type = params.certificate_type
    lot.certificate_number = params.certificate_number
    lot.certificate_heat_number = params.heat_number
    lot.certificate_norm = params.norm
    lot.certificate_date = params.certificate_date
    lot.certificate_sha256 = params.file_sha256
    lot.certificate_verified_by_id = lot.certificate_verified_at = None
    if lot.status == "released":
        lot.status = "quarantine"
    if not _same_heat(lot):
        _tell_quality(ctx, lot)


def verify_certificate(ctx: Context, lot: StockLot, _params: Any) -> None:
    """A person has read the certificate; its heat number must be the lot's (STK-53).

    Raises:
        BusinessError: ``stock.no_certificate``, ``stock.heat_mismatch``; the lot stays in quarantine.
    """
    if lot.certificate_number is None:
        raise BusinessError("stock.no_certificate", lot=lot.lot_number)
    if not _same_heat(lot):
        raise BusinessError(
            "stock.heat_mismatch",
            lot=lot.lot_number,
            heat=lot.heat_number or "—",
            certificate=lot.certificate_heat_number or "—",
        )
    lot.certificate_verified_by_id = ctx.principal.user_id
    lot.certificate_verified_at = ctx.now


def _same_heat(lot: StockLot) -> bool:
    def plain(number: str | None) -> str:
        return "".join((number or "").split()).upper()

    return bool(lot.heat_number) and plain(lot.heat_number) == plain(lot.certificate_heat_number)


def _tell_quality(ctx: Context, lot: StockLot) -> None:
    words = t("stock.heat_mismatch", ctx.locale, lot=lot.lot_number)
    tasks.notify(ctx, "warning", "stock", words, lot, role="quality_manager")


def release(_ctx: Context, lot: StockLot, _params: Any) -> None:
    """Out of quarantine: a certified lot needs its certificate attached and verified (STK-09).

    Raises:
        BusinessError: ``stock.certificate_unverified``.
    """
    if lot.is_certified and lot.certificate_verified_at is None:
        raise BusinessError("stock.certificate_unverified", lot=lot.lot_number)
    lot.blocked_reason = None


def block(_ctx: Context, lot: StockLot, params: BlockParams) -> None:
    """Nobody may use the lot."""
    lot.blocked_reason = params.reason
