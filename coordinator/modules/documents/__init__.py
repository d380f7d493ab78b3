"""Documents with versions, links and proofs (area 17)."""
