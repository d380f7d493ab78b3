"""Invoices, credit notes, deposits and payments (area 06)."""
