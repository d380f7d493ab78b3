"""Typed calls to the server, run away from the window's thread."""
