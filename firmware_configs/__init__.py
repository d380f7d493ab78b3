"""Station templates, node maps and system recipes (data files)."""
