"""Background jobs on procrastinate, queued inside the business transaction."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import procrastinate
from sqlalchemy import text

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.outbox import DELIVER_JOB, MAX_ATTEMPTS, deliver
from coordinator.kernel.registry import Job, Registry

_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, :priority, :lock, NULL, CAST(:args AS jsonb),"
    " CAST(:at AS timestamptz))::procrastinate_job_to_defer_v1])"
)


class RetryLater(Exception):
    """Asks the worker to run the job again after the growing delay."""


def defer(
    ctx: Context, name: str, *, at: dt.datetime | None = None, lock: str | None = None, **kwargs: Any
) -> None:
    """Queue job ``name`` with JSON arguments; it exists only if the caller's transaction commits."""
    queue = "outbox" if name == DELIVER_JOB else ctx.registry.jobs[name].queue
    arguments = json.dumps({k: jsonable(v) for k, v in kwargs.items()})
    values = {"queue": queue, "task": name, "priority": 0, "lock": lock, "args": arguments, "at": at}
    ctx.session.execute(_DEFER, values)


def make_app(factory: ContextFactory, connector: procrastinate.PsycopgConnector) -> procrastinate.App:
    """Procrastinate application with one task per declared job and the outbox delivery."""
    app = procrastinate.App(connector=connector)
    retry = procrastinate.RetryStrategy(max_attempts=MAX_ATTEMPTS, wait=1, exponential_wait=3)

    @app.task(name=DELIVER_JOB, queue="outbox", retry=retry)
    def deliver_task(delivery_id: int) -> None:
        if not deliver(factory, delivery_id):
            raise RetryLater

    for job in factory.registry.jobs.values():
        _register(app, factory, job)
    return app


def _register(app: procrastinate.App, factory: ContextFactory, job: Job) -> None:
    def run(**kwargs: Any) -> None:
        kwargs.pop("timestamp", None)
        run_job(factory, job, kwargs)

    retry = procrastinate.RetryStrategy(max_attempts=job.max_attempts, wait=2, exponential_wait=3)
    task = app.task(name=job.name, queue=job.queue, retry=retry)(run)
    if job.cron:
        app.periodic(cron=job.cron)(task)  # type: ignore[arg-type]  # takes any keyword


def run_job(factory: ContextFactory, job: Job, kwargs: dict[str, Any]) -> None:
    """Run a job in this process."""
    if job.detached:
        job.function(factory, **kwargs)
        return
    with factory.open(Principal.service(job.name)) as ctx:
        if job.cron and _is_switched_off(ctx, job):
            return
        job.function(ctx, **kwargs)


def _is_switched_off(ctx: Context, job: Job) -> bool:
    """Whether everything the job's module serves is switched off: its regular work rests (SET-20)."""
    owner = next(m for m in ctx.registry.modules.values() if job in m.jobs)
    codes = ctx.registry.codes_of(owner)
    return bool(codes) and codes <= ctx.registry.switched_off(ctx)


def run_pending(factory: ContextFactory, registry: Registry) -> int:
    """Run queued jobs and deliveries once in this process, for tests and the command line. Returns how many ran."""
    from coordinator.kernel.outbox import drain

    count = drain(factory)
    while True:
        with factory.sessions() as session, session.begin():
            row = session.execute(
                text(
                    "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (SELECT id FROM procrastinate_jobs"
                    " WHERE status = 'todo' AND queue_name <> 'outbox' AND (scheduled_at IS NULL OR scheduled_at <= now())"
                    " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, task_name, args"
                )
            ).one_or_none()
        if row is None:
            return count
        run_job(factory, registry.jobs[row.task_name], dict(row.args))
        with factory.sessions() as session, session.begin():
            session.execute(
                text("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = :id"), {"id": row.id}
            )
        count += 1 + drain(factory)
