"""Parts lists of the stations and what follows from them (VIS-31…35, VIS-45, EDG-48); pure but for reading the file."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).resolve().parents[4] / "firmware_configs" / "kits.yaml"
SMALLEST_PX = 20
"""Width of a compartment's smallest item on the picture (VIS-35)."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Part):
    """One line of a parts list; ``mark`` is its letter on the drawing."""

    name: str
    spec: str
    quantity: int = Field(ge=1)
    price_eur: Decimal = Field(ge=0)
    mark: str | None = None


class Layout(_Part):
    """Measures of what is drawn; ``mount_mm``: camera to the plane it looks at."""

    width_mm: float = 0
    height_mm: float = 0
    cameras: int = 0
    fov_h_deg: float = 0
    fov_v_deg: float = 0
    pixels_h: int = 0
    mount_mm: float = 0
    trays: int = 0
    columns: int = 1
    tray_mm: float = 0


class Kit(_Part):
    """Hardware of one kind of station. ``budget_eur``: range the requirement names."""

    id: str
    title: str
    requirement: str
    template: str
    drawing: str
    layout: Layout
    budget_eur: tuple[Decimal, Decimal]
    per: str | None = None
    parts: list[Part]
    options: list[Part] = []

    @property
    def total_eur(self) -> Decimal:
        """Sum of the parts, VAT included."""
        return sum((p.quantity * p.price_eur for p in self.parts), Decimal())


class Kits(_Part):
    """Whole file."""

    kits: list[Kit]
    checklist: list[str]


class Optics(_Part):
    """What a camera sees at its distance."""

    seen_mm: float
    needed_mm: float
    px_per_mm: float
    smallest_mm: float

    @property
    def covers(self) -> bool:
        """Whether the width to be seen fits the picture."""
        return self.seen_mm >= self.needed_mm


def load(file: Path = FILE) -> Kits:
    """Parts lists. Raises ``OSError`` or ``ValueError`` for a file that is not right."""
    return Kits.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def optics(layout: Layout) -> Optics | None:
    """Width seen and size of the smallest item, pinhole model: width = 2 · distance · tan(angle / 2)."""
    if not layout.cameras:
        return None
    seen = 2 * layout.mount_mm * math.tan(math.radians(layout.fov_h_deg) / 2)
    scale = layout.pixels_h / seen
    return Optics(
        seen_mm=seen,
        needed_mm=layout.width_mm / layout.cameras,
        px_per_mm=scale,
        smallest_mm=SMALLEST_PX / scale,
    )
