"""Camera in or beside a machine: a few seconds in memory, a clip when something happens, nothing else (MCH-32 to 37)."""
