"""Hardware of the stations: parts with prices, assembly drawings, marker sheets, the manual's page."""
