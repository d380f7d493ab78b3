"""Accounts, roles, rights, sessions, badges (area 02)."""
