"""Reference drawings in many title-block styles with expected values, made at run time (DRW-44)."""

from infra.samples.reference.build import ReferenceDrawing, write_reference_set

__all__ = ["ReferenceDrawing", "write_reference_set"]
