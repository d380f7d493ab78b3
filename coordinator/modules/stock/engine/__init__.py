"""Computations of stock without database, clock or network."""
