"""Printed papers: typst templates filled with one data object and rendered to PDF."""

from coordinator.kernel.papers.data import Address, Company, Contact, Party, VatLine
from coordinator.kernel.papers.render import PaperError, qr_svg, render

__all__ = ["Address", "Company", "Contact", "PaperError", "Party", "VatLine", "qr_svg", "render"]
