"""Manifest of the company module."""

from __future__ import annotations

from typing import Any

from coordinator.kernel import seal
from coordinator.kernel.context import Context
from coordinator.kernel.registry import Command, EntitySpec, Job, Module, Permission
from coordinator.modules.company import kernel_records, seeds, service, settings_endpoints, setup, setup_steps
from coordinator.modules.company.models import (
    ActivityType,
    CalendarException,
    Certification,
    CompanyActivity,
    CompanyProfile,
    Department,
    ModuleActivation,
    RateCard,
    RateCardLine,
    Shift,
    Site,
    VatRate,
    WorkCalendar,
    WorkCenter,
    Workshop,
)

CHANGE = Permission("settings", "update")


def _make_main(ctx: Context, activity: CompanyActivity, _params: Any) -> None:
    service.make_main(ctx, activity)


def _remove(ctx: Context, activity: CompanyActivity, _params: Any) -> None:
    service.remove_activity(ctx, activity)


def _switch_on(ctx: Context, activation: ModuleActivation, _params: Any) -> None:
    service.switch_module(ctx, activation, active=True)


def _switch_off(ctx: Context, activation: ModuleActivation, _params: Any) -> None:
    service.switch_module(ctx, activation, active=False)


def _new_rate(ctx: Context, line: RateCardLine) -> None:
    service.add_rate(ctx, line)


MODULE = Module(
    name="company",
    depends=("identity",),
    entities=[
        EntitySpec(CompanyProfile, "settings", "system", title=("legal_name",), can_create=False, can_delete=False,
                   on_update=service.check_profile),
        EntitySpec(Site, "settings", "system", title=("code", "name"), import_key=("code",), default_sort="code",
                   on_create=service.check_site, on_update=service.check_site,
                   list_fields=("code", "name", "siret", "city", "is_default")),
        EntitySpec(Workshop, "settings", "system", title=("code", "name"), default_sort="code"),
        EntitySpec(WorkCenter, "settings", "system", title=("code", "name"), default_sort="code"),
        EntitySpec(Department, "settings", "system", title=("name",), import_key=("code",), default_sort="code"),
        EntitySpec(WorkCalendar, "settings", "system", title=("name",), import_key=("code",), default_sort="code",
                   on_create=service.check_calendar, on_update=service.check_calendar),
        EntitySpec(Shift, "settings", "system", title=("name",), default_sort="weekday",
                   on_create=service.check_shift, on_update=service.check_shift),
        EntitySpec(CalendarException, "settings", "system", title=("reason", "first_day"), default_sort="-first_day"),
        EntitySpec(ActivityType, "settings", "system", title=("label",), import_key=("code",), default_sort="label"),
        EntitySpec(CompanyActivity, "settings", "system", title=("activity_type_id",), can_update=False, can_delete=False),
        EntitySpec(Certification, "settings", "system", title=("standard",)),
        EntitySpec(VatRate, "settings", "system", title=("label",), default_sort="-rate_pct"),
        EntitySpec(ModuleActivation, "settings", "system", title=("module_code",), can_create=False, can_update=False,
                   can_delete=False, default_sort="module_code"),
        EntitySpec(RateCard, "quoting", "sales", title=("name",)),
        EntitySpec(RateCardLine, "quoting", "sales", title=("kind",), can_update=False, can_delete=False, on_create=_new_rate,
                   create_right="validate", default_sort="kind",
                   list_fields=("kind", "machine_type", "machine_id", "rate", "unit", "valid_from", "valid_to")),
        *kernel_records.ENTITIES,
    ],
    commands=[
        Command("make_main", CHANGE, _make_main, entity="company_activity", available=lambda a: not a.is_main),
        Command("remove", CHANGE, _remove, entity="company_activity", tone="danger", confirm=True,
                available=lambda a: not a.is_main),
        Command("switch_on", CHANGE, _switch_on, entity="module_activation", tone="primary",
                available=lambda a: not a.is_active),
        Command("switch_off", CHANGE, _switch_off, entity="module_activation", tone="danger", confirm=True,
                available=lambda a: a.is_active and not a.is_core),
        *kernel_records.COMMANDS,
    ],
    routers=[setup.router, setup_steps.router, settings_endpoints.router, kernel_records.router],
    jobs=[Job("history.seal", seal.seal_and_check, cron="15 0 * * *")],
    switched_off=service.switched_off,
    seed=seeds.seed,
)  # fmt: skip
