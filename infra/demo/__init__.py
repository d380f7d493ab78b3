"""``usinage demo``: the whole workshop on one machine, through the real processes and protocols."""
