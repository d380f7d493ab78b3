"""Kinds of files whose sheets can be shown as pictures."""

MODELS = ("step", "iges")
"""3D models: one sheet, which shows the part from two opposite corners."""
DRAWN = ("pdf", "raster", "dxf", *MODELS)
