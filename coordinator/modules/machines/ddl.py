"""Telemetry samples: a hypertable where TimescaleDB is installed, native day partitions otherwise (DAT-12).

The day that is being written has only a BRIN index: a B-tree would cost three times the row itself. Finished days get their
B-tree at night; what is asked of today is answered by ``telemetry_last``, the aggregates and the raw rows of hours in hand.
"""

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

_INDEX = """
DO $do$
BEGIN
    -- Chunks cannot be indexed one by one at night: a hypertable keeps the index from the start.
    IF (SELECT relkind FROM pg_class WHERE oid = 'telemetry_sample'::regclass) <> 'p' THEN
        CREATE INDEX ix_telemetry_sample_channel ON telemetry_sample (telemetry_channel_id, sampled_at DESC);
    ELSE
        CREATE INDEX ix_telemetry_sample_default ON telemetry_sample_default (telemetry_channel_id, sampled_at DESC);
    END IF;
END $do$
"""

_INDEX_DAYS = """
CREATE FUNCTION index_telemetry_before(limit_day date) RETURNS integer LANGUAGE plpgsql AS $do$
DECLARE
    partition text;
    made integer := 0;
BEGIN
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'telemetry_sample'::regclass AND c.relname ~ '^telemetry_sample_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < limit_day
          AND to_regclass('ix_' || c.relname) IS NULL
    LOOP
        EXECUTE format('CREATE INDEX %I ON %I (telemetry_channel_id, sampled_at DESC)', 'ix_' || partition, partition);
        made := made + 1;
    END LOOP;
    RETURN made;
END $do$
"""

_AGGREGATE = """
CREATE TABLE telemetry_{name} (
    telemetry_channel_id bigint NOT NULL,
    bucket timestamptz NOT NULL,
    samples bigint NOT NULL,
    total double precision NOT NULL,
    least double precision NOT NULL,
    greatest double precision NOT NULL,
    PRIMARY KEY (telemetry_channel_id, bucket)
)
"""

_LAST = """
CREATE TABLE telemetry_last (
    telemetry_channel_id bigint PRIMARY KEY,
    sampled_at timestamptz NOT NULL,
    value double precision,
    quality smallint NOT NULL
) WITH (fillfactor = 50)
"""

_DIRTY = "CREATE TABLE telemetry_dirty (telemetry_channel_id bigint NOT NULL, hour timestamptz NOT NULL)"

_ROLL_UP = """
CREATE FUNCTION roll_up_telemetry(max_hours integer) RETURNS integer LANGUAGE plpgsql AS $do$
DECLARE
    item record;
    done integer := 0;
BEGIN
    -- Marks are removed before the samples are read: one that comes meanwhile brings its own mark.
    FOR item IN
        WITH wanted AS (SELECT DISTINCT hour FROM telemetry_dirty ORDER BY hour LIMIT max_hours),
        taken AS (DELETE FROM telemetry_dirty d USING wanted w WHERE d.hour = w.hour RETURNING d.*)
        SELECT hour, array_agg(DISTINCT telemetry_channel_id) AS channels FROM taken GROUP BY hour
    LOOP
        -- Planned anew for each hour, so that only its partition is read. A recount that finds less than is known
        -- comes after the raw samples were dropped: what is known stays.
        EXECUTE $q$
            WITH minutes AS (
                INSERT INTO telemetry_minute AS m
                SELECT telemetry_channel_id, date_trunc('minute', sampled_at), count(*), sum(value), min(value), max(value)
                FROM telemetry_sample
                WHERE sampled_at >= $1 AND sampled_at < $1 + INTERVAL '1 hour' AND telemetry_channel_id = ANY ($2)
                  AND quality < 2 AND value IS NOT NULL
                GROUP BY 1, 2
                ON CONFLICT (telemetry_channel_id, bucket) DO UPDATE
                SET samples = excluded.samples, total = excluded.total, least = excluded.least, greatest = excluded.greatest
                WHERE excluded.samples >= m.samples
                RETURNING m.*)
            INSERT INTO telemetry_hour AS h
            SELECT telemetry_channel_id, $1, sum(samples), sum(total), min(least), max(greatest) FROM minutes GROUP BY 1
            ON CONFLICT (telemetry_channel_id, bucket) DO UPDATE
            SET samples = excluded.samples, total = excluded.total, least = excluded.least, greatest = excluded.greatest
            WHERE excluded.samples >= h.samples
        $q$ USING item.hour, item.channels;
        done := done + 1;
    END LOOP;
    RETURN done;
END $do$
"""

STATEMENTS: list[str] = [
    _TABLE,
    _INDEX,
    "CREATE INDEX ix_telemetry_sample_time ON telemetry_sample USING brin (sampled_at)",
    _ENSURE,
    _DROP,
    _INDEX_DAYS,
    _AGGREGATE.format(name="minute"),
    _AGGREGATE.format(name="hour"),
    _LAST,
    _DIRTY,
    _ROLL_UP,
]
