# WireGuard with nothing else: the kernel does the work, these are its tools.
FROM alpine:3.22
RUN apk add --no-cache wireguard-tools-wg iptables libqrencode-tools
COPY infra/wireguard/entrypoint.sh infra/wireguard/add-peer.sh /usr/local/bin/
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint.sh"]
