"""Stock: an append-only ledger of movements; balances are computed from it (area 09)."""
