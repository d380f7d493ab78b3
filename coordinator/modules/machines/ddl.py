"""Telemetry: blocks of samples in a hypertable where TimescaleDB is installed, in native day partitions otherwise (DAT-12).

A block holds samples of one channel within one hour of UTC (``blocks.py``). Readers ask ``telemetry_samples``.
"""

from coordinator.modules.machines.blocks import BLOCK_SAMPLES

# NaN: no value. No qualities: all good.
_COLUMNS = """
    telemetry_channel_id bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    offset_ms integer[] NOT NULL,
    value double precision[] NOT NULL,
    quality smallint[],
    CHECK (last_at >= first_at AND last_at < date_trunc('hour', first_at, 'UTC') + INTERVAL '1 hour'),
    CHECK (cardinality(value) = cardinality(offset_ms) AND coalesce(cardinality(quality) = cardinality(value), true))
"""

_TABLE = f"""
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        CREATE TABLE telemetry_block ({_COLUMNS});
        PERFORM create_hypertable(
            'telemetry_block', 'first_at', chunk_time_interval => INTERVAL '1 day', create_default_indexes => FALSE
        );
    ELSE
        CREATE TABLE telemetry_block ({_COLUMNS}) PARTITION BY RANGE (first_at);
        CREATE TABLE telemetry_block_default PARTITION OF telemetry_block DEFAULT;
    END IF;
END $do$
"""

_SAMPLES = """
CREATE FUNCTION telemetry_samples(channels bigint[], start timestamptz, stop timestamptz)
RETURNS TABLE (telemetry_channel_id bigint, sampled_at timestamptz, value double precision, quality smallint)
LANGUAGE sql STABLE AS $do$
    SELECT b.telemetry_channel_id, b.first_at + s.offset_ms * INTERVAL '1 millisecond', nullif(s.value, 'NaN'),
           coalesce(s.quality, 0::smallint)
    FROM telemetry_block b
    CROSS JOIN LATERAL unnest(b.offset_ms, b.value, b.quality) AS s (offset_ms, value, quality)
    WHERE b.telemetry_channel_id = ANY (channels)
      -- A block lasts less than an hour. In UTC the bound is a constant: other days are left out when planning.
      AND b.first_at > (start AT TIME ZONE 'UTC' - INTERVAL '1 hour') AT TIME ZONE 'UTC'
      AND b.first_at < stop AND b.last_at >= start
      AND b.first_at + s.offset_ms * INTERVAL '1 millisecond' >= start
      AND b.first_at + s.offset_ms * INTERVAL '1 millisecond' < stop
$do$
"""

_ENSURE = """
CREATE FUNCTION ensure_telemetry_partitions(first_day date, last_day date) RETURNS integer LANGUAGE plpgsql AS $do$
DECLARE
    day date;
    partition text;
    made integer := 0;
BEGIN
    -- A hypertable makes its chunks itself.
    IF (SELECT relkind FROM pg_class WHERE oid = 'telemetry_block'::regclass) <> 'p' THEN
        RETURN 0;
    END IF;
    FOR day IN SELECT generate_series(first_day, last_day, INTERVAL '1 day')::date LOOP
        partition := 'telemetry_block_' || to_char(day, 'YYYYMMDD');
        IF to_regclass(partition) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('telemetry_block'));
            IF to_regclass(partition) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF telemetry_block FOR VALUES FROM (%L) TO (%L)',
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
    IF (SELECT relkind FROM pg_class WHERE oid = 'telemetry_block'::regclass) <> 'p' THEN
        PERFORM drop_chunks('telemetry_block', older_than => limit_day::timestamptz);
        RETURN 0;
    END IF;
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'telemetry_block'::regclass AND c.relname ~ '^telemetry_block_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < limit_day
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM telemetry_block WHERE first_at < limit_day;
    RETURN dropped;
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
                FROM telemetry_samples($2, $1, $3)
                WHERE quality < 2 AND value IS NOT NULL
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
        $q$ USING item.hour, item.channels, item.hour + INTERVAL '1 hour';
        PERFORM merge_telemetry_blocks(item.hour, item.channels);
        done := done + 1;
    END LOOP;
    RETURN done;
END $do$
"""

_MERGE = """
CREATE FUNCTION merge_telemetry_blocks(whole_hour timestamptz, channels bigint[]) RETURNS void LANGUAGE plpgsql AS $do$
BEGIN
    -- A signal that comes one by one makes a block each time. Only blocks taken away here are put back together:
    -- those that come meanwhile stay as they are, those another run has taken are not seen.
    EXECUTE $q$
        WITH crowded AS (
            SELECT telemetry_channel_id FROM telemetry_block
            WHERE telemetry_channel_id = ANY ($2) AND first_at >= $1 AND first_at < $3
              AND cardinality(value) < {small}
            GROUP BY 1 HAVING count(*) > 1 + sum(cardinality(value)) / {small}),
        taken AS (
            DELETE FROM telemetry_block b USING crowded c
            WHERE b.telemetry_channel_id = c.telemetry_channel_id
              AND b.first_at >= $1 AND b.first_at < $3 AND cardinality(b.value) < {small}
            RETURNING b.*),
        samples AS (
            SELECT t.telemetry_channel_id AS channel, t.first_at + s.offset_ms * INTERVAL '1 millisecond' AS at,
                   s.value, coalesce(s.quality, 0::smallint) AS quality
            FROM taken t CROSS JOIN LATERAL unnest(t.offset_ms, t.value, t.quality) AS s (offset_ms, value, quality)),
        numbered AS (SELECT *, row_number() OVER (PARTITION BY channel ORDER BY at) - 1 AS place FROM samples),
        placed AS (
            SELECT *, place / {samples} AS part,
                   min(at) OVER (PARTITION BY channel, place / {samples}) AS first_at FROM numbered)
        INSERT INTO telemetry_block
        SELECT channel, first_at, max(at), array_agg((extract(epoch FROM at - first_at) * 1000)::integer ORDER BY place),
               array_agg(value ORDER BY place), CASE WHEN max(quality) > 0 THEN array_agg(quality ORDER BY place) END
        FROM placed GROUP BY channel, part, first_at
    $q$ USING whole_hour, channels, whole_hour + INTERVAL '1 hour';
END $do$
"""

STATEMENTS: list[str] = [
    _TABLE,
    "CREATE INDEX ix_telemetry_block_channel ON telemetry_block (telemetry_channel_id, first_at, last_at)",
    _SAMPLES,
    _ENSURE,
    _DROP,
    _AGGREGATE.format(name="minute"),
    _AGGREGATE.format(name="hour"),
    _LAST,
    _DIRTY,
    _MERGE.format(small=BLOCK_SAMPLES // 4, samples=BLOCK_SAMPLES),
    _ROLL_UP,
]
