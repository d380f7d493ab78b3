"""Office client: models without Qt, windows against the real coordinator."""
