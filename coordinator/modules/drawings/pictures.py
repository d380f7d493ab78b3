"""Pages as pictures, overlays and marked drawings, made in the limited process and kept by content (DRW-32, DRW-36, DRW-40)."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, NotFound
from coordinator.modules.drawings import access, zones
from coordinator.modules.drawings.limits import reading_limits
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFeature, DrawingFile
from coordinator.modules.drawings.reading.boxes import shares
from coordinator.modules.drawings.reading.sandbox import SandboxFailure
from coordinator.modules.drawings.reading.sheet_kinds import DRAWN, MODELS

MAX_SIDE_PX = 6000


def page(ctx: Context, analysis: DrawingAnalysis, file_id: int, number: int, side_px: int) -> bytes:
    """PNG of one sheet, its longer side ``side_px``; kept, so that it is drawn once.

    Raises:
        NotFound: the analysis has no such file or sheet.
    """
    file, kind = _drawn_file(ctx, analysis, file_id)
    return _made(
        ctx, [file.sha256, "page", number, side_px], ".png", "render",
        path=str(_path(ctx, file)), kind=kind, page=number, max_side_px=side_px,
    )  # fmt: skip


def overlay(ctx: Context, old: DrawingAnalysis, new: DrawingAnalysis, number: int, side_px: int) -> bytes:
    """PNG of a sheet of the new analysis over the same sheet of the old one."""
    sides = [_main_sheet(ctx, analysis, number) for analysis in (old, new)]
    (before, kind_before, page_before), (after, kind_after, page_after) = sides
    return _made(
        ctx, [before.sha256, page_before, after.sha256, page_after, "overlay", side_px], ".png", "overlay",
        old={"path": str(_path(ctx, before)), "kind": kind_before, "page": page_before},
        new={"path": str(_path(ctx, after)), "kind": kind_after, "page": page_after}, max_side_px=side_px,
    )  # fmt: skip


def annotated_pdf(ctx: Context, analysis: DrawingAnalysis, file_id: int | None, *, balloons: bool) -> bytes:
    """PDF of a drawing with what was read marked in the colour of its confidence, and the balloons.

    Raises:
        NotFound: no drawing to mark. BusinessError: the file cannot be opened.
    """
    if file_id is None:
        file, kind, _ = _main_sheet(ctx, analysis, 1)
    else:
        file, kind = _drawn_file(ctx, analysis, file_id)
    marks = _marks(ctx, analysis, file.id, balloons)
    key = hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest()
    return _made(
        ctx,
        [file.sha256, "annotated", key],
        ".pdf",
        "annotate",
        path=str(_path(ctx, file)),
        kind=kind,
        marks=marks,
    )


def _marks(ctx: Context, analysis: DrawingAnalysis, file_id: int, balloons: bool) -> list[dict[str, Any]]:
    from coordinator.modules.drawings import review

    query = select(DrawingFeature).where(
        DrawingFeature.drawing_analysis_id == analysis.id, DrawingFeature.archived_at.is_(None),
        DrawingFeature.drawing_file_id == file_id,
    )  # fmt: skip
    marks = []
    for row in ctx.session.scalars(query.order_by(DrawingFeature.id)):
        box = (row.data or {}).get("box")
        boxes = (row.data or {}).get("boxes") or [box]
        if box is None or row.page is None:
            continue
        colour = (
            "blue"
            if row.is_manual
            else review.level(ctx, float(row.confidence if row.confidence is not None else 1))
        )
        colour = "red" if zones.reasons(_facts(row)) else {"empty": "orange"}.get(colour, colour)
        number = row.balloon_no if balloons else None
        marks += [
            {"page": row.page, "box": own, "colour": colour, "balloon": None if index else number}
            for index, own in enumerate(boxes)
        ]
    reading = analysis.reading or {}
    sheets = {(s["file_id"], s["page"]): s for s in reading.get("sheets", [])}
    for entry in reading.get("fields", {}).values():
        sheet = sheets.get((entry.get("file_id"), entry.get("page")))
        if entry.get("file_id") == file_id and entry.get("bbox") and sheet is not None:
            colour = review.level(ctx, float(entry["confidence"]))
            box = [round(v, 5) for v in shares(sheet, entry["bbox"])]
            marks.append(
                {
                    "page": entry["page"],
                    "box": box,
                    "colour": {"empty": "orange"}.get(colour, colour),
                    "balloon": None,
                }
            )
    return marks


def _facts(row: DrawingFeature) -> dict[str, Any]:
    names = ("kind", "text", "nominal", "unit", "is_critical", "is_tight")
    return {name: getattr(row, name) for name in names}


def _drawn_file(ctx: Context, analysis: DrawingAnalysis, file_id: int) -> tuple[DrawingFile, str]:
    file = next((f for f in access.files_of(ctx, analysis.id) if f.id == file_id), None)
    kind = _kind(analysis, file) if file is not None else None
    if file is None or kind is None:
        raise NotFound("drawing.no_page", page="", id=file_id)
    return file, kind


def _kind(analysis: DrawingAnalysis, file: DrawingFile) -> str | None:
    reading = analysis.reading or {}
    for source, read in zip(reading.get("sources", []), reading.get("files", []), strict=False):
        if source["file_id"] == file.id:
            return read["kind"] if read["kind"] in DRAWN else None
    return None


def shown_sheets(analysis: DrawingAnalysis) -> list[tuple[int, int]]:
    """File and page of every sheet that can be drawn, in the order of the files, pictures of models last."""
    reading = analysis.reading or {}
    kinds = {
        source["file_id"]: read["kind"]
        for source, read in zip(reading.get("sources", []), reading.get("files", []), strict=False)
    }
    shown = [s for s in reading.get("sheets", []) if kinds.get(s["file_id"]) in DRAWN]
    ordered = sorted(shown, key=lambda s: kinds[s["file_id"]] in MODELS)
    return [(int(s["file_id"]), int(s["page"])) for s in ordered]


def _main_sheet(ctx: Context, analysis: DrawingAnalysis, number: int) -> tuple[DrawingFile, str, int]:
    """The ``number``-th sheet of an analysis' drawing: the first file that can be shown, a model only without another."""
    reading = analysis.reading or {}
    files = {f.id: f for f in access.files_of(ctx, analysis.id)}
    sheets = [s for s in reading.get("sheets", []) if s["file_id"] in files]
    file_ids = dict.fromkeys(s["file_id"] for s in sheets)
    for file_id in sorted(file_ids, key=lambda own: _kind(analysis, files[own]) in MODELS):
        own = [s for s in sheets if s["file_id"] == file_id]
        kind = _kind(analysis, files[file_id])
        if kind is not None and number <= len(own):
            return files[file_id], kind, int(own[number - 1]["page"])
    raise NotFound("drawing.no_page", page=number, id=analysis.id)


def _path(ctx: Context, file: DrawingFile) -> Path:
    return ctx.files.path(file.readable_sha256 or file.sha256)


def _made(ctx: Context, key: list[Any], ending: str, op: str, **request: Any) -> bytes:
    """What the child process makes, kept beside the files under its recipe; it can be made again at any time."""
    name = hashlib.sha256(json.dumps([op, *key]).encode()).hexdigest()
    folder = ctx.config.data_dir / "previews" / name[:2]
    kept = folder / f"{name}{ending}"
    if kept.is_file():
        return kept.read_bytes()
    with tempfile.TemporaryDirectory(prefix="usinage-picture-") as work:
        target = Path(work) / f"out{ending}"
        try:
            with reading_limits(ctx).sandbox() as sandbox:
                sandbox.ask(op, target=str(target), **request)
        except SandboxFailure as failure:
            if failure.error.code == "drawing.no_page":
                raise NotFound("drawing.no_page", page=request.get("page", ""), id="") from None
            raise BusinessError("drawing.picture_failed", reason=failure.error.message) from None
        content = target.read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.{id(content)}"
    partial.write_bytes(content)
    partial.replace(kept)
    return content
