"""Tables of received drawings and what was read on them (DRW-41)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, object_session

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class DrawingImport(Record):
    """What was received at once: files, an archive or an e-mail; with what was refused and what was known (DRW-01)."""

    __tablename__ = "drawing_import"

    customer_id: Mapped[int | None] = f.ref("customer.id", read_only=True)
    sender: Mapped[str | None] = f.text(200, read_only=True, search=True)
    subject: Mapped[str | None] = f.text(300, read_only=True, search=True)
    file_count: Mapped[int] = f.integer(required=True, default=0, read_only=True)
    refused: Mapped[list[Any] | None] = f.json(read_only=True)
    known: Mapped[list[Any] | None] = f.json(read_only=True)


class DrawingFile(Record):
    """A customer's file, stored unchanged (DRW-08)."""

    __tablename__ = "drawing_file"
    __table_args__ = (Index(None, "sha256"),)

    drawing_import_id: Mapped[int | None] = f.ref("drawing_import.id", read_only=True)
    customer_id: Mapped[int | None] = f.ref("customer.id")
    document_version_id: Mapped[int | None] = f.ref("document_version.id", read_only=True)
    role: Mapped[str] = f.choice("drawing_file_role", default="drawing", read_only=True)
    file_name: Mapped[str] = f.text(255, required=True, search=True, read_only=True)
    path_in_archive: Mapped[str | None] = f.text(300, read_only=True)
    sender: Mapped[str | None] = f.text(200, read_only=True)
    file_type: Mapped[str] = f.text(20, required=True, read_only=True)
    size: Mapped[int] = f.integer(required=True, unit="octets", read_only=True)
    sha256: Mapped[str] = f.text(64, required=True, read_only=True)
    readable_sha256: Mapped[str | None] = f.text(64, read_only=True)
    """Copy without password, made with the password a person gave; the received file stays as it is (DRW-46)."""
    pages: Mapped[int | None] = f.integer(read_only=True)
    group_key: Mapped[str | None] = f.text(120, read_only=True)
    is_restricted: Mapped[bool] = f.boolean(read_only=True)


