"""Views over the ledger. Filters on the item reach the movements' index."""

_COMMON = "1 AS row_version, NULL::bigint AS created_by_id"

_BALANCE = f"""
CREATE VIEW stock_balance AS
SELECT min(s.key) AS id, s.stock_item_id, s.stock_lot_id, s.stock_unit_id, s.storage_location_id,
       sum(s.quantity) AS quantity,
       sum(s.quantity) > 0 AND coalesce(l.status = 'released', true)
           AND coalesce(u.condition NOT IN ('broken', 'out_of_service'), true) AS is_available,
       coalesce(l.is_certified, false) AS is_certified,
       min(s.occurred_at) AS created_at, max(s.occurred_at) AS updated_at, NULL::timestamptz AS archived_at, {_COMMON}
FROM (
    SELECT id * 2 AS key, stock_item_id, stock_lot_id, stock_unit_id, to_location_id AS storage_location_id, quantity,
           occurred_at
    FROM stock_movement WHERE to_location_id IS NOT NULL
    UNION ALL
    SELECT id * 2 + 1, stock_item_id, stock_lot_id, stock_unit_id, from_location_id, -quantity, occurred_at
    FROM stock_movement WHERE from_location_id IS NOT NULL
) s
LEFT JOIN stock_lot l ON l.id = s.stock_lot_id
LEFT JOIN stock_unit u ON u.id = s.stock_unit_id
GROUP BY s.stock_item_id, s.stock_lot_id, s.stock_unit_id, s.storage_location_id, l.id, u.id
HAVING sum(s.quantity) <> 0
"""  # noqa: S608 — constant columns

_IN_USE = """
CREATE VIEW stock_in_use AS
SELECT stock_item_id, stock_lot_id, stock_unit_id, holder, sum(quantity) AS quantity
FROM (
    SELECT stock_item_id, stock_lot_id, stock_unit_id, to_holder AS holder, quantity
    FROM stock_movement WHERE to_holder IS NOT NULL
    UNION ALL
    SELECT stock_item_id, stock_lot_id, stock_unit_id, from_holder, -quantity
    FROM stock_movement WHERE from_holder IS NOT NULL
) s
GROUP BY stock_item_id, stock_lot_id, stock_unit_id, holder
HAVING sum(quantity) <> 0
"""

_LEVEL = f"""
CREATE VIEW stock_level AS
SELECT i.id, i.id AS stock_item_id, i.item_kind, i.unit, b.on_hand, b.certified_qty, b.unusable_qty, u.in_use_qty,
       r.reserved_qty, b.on_hand - b.unusable_qty - r.reserved_qty AS available_qty,
       b.on_hand - b.unusable_qty - r.reserved_qty > 0 AS is_available, i.alert_threshold,
       coalesce(b.on_hand - b.unusable_qty - r.reserved_qty < i.alert_threshold, false) AS is_below_alert,
       round(b.on_hand * i.unit_cost, 2) AS stock_value,
       i.created_at, i.updated_at, i.archived_at, {_COMMON}
FROM stock_item i
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS on_hand,
           coalesce(sum(quantity) FILTER (WHERE is_certified), 0) AS certified_qty,
           coalesce(sum(quantity) FILTER (WHERE quantity > 0 AND NOT is_available), 0) AS unusable_qty
    FROM stock_balance WHERE stock_item_id = i.id
) b
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS in_use_qty FROM stock_in_use WHERE stock_item_id = i.id
) u
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity - consumed_qty), 0) AS reserved_qty FROM stock_reservation
    WHERE stock_item_id = i.id AND kind = 'firm' AND released_at IS NULL AND archived_at IS NULL
) r
"""  # noqa: S608 — constant columns

STATEMENTS: list[str] = [_BALANCE, _IN_USE, _LEVEL]
