"""Machines, their states, cycles, events and telemetry (area 13)."""
