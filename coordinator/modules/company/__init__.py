"""The company, its sites, calendars, trades, rates and settings (area 01)."""
