"""Computations of the catalogue without database, clock or network."""
