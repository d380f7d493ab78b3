"""Profitability of jobs and the ledger of management accounts (area 18)."""
