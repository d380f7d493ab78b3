"""What a routing must be before the workshop gets it. Pure: plain values in, findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

FINAL_TYPES = ("inspection", "packaging", "logistics")
"""Last operations of every routing (RTG-14)."""
STRICT_CRITICALITIES = frozenset({"aerospace", "military", "armament"})
"""Always validated by a person (RTG-16)."""


@dataclass(frozen=True)
class Row:
    """One operation as the rules see it; times in minutes."""

    sequence_no: int
    operation_type: str
    label: str
    setup_time_min: Decimal = Decimal(0)
    planned_time_min: Decimal = Decimal(0)
    external_days: int | None = None
    is_external: bool = False
    predecessors: tuple[int, ...] | None = None
    """Sequence numbers; ``None`` means the row before."""


@dataclass(frozen=True)
class Finding:
    """Stable code of what is wrong, the row concerned and the parameters of the sentence."""

    code: str
    sequence_no: int | None = None
    params: Mapping[str, object] = field(default_factory=dict)


def check(rows: Sequence[Row], *, final_operations: bool = True) -> list[Finding]:
    """Everything that stands in the way of a valid routing (RTG-12, RTG-14, RTG-47)."""
    if not rows:
        return [Finding("routing.empty")]
    found = [*_numbers(rows), *_values(rows)]
    cycle = find_cycle(rows)
    if cycle:
        chain = " → ".join(str(n) for n in [*cycle, cycle[0]])
        found.append(Finding("routing.cycle", cycle[0], {"chain": chain}))
    if final_operations:
        found += _finals(rows)
    return found


def _numbers(rows: Sequence[Row]) -> list[Finding]:
    numbers = [row.sequence_no for row in rows]
    twice = sorted({n for n in numbers if numbers.count(n) > 1})
    found = [Finding("routing.number_twice", n, {"number": n}) for n in twice]
    known = set(numbers)
    for row in rows:
        unknown = [p for p in row.predecessors or () if p not in known]
        found += [
            Finding("routing.predecessor", row.sequence_no, {"number": row.sequence_no, "before": p})
            for p in unknown
        ]
    return found


def _values(rows: Sequence[Row]) -> list[Finding]:
    found = []
    for row in rows:
        number = {"number": row.sequence_no}
        if row.sequence_no <= 0:
            found.append(Finding("routing.sequence", row.sequence_no, number))
        if not row.label.strip():
            found.append(Finding("routing.label", row.sequence_no, number))
        spent = row.setup_time_min + row.planned_time_min
        negative = row.setup_time_min < 0 or row.planned_time_min < 0
        if negative or (spent <= 0 and not row.is_external):
            found.append(Finding("routing.time", row.sequence_no, number))
        if row.is_external and not row.external_days:
            found.append(Finding("routing.external_days", row.sequence_no, number))
    return found


def _finals(rows: Sequence[Row]) -> list[Finding]:
    ordered = sorted(rows, key=lambda row: row.sequence_no)
    found = [
        Finding(f"routing.no_{kind}")
        for kind in FINAL_TYPES
        if not any(r.operation_type == kind for r in rows)
    ]
    if found:
        return found
    last = [row.operation_type for row in ordered[-len(FINAL_TYPES) :]]
    return (
        [] if set(last) == set(FINAL_TYPES) else [Finding("routing.finals_not_last", ordered[-1].sequence_no)]
    )


def predecessors(rows: Sequence[Row]) -> dict[int, tuple[int, ...]]:
    """Rows each row waits for, by number; undeclared, the one before (RTG-12)."""
    ordered = sorted({row.sequence_no for row in rows})
    before = dict(zip(ordered[1:], ordered, strict=False))
    found = {}
    for row in rows:
        default = (before[row.sequence_no],) if row.sequence_no in before else ()
        found[row.sequence_no] = default if row.predecessors is None else row.predecessors
    return found


def find_cycle(rows: Sequence[Row]) -> list[int]:
    """Numbers of rows that wait for each other, empty when there are none."""
    waits = {n: list(ps) for n, ps in predecessors(rows).items()}
    state: dict[int, int] = {}
    path: list[int] = []

    def visit(number: int) -> list[int]:
        state[number] = 1
        path.append(number)
        for before in waits.get(number, []):
            if state.get(before) == 1:
                return path[path.index(before) :]
            if before in waits and before not in state:
                found = visit(before)
                if found:
                    return found
        path.pop()
        state[number] = 2
        return []

    for number in sorted(waits):
        if number not in state and (found := visit(number)):
            return found
    return []
