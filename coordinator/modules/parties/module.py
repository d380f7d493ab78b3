"""Manifest of the parties module."""

from decimal import Decimal

from coordinator.kernel.registry import EntitySpec, Lifecycle, Module, Transition
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.parties import service
from coordinator.modules.parties.models import (
    Address,
    Contact,
    Customer,
    Supplier,
    SupplierCatalogue,
    SupplierEvaluation,
)

CUSTOMER_LIFE = Lifecycle(
    "status",
    (
        Transition("activate", ("prospect", "on_hold"), "active", event="customer.activated", tone="primary"),
        Transition(
            "hold",
            ("prospect", "active"),
            "on_hold",
            "validate",
            service.hold,
            service.ReasonParams,
            event="customer.held",
            tone="danger",
        ),
        Transition(
            "close", ("prospect", "active", "on_hold"), "archived", "delete", service.archive, confirm=True
        ),
        Transition("reopen", ("archived",), "active", "update", service.reopen),
    ),
)

SUPPLIER_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "approve",
            ("not_approved", "conditional", "suspended"),
            "approved",
            "validate",
            service.approve_supplier,
            critical=True,
            tone="primary",
        ),
        Transition("restrict", ("not_approved", "approved"), "conditional", "validate", critical=True),
        Transition(
            "suspend",
            ("approved", "conditional"),
            "suspended",
            "validate",
            event="supplier.suspended",
            critical=True,
            tone="danger",
        ),
        Transition(
            "withdraw", ("approved", "conditional", "suspended"), "not_approved", "validate", critical=True
        ),
    ),
)

MODULE = Module(
    name="parties",
    depends=("company", "identity"),
    entities=[
        EntitySpec(
            Customer,
            "crm",
            "parties",
            title=("name",),
            import_key=("code",),
            default_sort="name",
            list_fields=("code", "name", "status", "business_sector", "email", "phone", "country"),
            lifecycle=CUSTOMER_LIFE,
            on_create=service.on_create_customer,
            on_update=service.check_customer,
            computed={"possible_duplicates": service.possible_duplicates},
        ),
        EntitySpec(
            Supplier,
            "crm",
            "parties",
            title=("name",),
            import_key=("code",),
            default_sort="name",
            list_fields=("code", "name", "status", "lead_time_days", "email", "phone", "next_review_on"),
            lifecycle=SUPPLIER_LIFE,
            on_create=service.on_create_supplier,
            on_update=service.check_supplier,
            computed={"possible_duplicates": service.possible_duplicates},
        ),
        EntitySpec(
            Contact,
            "crm",
            "parties",
            title=("full_name",),
            default_sort="full_name",
            list_fields=(
                "full_name",
                "customer_id",
                "supplier_id",
                "role_label",
                "email",
                "phone",
                "is_preferred",
            ),
            on_create=service.check_contact,
            on_update=service.check_contact,
        ),
        EntitySpec(
            Address,
            "crm",
            "parties",
            title=("label", "street", "city"),
            default_sort="city",
            list_fields=("customer_id", "supplier_id", "kind", "street", "postal_code", "city", "country"),
            on_create=service.check_address,
            on_update=service.check_address,
        ),
        EntitySpec(SupplierCatalogue, "purchasing", "parties", title=("name",)),
        EntitySpec(
            SupplierEvaluation,
            "purchasing",
            "parties",
            title=("criterion", "score"),
            default_sort="-evaluated_on",
        ),
    ],
    settings=[
        SettingDef("crm.duplicate_similarity", "crm", "decimal", Decimal("0.90"), None, Decimal("0.5"), 1),
        SettingDef("purchasing.supplier_review_months", "purchasing", "integer", 12, "mois", 1, 60),
    ],
)
