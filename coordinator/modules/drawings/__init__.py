"""Drawings: reading, review and storage of customer drawings and models."""
