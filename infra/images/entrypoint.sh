#!/bin/sh
# Gives libpq the database password from its secret file: no environment variable, no command line shows it.
set -eu
if [ -n "${DB_PASSWORD_FILE:-}" ]; then
    umask 077
    PGPASSFILE=/tmp/.pgpass
    printf '*:*:*:*:%s\n' "$(sed 's/[\\:]/\\&/g' "$DB_PASSWORD_FILE")" >"$PGPASSFILE"
    export PGPASSFILE
fi
exec "$@"
