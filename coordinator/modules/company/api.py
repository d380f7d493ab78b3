"""What other modules and the gateway may call."""

from __future__ import annotations

from sqlalchemy import exists, select

from coordinator.kernel.context import Context
from coordinator.modules.company.models import CompanyProfile


def is_set_up(ctx: Context) -> bool:
    """Whether the company exists; before that only the set-up is served (SET-01)."""
    return bool(ctx.session.scalar(select(exists().where(CompanyProfile.id.is_not(None)))))
