"""What suppliers' labels say: ISO/IEC 15434, ANSI MH10.8.2 identifiers, GS1."""

from coordinator.modules.purchasing.labels.content import LabelError, SupplierLabel
from coordinator.modules.purchasing.labels.reading import read

__all__ = ["LabelError", "SupplierLabel", "read"]
