"""Pages of drawings: import, review."""
