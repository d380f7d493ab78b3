#!/bin/sh
# First start of the database: passwords from the secret files, and the time-series extension.
set -eu
for service in owner api worker ingest backup; do
    psql -v ON_ERROR_STOP=1 -v role="usinage_$service" -v password="$(cat "/run/secrets/db_$service")" \
        --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
ALTER ROLE :"role" PASSWORD :'password';
SQL
done
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -c 'CREATE EXTENSION IF NOT EXISTS timescaledb'
