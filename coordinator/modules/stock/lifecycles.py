"""State machines of stock as tables."""

from coordinator.kernel.registry import Lifecycle, Transition
from coordinator.modules.stock import (
    commands,
    counts,
    cutting_plans,
    incidents,
    lots,
    places,
    plate_plans,
    reorder,
    tool_life,
)

LOT_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "release",
            ("quarantine", "blocked"),
            "released",
            "validate",
            lots.release,
            event="stock_lot.released",
            critical=True,
            tone="primary",
        ),
        Transition(
            "block",
            ("quarantine", "released"),
            "blocked",
            "update",
            lots.block,
            lots.BlockParams,
            event="stock_lot.blocked",
            critical=True,
            tone="danger",
        ),
        Transition("quarantine", ("released",), "quarantine", "update", critical=True),
    ),
)
COUNT_LIFE = Lifecycle(
    "status",
    (
        Transition("finish", ("open",), "counted", "update", counts.finish, tone="primary"),
        Transition("reopen", ("counted",), "open", "update"),
        Transition(
            "approve", ("counted",), "approved", "validate", counts.approve, critical=True, tone="primary"
        ),
        Transition("cancel", ("open", "counted"), "cancelled", "validate", tone="danger"),
    ),
)
INCIDENT_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "replace",
            ("open",),
            "replaced",
            "update",
            incidents.replace_tool,
            commands.ReplaceParams,
            event="tool_incident.replaced",
        ),
        Transition("take_over", ("open",), "replaced", event="tool_incident.replaced", automatic=True),
        Transition(
            "confirm",
            ("replaced",),
            "confirmed",
            "validate",
            incidents.confirm,
            incidents.ConfirmParams,
            event="tool_incident.confirmed",
            module_code="routing",
            critical=True,
            tone="primary",
        ),
        Transition("cancel", ("open", "replaced"), "cancelled", "update", incidents.cancel, tone="danger"),
    ),
)
PLATE_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "approve",
            ("proposed",),
            "approved",
            "update",
            plate_plans.approve,
            event="plate_plan.approved",
            tone="primary",
        ),
        Transition(
            "cancel", ("proposed", "approved"), "cancelled", "update", plate_plans.release, tone="danger"
        ),
    ),
)
PLAN_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "approve",
            ("proposed",),
            "approved",
            "update",
            cutting_plans.approve,
            event="cutting_plan.approved",
            tone="primary",
        ),
        Transition(
            "cancel",
            ("proposed", "approved"),
            "cancelled",
            "update",
            cutting_plans.release,
            tone="danger",
        ),
    ),
)
PLACE_LIFE = Lifecycle(
    "status",
    (Transition("refuse", ("proposed",), "refused", "update", places.refuse, tone="danger"),),
)
CHANGE_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "accept",
            ("proposed",),
            "accepted",
            "create",
            tool_life.accept,
            tool_life.DecisionParams,
            tone="primary",
        ),
        Transition(
            "refuse",
            ("proposed",),
            "refused",
            "update",
            tool_life.refuse,
            tool_life.DecisionParams,
            tone="danger",
        ),
    ),
)
PROPOSAL_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "accept",
            ("proposed",),
            "accepted",
            "validate",
            reorder.decide,
            event="reorder_proposal.accepted",
            module_code="purchasing",
            tone="primary",
        ),
        Transition(
            "refuse",
            ("proposed", "accepted"),
            "refused",
            "validate",
            reorder.refuse,
            reorder.RefuseParams,
            module_code="purchasing",
            tone="danger",
        ),
        Transition("order", ("accepted",), "ordered", automatic=True),
    ),
)
