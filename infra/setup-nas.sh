#!/usr/bin/env bash
# Prépare le NAS : dossiers, secrets tirés au hasard, droits. Se relance sans danger, ne remplace aucun secret.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f config.env ] || { cp config.env.example config.env; echo "config.env créé : relisez-le, puis relancez ce script."; exit 1; }
set -a; . ./config.env; set +a
[ "$(id -u)" = 0 ] || { echo "Lancez ce script avec les droits d'administrateur : sudo bash infra/setup-nas.sh" >&2; exit 1; }
umask 077
mkdir -p "$NAS_PATH"/{data,updates,backups/wal} "$SECRETS_PATH"/{application/pki,wireguard}
for name in db_postgres db_owner db_api db_worker db_ingest db_backup; do
    [ -s "$SECRETS_PATH/$name" ] || head -c 32 /dev/urandom | base64 | tr -d '\n=+/' >"$SECRETS_PATH/$name"
done
[ -s "$SECRETS_PATH/backup_key" ] || head -c 32 /dev/urandom | base64 | tr -d '\n' >"$SECRETS_PATH/backup_key"
chown -R 10001:10001 "$NAS_PATH/data" "$NAS_PATH/updates" "$NAS_PATH/backups" "$SECRETS_PATH/application"
# Files behind compose secrets keep their owner and mode inside the container.
chown 10001:10001 "$SECRETS_PATH"/db_* "$SECRETS_PATH/backup_key"
chmod 0711 "$SECRETS_PATH"
chown 70:70 "$NAS_PATH/backups/wal"
echo "Prêt. Gardez une copie de $SECRETS_PATH/backup_key hors du NAS : sans elle aucune sauvegarde ne s'ouvre."
