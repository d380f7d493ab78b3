"""Simulated hardware: every agent runs on a PC without a workshop (EDG-06)."""
