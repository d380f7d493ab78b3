"""Scan station: scanner or camera, badge and PIN, operation entries from cached data."""
