"""Parts, stock items, tools, materials, cutting data, supplier articles."""
