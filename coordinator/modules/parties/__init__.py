"""Customers, suppliers, their contacts and addresses (area 03)."""
