"""The people who work here (area 16)."""
