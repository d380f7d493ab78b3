#!/bin/sh
# usage : docker compose exec vpn sh /usr/local/bin/add-peer.sh NOM
# Donne un fichier de configuration (et son QR code) à importer dans WireGuard sur le poste NOM.
set -eu
umask 077
name=${1:?usage : add-peer.sh NOM}
case $name in *[!a-z0-9-]*) echo "Le nom ne contient que a-z, 0-9 et -." >&2; exit 2 ;; esac
cd /etc/wireguard
[ ! -e "peers/$name.conf" ] || { echo "Le poste $name existe déjà." >&2; exit 1; }
[ -n "${WG_ENDPOINT:-}" ] || { echo "WG_ENDPOINT manque dans config.env." >&2; exit 1; }
last=2
while grep -qs "AllowedIPs = 10.60.0.$last/32" peers/*.conf; do last=$((last + 1)); done
[ "$last" -lt 255 ] || { echo "Plus d'adresse libre." >&2; exit 1; }
private=$(wg genkey)
shared=$(wg genpsk)
printf '[Peer]\nPublicKey = %s\nPresharedKey = %s\nAllowedIPs = 10.60.0.%s/32\n' \
    "$(printf %s "$private" | wg pubkey)" "$shared" "$last" >"peers/$name.conf"
wg addconf wg0 "peers/$name.conf"
configuration=$(printf '[Interface]\nPrivateKey = %s\nAddress = 10.60.0.%s/24\n\n[Peer]\nPublicKey = %s\nPresharedKey = %s\nAllowedIPs = 10.60.0.1/32\nEndpoint = %s\nPersistentKeepalive = 25\n' \
    "$private" "$last" "$(cat server.pub)" "$shared" "$WG_ENDPOINT")
printf '%s\n' "$configuration"
printf '%s\n' "$configuration" | qrencode -t ansiutf8
