"""Telemetry samples: a hypertable where TimescaleDB is installed, native day partitions otherwise (DAT-12)."""

_COLUMNS = """
    telemetry_channel_id bigint NOT NULL,
    sampled_at timestamptz NOT NULL,
    value double precision,
    quality smallint NOT NULL CHECK (quality BETWEEN 0 AND 2)
"""

_TABLE = f"""
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        CREATE TABLE telemetry_sample ({_COLUMNS});
        PERFORM create_hypertable('telemetry_sample', 'sampled_at', chunk_time_interval => INTERVAL '1 day');
    ELSE
        CREATE TABLE telemetry_sample ({_COLUMNS}) PARTITION BY RANGE (sampled_at);
        CREATE TABLE telemetry_sample_default PARTITION OF telemetry_sample DEFAULT;
    END IF;
END $do$
"""

_ENSURE = """
CREATE FUNCTION ensure_telemetry_partitions(first_day date, last_day date) RETURNS integer LANGUAGE plpgsql AS $do$
DECLARE
    day date;
    partition text;
    made integer := 0;
BEGIN
    -- A hypertable makes its chunks itself.
    IF (SELECT relkind FROM pg_class WHERE oid = 'telemetry_sample'::regclass) <> 'p' THEN
        RETURN 0;
    END IF;
    FOR day IN SELECT generate_series(first_day, last_day, INTERVAL '1 day')::date LOOP
        partition := 'telemetry_sample_' || to_char(day, 'YYYYMMDD');
        IF to_regclass(partition) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('telemetry_sample'));
            IF to_regclass(partition) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF telemetry_sample FOR VALUES FROM (%L) TO (%L)',
                    partition, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00'
                );
                made := made + 1;
            END IF;
        END IF;
    END LOOP;
    RETURN made;
END $do$
"""

_DROP = """
CREATE FUNCTION drop_telemetry_before(limit_day date) RETURNS integer LANGUAGE plpgsql AS $do$
DECLARE
    partition text;
    dropped integer := 0;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = 'telemetry_sample'::regclass) <> 'p' THEN
        PERFORM drop_chunks('telemetry_sample', older_than => limit_day::timestamptz);
        RETURN 0;
    END IF;
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'telemetry_sample'::regclass AND c.relname ~ '^telemetry_sample_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < limit_day
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM telemetry_sample WHERE sampled_at < limit_day;
    RETURN dropped;
END $do$
"""

STATEMENTS: list[str] = [
    _TABLE,
    "CREATE INDEX ix_telemetry_sample_channel ON telemetry_sample (telemetry_channel_id, sampled_at DESC)",
    "CREATE INDEX ix_telemetry_sample_time ON telemetry_sample USING brin (sampled_at)",
    _ENSURE,
    _DROP,
]
