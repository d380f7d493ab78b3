"""Backups: make, prove, restore (OPS-30 to OPS-36)."""