class DrawingAnalysis(Record):
    """One reading of a part's files, from upload to a person's validation (DRW-10, DRW-33)."""

    __tablename__ = "drawing_analysis"

    drawing_file_id: Mapped[int] = f.ref("drawing_file.id", required=True, read_only=True)
    drawing_import_id: Mapped[int | None] = f.ref("drawing_import.id", read_only=True)
    customer_id: Mapped[int | None] = f.ref("customer.id", read_only=True)
    part_revision_id: Mapped[int | None] = f.ref("part_revision.id", read_only=True)
    previous_id: Mapped[int | None] = f.ref("drawing_analysis.id", read_only=True)
    """Former version of this analysis, or analysis of the drawing's former revision (DRW-36)."""
    version_no: Mapped[int] = f.integer(required=True, default=1, read_only=True)
    status: Mapped[str] = f.status("drawing_analysis", "uploaded")
    progress_pct: Mapped[int] = f.integer(required=True, default=0, unit="%", read_only=True)
    progress_step: Mapped[str | None] = f.text(200, read_only=True)
    drawing_number: Mapped[str | None] = f.text(80, search=True)
    revision: Mapped[str | None] = f.text(20)
    """``-``: a person answered that the drawing has no revision."""
    part_name: Mapped[str | None] = f.text(200, search=True)
    quantity: Mapped[Decimal | None] = f.quantity()
    standard_system: Mapped[str] = f.text(10, required=True, default="unknown")
    unit: Mapped[str | None] = f.text(10)
    material_text: Mapped[str | None] = f.text(200)
    material_id: Mapped[int | None] = f.ref("material.id")
    iso513_group: Mapped[str | None] = f.text(4)
    treatments: Mapped[list[Any] | None] = f.json()
    general_tolerance: Mapped[str | None] = f.text(120)
    has_tight_tolerance: Mapped[bool] = f.boolean(read_only=True)
    processes: Mapped[list[Any] | None] = f.json(read_only=True)
    complexity: Mapped[str | None] = f.text(20, read_only=True)
    feasibility: Mapped[str] = f.choice("feasibility", default="unknown", read_only=True)
    # Large, so it is loaded when asked for, like the reading.
    feasibility_report: Mapped[dict[str, Any] | None] = mapped_column(JSONB, nullable=True, deferred=True)
    ai_comment: Mapped[str | None] = f.long_text(read_only=True)
    length_mm: Mapped[Decimal | None] = f.decimal(12, 3, unit="mm")
    width_mm: Mapped[Decimal | None] = f.decimal(12, 3, unit="mm")
    height_mm: Mapped[Decimal | None] = f.decimal(12, 3, unit="mm")
    volume_cm3: Mapped[Decimal | None] = f.decimal(14, 3, unit="cm³", read_only=True)
    is_volume_estimated: Mapped[bool] = f.boolean(read_only=True)
    mass_kg: Mapped[Decimal | None] = f.decimal(12, 3, unit="kg")
    criticality: Mapped[str | None] = f.choice("criticality", required=False)
    certificate_required: Mapped[bool] = f.boolean()
    other_values: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    """Title-block fields without a column of their own: scale, date, author…"""
    confidence: Mapped[Decimal | None] = f.decimal(4, 3, read_only=True)
    # Large, so it is loaded when asked for, and served by its own route instead of in every list.
    reading: Mapped[dict[str, Any] | None] = mapped_column(JSONB, nullable=True, deferred=True)
    contradictions: Mapped[list[Any] | None] = f.json(read_only=True)
    warnings: Mapped[list[Any] | None] = f.json(read_only=True)
    title_block_style_id: Mapped[int | None] = f.ref("title_block_style.id", read_only=True)
    is_restricted: Mapped[bool] = f.boolean(read_only=True)
    secrecy_mark: Mapped[str | None] = f.text(200, read_only=True)
    error_code: Mapped[str | None] = f.text(80, read_only=True)
    error_message: Mapped[str | None] = f.text(500, read_only=True)
    analysed_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    seconds: Mapped[Decimal | None] = f.decimal(10, 3, unit="s", read_only=True)
    review_started_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
    validated_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    validated_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)

    @property
    def unnamed_file(self) -> str:
        """Name of the file, as long as neither number nor name of the drawing is known."""
        session = object_session(self)
        if self.drawing_number or self.part_name or session is None:
            return ""
        file = session.get(DrawingFile, self.drawing_file_id)
        return file.file_name if file is not None else ""


class DrawingAnalysisFile(Record):
    """The files one analysis read together: PDF and STEP of one part (DRW-02)."""

    __tablename__ = "drawing_analysis_file"
    __table_args__ = (UniqueConstraint("drawing_analysis_id", "drawing_file_id"),)

    drawing_analysis_id: Mapped[int] = f.ref("drawing_analysis.id", required=True, read_only=True)
    drawing_file_id: Mapped[int] = f.ref("drawing_file.id", required=True, read_only=True)
    pages: Mapped[list[Any] | None] = f.json(read_only=True)
    """Sheets of the file that belong to this part, counted from 1; empty for the whole file (DRW-03)."""
    solid_no: Mapped[int | None] = f.integer(read_only=True)
    """Which distinct solid of an assembly is this part, counted from 1; empty for the whole model (DRW-13)."""
    bom_no: Mapped[int | None] = f.integer(read_only=True)
    """Which row of the parts list is this part, counted from 1 (DRW-03)."""


