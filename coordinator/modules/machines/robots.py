"""Commands of robots: asked by a person, approved, answered within their time or failed (MCH-39, MCH-52)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.machines.camera_models import Robot, RobotCommand


def check_command(ctx: Context, command: RobotCommand) -> None:
    """Only a person asks, and only for a program the robot has.

    Raises:
        BusinessError: ``robot.person`` without a person, ``robot.program`` for an unknown job, ``robot.retired``.
    """
    if ctx.principal.kind == "station" or (
        ctx.principal.kind == "service" and command.requested_by_id is None
    ):
        raise BusinessError("robot.person")
    robot = ctx.get(Robot, command.robot_id)
    if robot.status == "retired":
        raise BusinessError("robot.retired")
    programs = robot.programs if isinstance(robot.programs, list) else []
    if programs and command.action_code not in {str(p) for p in programs} | {"pause", "state"}:
        raise BusinessError("robot.program", program=command.action_code)
    command.requested_by_id = ctx.principal.user_id


def approve(ctx: Context, command: RobotCommand, _params: Any) -> None:
    """Somebody with the right lets it go."""
    command.approved_by_id = ctx.principal.user_id


def sent(ctx: Context, command: RobotCommand, _params: Any) -> None:
    """Handed over at the robot's own panel; an answer is due."""
    command.sent_at = ctx.now
    limit = ctx.settings.integer("machines.robot_answer_s")
    command.answer_due_at = ctx.now + dt.timedelta(seconds=limit)


def answered(ctx: Context, command: RobotCommand, _params: Any) -> None:
    """The robot has done it, or not."""
    command.executed_at = ctx.now


def fail_unanswered(ctx: Context) -> None:
    """Commands without answer in their time have failed; nothing sends them again (MCH-52)."""
    query = select(RobotCommand).where(RobotCommand.status == "sent", RobotCommand.answer_due_at < ctx.now)
    for command in ctx.session.scalars(query.with_for_update(skip_locked=True)):
        command.status, command.result = "failed", t("robot.unanswered", ctx.locale)
        robot = ctx.get(Robot, command.robot_id)
        words = t("robot.unanswered_told", ctx.locale, robot=robot.name, action=command.action_code)
        tasks.notify(ctx, "alarm", "robot", words, command, role="workshop_manager")
