#!/usr/bin/env bash
# Restaure une sauvegarde sur le NAS. Sans --yes, montre seulement ce qui serait fait.
#   sudo bash infra/restore-nas.sh [--name usinage-20261123T020000Z] [--keys-to /restored-keys] [--yes]
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f config.env ] || { echo "config.env manque : suivez d'abord docs/deployment.md, étapes 1 et 2." >&2; exit 1; }
set -a; . ./config.env; set +a
mkdir -p "$NAS_PATH/restored-keys"
chown 10001:10001 "$NAS_PATH/restored-keys"
compose() { docker compose --env-file config.env "$@"; }

compose up -d --wait db
# Nobody writes while the data change place; stations keep what they record.
case " $* " in *" --yes "*) compose stop api worker ingest backup ;; esac
compose run --rm --no-deps \
    -v "$NAS_PATH/data:/data" -v "$NAS_PATH/restored-keys:/restored-keys" \
    -v "$SECRETS_PATH/db_postgres:/run/db_postgres:ro" -e DB_PASSWORD_FILE=/run/db_postgres \
    backup usinage backup restore --database "postgresql+psycopg://postgres@db/usinage" \
    --target /backups --key /run/secrets/backup_key "$@"
case " $* " in *" --yes "*) compose up -d ;; esac