class DrawingFeature(Record):
    """One dimension, tolerance, texture or feature read, with its place on the sheet (DRW-21, DRW-31)."""

    __tablename__ = "drawing_feature"

    drawing_analysis_id: Mapped[int] = f.ref("drawing_analysis.id", required=True, read_only=True)
    drawing_file_id: Mapped[int | None] = f.ref("drawing_file.id", read_only=True)
    kind: Mapped[str] = f.text(40, required=True)
    text: Mapped[str | None] = f.text(300, search=True)
    nominal: Mapped[Decimal | None] = f.decimal(14, 4)
    tol_upper: Mapped[Decimal | None] = f.decimal(12, 4)
    tol_lower: Mapped[Decimal | None] = f.decimal(12, 4)
    fit: Mapped[str | None] = f.text(12)
    count: Mapped[int] = f.integer(required=True, default=1)
    unit: Mapped[str | None] = f.text(10)
    is_tight: Mapped[bool] = f.boolean()
    is_critical: Mapped[bool] = f.boolean()
    balloon_no: Mapped[int | None] = f.integer()
    page: Mapped[int | None] = f.integer(read_only=True)
    bbox: Mapped[list[Any] | None] = f.json(read_only=True)
    confidence: Mapped[Decimal | None] = f.decimal(4, 3, read_only=True)
    engine: Mapped[str | None] = f.text(20, read_only=True)
    is_manual: Mapped[bool] = f.boolean(read_only=True)
    """Added by a person: the reading had missed it."""
    data: Mapped[dict[str, Any] | None] = f.json(read_only=True)


class DrawingCorrection(Record):
    """A person's correction: what was read, what is right, in which style of title block (DRW-35)."""

    __tablename__ = "drawing_correction"

    drawing_analysis_id: Mapped[int] = f.ref("drawing_analysis.id", required=True, read_only=True)
    drawing_feature_id: Mapped[int | None] = f.ref("drawing_feature.id", read_only=True)
    title_block_style_id: Mapped[int | None] = f.ref("title_block_style.id", read_only=True)
    field_name: Mapped[str] = f.text(60, required=True, read_only=True)
    read_value: Mapped[str | None] = f.text(300, read_only=True)
    corrected_value: Mapped[str | None] = f.text(300, read_only=True)
    place: Mapped[dict[str, Any] | None] = f.json(read_only=True)
    """Where the right value stands on the sheet: ``{page, box, label}``, box in shares of the sheet."""


class TitleBlockStyle(Record):
    """A customer's form of title block, recognised by its printed words and their places (DRW-35)."""

    __tablename__ = "title_block_style"

    customer_id: Mapped[int | None] = f.ref("customer.id", read_only=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    signature: Mapped[list[Any]] = f.json(required=True, read_only=True)
    sample_analysis_id: Mapped[int | None] = f.ref("drawing_analysis.id", read_only=True, use_alter=True)


class TitleBlockTemplate(Record):
    """A rule learned from identical corrections; it acts once an authorised person approved it (DRW-35)."""

    __tablename__ = "title_block_template"

    title_block_style_id: Mapped[int] = f.ref("title_block_style.id", required=True, read_only=True)
    field_name: Mapped[str] = f.text(60, required=True, read_only=True)
    box: Mapped[list[Any] | None] = f.json(read_only=True)
    """Where the value stands, in shares of the sheet: ``[x0, y0, x1, y1]``."""
    label: Mapped[str | None] = f.text(120, read_only=True)
    read_value: Mapped[str | None] = f.text(300, read_only=True)
    corrected_value: Mapped[str | None] = f.text(300, read_only=True)
    """Without a place: this reading is replaced by this value."""
    evidence_count: Mapped[int] = f.integer(required=True, default=2, read_only=True)
    status: Mapped[str] = f.status("title_block_template", "proposed")
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)


class DrawingAccess(Record):
    """A person named to open a restricted drawing (DRW-28)."""

    __tablename__ = "drawing_access"
    __table_args__ = (UniqueConstraint("drawing_analysis_id", "user_id"),)

    drawing_analysis_id: Mapped[int] = f.ref("drawing_analysis.id", required=True, read_only=True)
    user_id: Mapped[int] = f.ref("user_account.id", required=True, read_only=True)
