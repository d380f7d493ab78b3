"""Everything a station needs around its drivers: journal, link, configuration, supervision, health."""
