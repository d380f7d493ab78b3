"""Purchase orders and goods receipts (areas 03 and 09)."""
