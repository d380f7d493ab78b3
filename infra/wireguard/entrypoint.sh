#!/bin/sh
# Brings the tunnel up with the peers of /etc/wireguard/peers and hands peers on to the broker and the proxy only.
set -eu
umask 077
cd /etc/wireguard
[ -s server.key ] || wg genkey >server.key
wg pubkey <server.key >server.pub
mkdir -p peers

ip link add wg0 type wireguard 2>/dev/null || true
ip address replace 10.60.0.1/24 dev wg0
wg set wg0 listen-port 51820 private-key server.key
for peer in peers/*.conf; do [ -e "$peer" ] && wg addconf wg0 "$peer"; done
ip link set wg0 up

iptables -P FORWARD DROP
iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -A FORWARD -i wg0 -d 172.30.60.10 -p tcp --dport 8883 -j ACCEPT
iptables -A FORWARD -i wg0 -d 172.30.60.11 -p tcp --dport 8443 -j ACCEPT
iptables -t nat -A PREROUTING -i wg0 -d 10.60.0.1 -p tcp --dport 443 -j DNAT --to-destination 172.30.60.11:8443
iptables -t nat -A PREROUTING -i wg0 -d 10.60.0.1 -p tcp --dport 8883 -j DNAT --to-destination 172.30.60.10:8883
iptables -t nat -A POSTROUTING -s 10.60.0.0/24 -d 172.30.60.0/24 -j MASQUERADE

trap 'ip link del wg0; exit 0' TERM INT
while :; do sleep 3600 & wait $!; done
