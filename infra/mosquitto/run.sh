#!/bin/sh
# Runs Mosquitto and lets it read renewed certificates and the revocation list within a minute of their change.
set -eu
mosquitto -c /mosquitto/config/mosquitto.conf &
broker=$!
trap 'kill -TERM $broker; wait $broker; exit 0' TERM INT
stamp() { cat /pki/crl.pem /pki/broker.crt 2>/dev/null | md5sum; }
before=$(stamp)
while kill -0 $broker 2>/dev/null; do
    sleep 60 &
    wait $! || true
    now=$(stamp)
    [ "$now" = "$before" ] || { before=$now; kill -HUP $broker; }
done
wait $broker
