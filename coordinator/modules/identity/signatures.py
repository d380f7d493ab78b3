"""Electronic signatures: who, when, in what meaning, over which content (TRC-35…41). Internal, simple signatures (TRC-42)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from coordinator.kernel import seal
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.crud import title_of
from coordinator.kernel.db import Record
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import choice_label
from coordinator.kernel.registry import EntitySpec
from coordinator.modules.identity.models import ElectronicSignature, UserAccount

_SEALED = (
    "signed_at", "user_id", "roles", "object_type", "object_id", "object_version", "meaning", "method", "content_sha256",
    "terminal_id", "previous_sha256",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What a verification found: the seal holds, the record is still what was signed."""

    is_intact: bool
    is_current: bool

    @property
    def is_valid(self) -> bool:
        """Whether the signature stands for the record as it is now."""
        return self.is_intact and self.is_current


def spec_of(ctx: Context, object_type: str) -> EntitySpec:
    """Entity that may be signed.

    Raises:
        BusinessError: ``signature.not_signable``.
    """
    spec = ctx.registry.entities.get(object_type)
    if spec is None or spec.signed is None:
        raise BusinessError("signature.not_signable", entity=object_type)
    return spec


def content_of(ctx: Context, record: Record) -> dict[str, Any]:
    """What a signature of the record covers, read before signing."""
    spec = spec_of(ctx, record.__tablename__)
    assert spec.signed is not None  # noqa: S101 — held by spec_of
    return {"entity": spec.name, "id": record.id, **spec.signed(ctx, record)}


def sign(ctx: Context, record: Record, meaning: str, method: str) -> ElectronicSignature:
    """Sign the record as it is; the person has just proven who he is by ``method``."""
    previous = ctx.session.scalar(
        select(ElectronicSignature.content_sha256).order_by(ElectronicSignature.id.desc()).limit(1)
    )
    content = content_of(ctx, record)
    made = ElectronicSignature(
        signed_at=ctx.now.replace(microsecond=ctx.now.microsecond // 1000 * 1000), user_id=ctx.principal.user_id,
        roles=",".join(sorted(ctx.principal.roles)), object_type=record.__tablename__, object_id=record.id,
        object_version=record.row_version, meaning=meaning, method=method, content=_plain(content),
        content_sha256=seal.digest(content), terminal_id=ctx.terminal_id, previous_sha256=previous,
    )  # fmt: skip
    made.seal = seal.sign(ctx.config, _sealed(made))
    ctx.session.add(made)
    ctx.session.flush()
    ctx.note("sign", record, details=choice_label("signature_meaning", meaning, "fr"), critical=True)
    ctx.emit(f"{record.__tablename__}.signed", {"id": record.id, "meaning": meaning})
    return made


def _plain(content: dict[str, Any]) -> Any:
    return json.loads(seal.canonical(content))


def _sealed(made: ElectronicSignature) -> dict[str, Any]:
    return {name: jsonable(getattr(made, name)) for name in _SEALED}


def verify(ctx: Context, made: ElectronicSignature, record: Record) -> Verdict:
    """Recompute hash and seal, and compare with the record as it is now (TRC-39, TRC-40)."""
    intact = seal.is_sealed(ctx.config, _sealed(made), made.seal)
    intact = intact and seal.digest(made.content) == made.content_sha256
    return Verdict(intact, seal.digest(content_of(ctx, record)) == made.content_sha256)


def signatures_of(ctx: Context, record: Record) -> list[ElectronicSignature]:
    """Signatures of a record, newest first."""
    query = select(ElectronicSignature).where(
        ElectronicSignature.object_type == record.__tablename__, ElectronicSignature.object_id == record.id
    )
    return list(ctx.session.scalars(query.order_by(ElectronicSignature.id.desc())))


def require_signature(ctx: Context, record: Record, meaning: str = "approved") -> ElectronicSignature:
    """The valid signature of the record as it is now.

    Raises:
        Conflict: ``signature.required`` when nobody signed, ``signature.outdated`` when the record changed since;
            ``state`` tells ``missing`` or ``outdated``.
    """
    found = [s for s in signatures_of(ctx, record) if s.meaning == meaning]
    for made in found:
        if verify(ctx, made, record).is_valid:
            return made
    name = title_of(ctx, ctx.registry.entities[record.__tablename__], record)
    extra = {
        "object_type": record.__tablename__,
        "object_id": record.id,
        "meaning": meaning,
        "state": "outdated" if found else "missing",
    }
    raise Conflict("signature.outdated" if found else "signature.required", extra=extra, record=name)


def describe(ctx: Context, made: ElectronicSignature, record: Record) -> dict[str, Any]:
    """Public form of a signature with its verification."""
    user = ctx.get(UserAccount, made.user_id)
    verdict = verify(ctx, made, record)
    return {
        "id": made.id,
        "signed_at": jsonable(made.signed_at),
        "user": {"id": user.id, "display": f"{user.first_name} {user.last_name}"},
        "roles": [r for r in made.roles.split(",") if r],
        "meaning": made.meaning,
        "meaning_label": choice_label("signature_meaning", made.meaning, ctx.locale),
        "method": made.method,
        "object_version": made.object_version,
        "content_sha256": made.content_sha256,
        "is_intact": verdict.is_intact,
        "is_current": verdict.is_current,
        "is_valid": verdict.is_valid,
    }
