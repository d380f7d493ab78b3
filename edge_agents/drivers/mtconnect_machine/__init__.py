"""Machine agent: MTConnect client of one device behind an agent (versions 1.3 to 2.x)."""
