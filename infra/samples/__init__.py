"""The project's own sample parts: three invented parts, each as STEP, DXF, vector PDF and scanned PNG with its truth.

The demonstration, the tests and the benchmarks use them, so that no third-party drawing is needed (DRW-44).
"""

from infra.samples.writer import SamplePart, write_samples

__all__ = ["SamplePart", "write_samples"]
