"""No two planned tasks of one machine, nor two fully attended ones of one person, at the same time (DAT-13).

The key is written as a one-value range so that PostgreSQL's own range operators suffice, without extension.
"""

STATEMENTS: list[str] = [
    "ALTER TABLE machine_slot ADD CONSTRAINT ex_machine_slot_overlap EXCLUDE USING gist"
    " (int8range(machine_id, machine_id, '[]') WITH &&, tstzrange(start_at, end_at) WITH &&)"
    " WHERE (status = 'planned' AND archived_at IS NULL) DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE operator_slot ADD CONSTRAINT ex_operator_slot_overlap EXCLUDE USING gist"
    " (int8range(employee_id, employee_id, '[]') WITH &&, tstzrange(start_at, end_at) WITH &&)"
    " WHERE (status = 'planned' AND attendance_pct = 100 AND archived_at IS NULL) DEFERRABLE INITIALLY DEFERRED",
    "CREATE VIEW machine_load_day AS SELECT machine_id, work_date, sum(estimated_load_min) AS planned_load_min,"
    " count(*) AS slot_count FROM machine_slot WHERE status <> 'cancelled' AND archived_at IS NULL"
    " GROUP BY machine_id, work_date",
]
