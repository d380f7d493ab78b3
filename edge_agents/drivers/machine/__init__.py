"""What every machine driver does, whatever its protocol: states, cycles, alarms, incidents, learning, telemetry."""
