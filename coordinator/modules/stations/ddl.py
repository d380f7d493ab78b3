"""Partitions of the received facts."""

STATEMENTS: list[str] = [
    "CREATE TABLE device_event_default PARTITION OF device_event DEFAULT",
    "CREATE INDEX ix_device_event_occurred_at_brin ON device_event USING brin (occurred_at)",
]
