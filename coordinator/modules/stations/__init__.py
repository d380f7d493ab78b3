"""Fleet of stations: identity, link, configuration, commands, received facts, camera review (areas 24, 10)."""
