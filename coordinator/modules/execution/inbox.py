"""Answers to suggestions (EXE-42) and the reasons of pauses (EXE-20)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.kernel.models import Task
from coordinator.modules.execution.models import Comment, StopReason

REASONS = (
    "breakdown",
    "waiting_material",
    "waiting_tool",
    "waiting_inspection",
    "machine_stop",
    "regulatory_break",
    "end_of_shift",
    "other",
)


class AnswerParams(BaseModel):
    """What methods answer to the author."""

    answer: str | None = Field(default=None, max_length=1000)


def answer(ctx: Context, comment: Comment, params: Any) -> None:
    """Keep the answer, tell the author, close the task."""
    words = getattr(params, "answer", None)
    comment.answer = words or comment.answer
    if comment.user_id is not None and words:
        tasks.notify(
            ctx,
            "info",
            "suggestion",
            t("shop.answered", ctx.locale, answer=words),
            comment,
            user_id=comment.user_id,
        )
    query = select(Task).where(Task.dedupe_key == f"comment:{comment.uid}", Task.status == "open")
    for task in ctx.session.scalars(query):
        tasks.close_task(ctx, task, words)


def seed(ctx: Context) -> None:
    """The usual reasons; a list the owner edits keeps his words."""
    known = set(ctx.session.scalars(select(StopReason.code)))
    for code in REASONS:
        if code not in known:
            ctx.add(StopReason(code=code, label=t(f"stop_reason.{code}", "fr")))
