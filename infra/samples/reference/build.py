"""Draws the reference set: every layout in its languages as vector PDF, DXF and degraded scan, with what a perfect reader finds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from infra.samples.dxf_writer import write_dxf
from infra.samples.pdf_writer import write_pdf
from infra.samples.reference.contents import Contents, Language, make_contents
from infra.samples.reference.layouts import ALL, TUNING, Layout
from infra.samples.reference.layouts_kept import KEPT_ASIDE
from infra.samples.sheet import Callout, Circle, Dim, Leader, Line, Sheet

Format = Literal["pdf", "dxf", "png"]
Half = Literal["tuning", "kept"]
SEED = 20261123
SCAN_DPI = 200
CHANGES = {"fr": ("Première diffusion", "Cote 25 modifiée", "Ajout chanfrein"), "en": ("INITIAL RELEASE", "DIM 25 WAS 24", "CHAMFER ADDED"),
           "de": ("Erstausgabe", "Maß 25 geändert", "Fase ergänzt")}  # fmt: skip


@dataclass(frozen=True)
class ReferenceDrawing:
    """One drawing: ``expected`` holds per field ("read", value), ("absent", None) or ("unread", None)."""

    path: Path
    layout: str
    language: Language
    format: Format
    half: Half
    expected: dict[str, tuple[str, str | None]]
    material_grade: str | None
    dimensions: list[str]
    standard_system: str


def write_reference_set(
    folder: Path,
    *,
    halves: tuple[Half, ...] = ("tuning", "kept"),
    formats: tuple[Format, ...] = ("pdf", "dxf", "png"),
) -> list[ReferenceDrawing]:
    """Write the set to ``folder`` (created when missing). The same call always draws the same sheets."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    groups: tuple[tuple[Half, tuple[Layout, ...]], ...] = (("tuning", TUNING), ("kept", KEPT_ASIDE))
    for half, layouts in groups:
        for layout in layouts:
            for number, (language, kind) in enumerate(_editions(layout)):
                random_ = random.Random(f"{SEED}-{layout.name}-{number}")
                if half in halves and kind in formats:
                    written.append(_write(folder, half, layout, language, kind, number, random_))
    return written


def _editions(layout: Layout) -> list[tuple[Language, Format]]:
    """Four drawings a layout: two PDF, one DXF, one scan, languages in turn."""
    kinds: tuple[Format, ...] = ("pdf", "dxf", "png", "pdf")
    start = sum(map(ord, layout.name))
    return [(layout.languages[(start + i) % len(layout.languages)], kind) for i, kind in enumerate(kinds)]


def _write(
    folder: Path,
    half: Half,
    layout: Layout,
    language: Language,
    kind: Format,
    number: int,
    random_: random.Random,
) -> ReferenceDrawing:
    contents = make_contents(random_, language, layout.fields)
    if layout.name in ("asme", "inventor") and random_.random() < 0.8:
        last = contents.values["revision"]
        letters = (
            [last]
            if len(last) != 1 or not "A" < last <= "C"
            else [chr(c) for c in range(ord("A"), ord(last) + 1)]
        )
        contents.history = [
            (letter, CHANGES[language][i % 3], "10.01.2026", "KL") for i, letter in enumerate(letters)
        ]
    sheet = Sheet(contents.values, *layout.size_mm, font=layout.font)
    _draw_view(sheet, random_, "." if language == "en" else ",")
    layout.draw(sheet, contents)
    path = folder / f"{half}_{layout.name}_{number}_{language}.{kind}"
    if kind == "dxf":
        write_dxf(sheet, path)
    elif kind == "pdf":
        write_pdf(sheet, path)
    else:
        source = path.with_suffix(".source.pdf")
        write_pdf(sheet, source)
        write_degraded_scan(source, path, random_.randrange(1 << 30))
        source.unlink()
    calls = [dim.call for dim in sheet.dims] + [leader.call for leader in sheet.leaders]
    texts = [" ".join([call.main, *(call.stacked or ())]) for call in calls]
    system = "asme" if layout.name == "asme" else "iso"
    return ReferenceDrawing(
        path,
        layout.name,
        language,
        kind,
        half,
        _expected(layout, contents),
        contents.material_grade,
        texts,
        system,
    )


