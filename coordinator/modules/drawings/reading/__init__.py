"""Pure readers: a file in, a `DrawingReading` out; no database, no network."""

from coordinator.modules.drawings.reading.model import DrawingReading, Limits
from coordinator.modules.drawings.reading.sandbox import Sandbox, read_file, read_files

__all__ = ["DrawingReading", "Limits", "Sandbox", "read_file", "read_files"]
