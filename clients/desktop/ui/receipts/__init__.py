"""Goods receipt in the office."""
