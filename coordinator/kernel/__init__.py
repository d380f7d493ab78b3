"""Technical base of the coordinator. Imports no business module."""
