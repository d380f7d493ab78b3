"""Machine agent for machines without network: stack light, relays, pulses and a current clamp (MCH-08)."""
