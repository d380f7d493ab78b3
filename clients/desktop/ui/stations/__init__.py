"""Pages about the stations of the workshop."""