def _expected(layout: Layout, contents: Contents) -> dict[str, tuple[str, str | None]]:
    expected: dict[str, tuple[str, str | None]] = dict.fromkeys(ALL, ("absent", None))
    for name, value in contents.values.items():
        if name in contents.blotted and layout.name != "values_only":
            expected[name] = ("unread", None)
        elif contents.value(name):
            expected[name] = ("read", value)
    if layout.name == "asme":
        inch = contents.values["unit"].lower().startswith("in")
        expected["unit"] = ("read", "inch" if inch else "mm")
        expected["projection"] = ("read", "third")
        expected["general_tolerance"] = (
            "read",
            ".XX ±.01 .XXX ±.005 ANGULAR ±0.5°" if inch else "X.X ±0.2 X.XX ±0.05 ANGULAR ±0.5°",
        )
    if layout.name == "solidworks":
        expected["unit"] = ("read", "mm")
        expected["general_tolerance"] = ("absent", None)
    if contents.history and expected["revision"][0] == "absent":
        expected["revision"] = ("read", contents.history[-1][0])
    return expected


def _draw_view(sheet: Sheet, random_: random.Random, decimal: str) -> None:
    """A plate with a bore: enough dimensions to see that title blocks do not disturb them."""
    x, y = 0.2 * sheet.width, 0.56 * sheet.height
    width, height, radius = (float(random_.randint(a, b)) for a, b in ((40, 60), (22, 34), (5, 9)))
    sheet.polyline([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], closed=True)
    centre = (x + 0.5 * width, y + 0.5 * height)
    sheet.circles.append(Circle(centre, radius))
    sheet.lines.append(
        Line((centre[0] - radius - 3, centre[1]), (centre[0] + radius + 3, centre[1]), "centre")
    )
    upper = random_.choice([0.1, 0.05, 0.2])
    sheet.dims += [
        Dim(
            (x, y),
            (x + width, y),
            y - 14,
            Callout("linear", width, upper=upper, lower=-upper, decimal=decimal),
        ),
        Dim((x, y), (centre[0], y), y - 6, Callout("linear", width / 2, decimal=decimal)),
        Dim(
            (x, y),
            (x, y + height),
            x - 12,
            Callout("linear", height, upper=0, lower=-upper, decimal=decimal),
            vertical=True,
        ),
    ]
    sheet.leaders.append(Leader((centre[0] + 0.7 * radius, centre[1] + 0.7 * radius), (x + width + 8, y + height + 6),
                                Callout("diameter", 2 * radius, "Ø", fit=random_.choice(["H7", "H8", "H9"]), decimal=decimal)))  # fmt: skip


def write_degraded_scan(pdf: Path, png: Path, seed: int) -> None:
    """Scan of the first page: small turn, quarter turn now and then, grey paper, noise, stains, faint toner, folds."""
    import cv2
    import numpy as np
    import pypdfium2

    random_ = np.random.default_rng(seed)
    with pypdfium2.PdfDocument(pdf) as document:
        page: Any = document[0].render(scale=SCAN_DPI / 72, grayscale=True).to_numpy()
    grey = np.ascontiguousarray(page.reshape(page.shape[0], page.shape[1]))
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(random_.uniform(-1.2, 1.2)), 1.0)
    grey = cv2.warpAffine(grey, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=255)
    paper = np.full(grey.shape, 1.0, np.float32)
    for _ in range(int(random_.integers(1, 4))):
        centre = (int(random_.integers(0, width)), int(random_.integers(0, height)))
        stain = np.zeros(grey.shape, np.float32)
        cv2.circle(stain, centre, int(random_.integers(60, 200)), 1.0, -1 if random_.random() < 0.6 else 9)
        paper -= float(random_.uniform(0.06, 0.2)) * cv2.GaussianBlur(stain, (0, 0), 9)
    fold = int(random_.integers(width // 3, 2 * width // 3))
    paper[:, fold : fold + 3] *= 0.92
    toner = float(random_.uniform(0.75, 1.0))
    picture = (
        (255 - toner * (255 - grey.astype(np.float32)))
        * np.clip(paper, 0.4, 1.0)
        * float(random_.uniform(0.9, 1.0))
    )
    picture = cv2.GaussianBlur(picture, (3, 3), 0.5) + random_.normal(
        0, float(random_.uniform(4, 10)), grey.shape
    )
    scan = np.clip(picture, 0, 255).astype(np.uint8)
    specks = random_.integers(0, [[height], [width]], size=(2, 300))
    scan[specks[0], specks[1]] = 60
    cv2.imwrite(str(png), np.rot90(scan) if random_.random() < 0.2 else scan)
