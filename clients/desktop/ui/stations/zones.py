"""Tab « Zones »: compartments on the picture of a cabinet, masks and watched zone on that of a machine camera (VIS-02, MCH-34, MCH-35)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QVBoxLayout

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.texts import t
from clients.desktop.model.zones import Zone
from clients.desktop.operations import machine_calls, station_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.widgets import button, card, clear, column, label, row
from clients.desktop.ui.zone_canvas import ZoneCanvas

_LOOK_MS = 1500
_LOOKS = 8


class ZonesView(SheetView):
    """Canvas, tools and the selected zone; what is drawn is not taken away by somebody else's change."""

    canvas: ZoneCanvas | None = None

    def load(self) -> None:
        """Read again, unless something was drawn."""
        if self.canvas is None or not self.canvas.board.is_dirty:
            super().load()

    def _tools(self, layout: QVBoxLayout, *, may: bool) -> None:
        made = ZoneCanvas()
        self.canvas = made
        made.writable = may
        made.changed.connect(self._touched)
        made.selected.connect(self._show_selected)
        line = row()
        self.shape = button(t("zones.outline"), "chip")
        self.shape.setCheckable(True)
        self.shape.toggled.connect(made.set_outline)
        self.remove = button(t("zones.delete"), on_click=made.delete)
        self.back = button(t("zones.undo"), on_click=made.undo)
        for widget in (self.shape, self.back, self.remove):
            widget.setVisible(may)
            line.addWidget(widget)
        self._extra = row()
        line.addLayout(self._extra)
        line.addStretch()
        layout.addLayout(line)
        layout.addWidget(label(t("zones.hint"), "muted", wrap=True))
        layout.addWidget(made)
        self.chosen = column(spacing=STEP)
        layout.addLayout(self.chosen)
        line = row()
        self.save_button = button(t("zones.save"), "primary", on_click=self.save)
        self.save_button.setEnabled(False)
        self.save_button.setVisible(may)
        self.drop = button(t("cancel"), "flat", on_click=self.give_up)
        self.drop.setVisible(False)
        line.addWidget(self.save_button)
        line.addWidget(self.drop)
        line.addStretch()
        layout.addLayout(line)

    def _touched(self) -> None:
        self.save_button.setEnabled(True)
        self.drop.setVisible(True)
        self._show_selected()

    def _show_selected(self) -> None:
        raise NotImplementedError

    def selected(self) -> Zone | None:
        """The zone that is worked on."""
        board = self.canvas.board if self.canvas is not None else None
        return board.zones[board.selected] if board is not None and board.selected is not None else None

    def give_up(self) -> None:
        """Back to what is kept."""
        self.canvas = None
        self.load()

    def save(self) -> None:
        """Keep what was drawn."""
        raise NotImplementedError

    def _send(self, plural: str, params: Record, done: str) -> None:
        self.save_button.setEnabled(False)
        call = machine_calls.act(self.desk.api, plural, self.record_id, "draw-zones", params)
        self.desk.runner.run(call, lambda _answer: self._saved(done), self._not_saved, owner=self)

    def _saved(self, done: str) -> None:
        self.desk.message.emit(t(done), "success")
        self.give_up()

    def _not_saved(self, error: ApiError) -> None:
        self.save_button.setEnabled(True)
        self.banner.show_text(" ".join([error.detail, *error.fields.values()]), "danger")


class CompartmentsView(ZonesView):
    """Compartments of a cabinet; a zone is named by the place it stands for."""

    entities = ("storage_location", "vision_count", "cabinet_session")

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: station_calls.station_zones(self.desk.api, self.record_id)

    def _fill(self, data: Mapping[str, Any]) -> None:
        frame, inner = card()
        picture = data["picture"]
        inner.addWidget(label(t("zones.compartments"), "section"))
        if not data["has_camera"]:
            inner.addWidget(label(t("zones.no_camera"), "muted", wrap=True))
            self._body.addWidget(frame)
            return
        words = t("zones.taken_at", at=formatting.instant(picture["at"])) if picture else t("zones.none_yet")
        inner.addWidget(label(words, "muted", wrap=True))
        if picture and not picture["is_reference"]:
            inner.addWidget(label(t("zones.no_reference"), "muted", wrap=True))
        self._tools(inner, may=self.entity.may("update") and data["content"] is not None)
        self._body.addWidget(frame)
        assert self.canvas is not None  # noqa: S101 — made by _tools
        self.canvas.set_picture(data["content"])
        self._names = {p["id"]: p["code"] for p in [*data["places"], *data["free"]]}
        size = self.canvas.picture.size()
        width, height = max(size.width(), 1), max(size.height(), 1)
        self.canvas.board.zones = [
            Zone([(x / width, y / height) for x, y in p["polygon"]], p["code"], p["id"])
            for p in data["places"]
            if p["polygon"] and data["content"] is not None
        ]
        if self.entity.may("update"):
            self.tell = button(t("zones.send"), on_click=self._tell)
            self._extra.addWidget(self.tell)

    def _show_selected(self) -> None:
        clear(self.chosen)
        zone = self.selected()
        if zone is None or self.canvas is None:
            return
        taken = {z.key for z in self.canvas.board.zones if z is not zone}
        box = QComboBox()
        box.addItem(t("zones.choose_place"), None)
        for place in sorted(self._names, key=lambda one: str(self._names[one])):
            if place not in taken:
                box.addItem(str(self._names[place]), place)
        box.setCurrentIndex(max(box.findData(zone.key), 0))
        box.activated.connect(lambda index: self.name(zone, box.itemData(index)))
        self.place = box
        self.chosen.addWidget(label(t("zones.place"), "label"))
        self.chosen.addWidget(box)

    def name(self, zone: Zone, place_id: int | None) -> None:
        """Say which place a zone stands for."""
        assert self.canvas is not None  # noqa: S101
        self.canvas.board.keep()
        zone.key, zone.name = place_id, str(self._names.get(place_id, "")) if place_id else ""
        self._touched()
        self.canvas.update()

    def save(self) -> None:
        """Keep the outlines with their places."""
        if self.canvas is None:
            return
        zones = self.canvas.board.zones
        if any(zone.key is None for zone in zones):
            self.banner.show_text(t("zones.unnamed"), "warning")
            return
        size = self.canvas.picture.size()
        drawn = [
            {"place_id": z.key, "polygon": [[round(x * size.width(), 1), round(y * size.height(), 1)] for x, y in z.points]}
            for z in zones
        ]  # fmt: skip
        self._send("stations", {"zones": drawn}, "zones.kept")

    def _tell(self) -> None:
        if self.canvas is not None and self.canvas.board.is_dirty:
            self.banner.show_text(t("zones.save_first"), "warning")
            return
        call = machine_calls.act(self.desk.api, "stations", self.record_id, "send-places", {})
        done = partial(self.desk.message.emit, t("zones.told"), "success")
        self.desk.runner.run(call, lambda _answer: done(), self._not_saved, owner=self)


class CameraZonesView(ZonesView):
    """Masks and watched zone of a machine camera, on its live picture where the person may look, else on an empty frame."""

    entities = ("station_config",)

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return machine_calls.read(self.desk.api, f"/cameras/{self.record_id}/zones")

    def _fill(self, data: Mapping[str, Any]) -> None:
        frame, inner = card()
        inner.addWidget(label(t("zones.camera"), "section"))
        if not data["is_configured"]:
            inner.addWidget(label(t("zones.not_configured"), "muted", wrap=True))
            self._body.addWidget(frame)
            return
        may = self.entity.may("update")
        self._tools(inner, may=may)
        self._body.addWidget(frame)
        assert self.canvas is not None  # noqa: S101 — made by _tools
        self._has_analysis = bool(data["has_analysis"])
        self.canvas.new_kind = "mask"
        self.canvas.board.zones = [
            Zone([(x, y) for x, y in mask], t("zones.mask"), kind="mask") for mask in data["masks"]
        ]
        if data["zone"]:
            self.canvas.board.zones.append(
                Zone([(x, y) for x, y in data["zone"]], t("zones.watched"), kind="watched")
            )
        self.live = button(t("zones.look"), on_click=self._look)
        self._extra.addWidget(self.live)

    def _show_selected(self) -> None:
        clear(self.chosen)
        zone = self.selected()
        if zone is None or self.canvas is None:
            return
        zone.name = zone.name or t("zones.mask")
        if not self._has_analysis or not self.canvas.writable:
            return
        box = QComboBox()
        for kind in ("mask", "watched"):
            box.addItem(t(f"zones.{kind}"), kind)
        box.setCurrentIndex(box.findData(zone.kind))
        box.activated.connect(lambda index: self.set_kind(zone, str(box.itemData(index))))
        self.chosen.addWidget(label(t("zones.kind"), "label"))
        self.chosen.addWidget(box)

    def set_kind(self, zone: Zone, kind: str) -> None:
        """Mask, or the zone the movement analysis watches; there is one of those."""
        assert self.canvas is not None  # noqa: S101
        self.canvas.board.keep()
        for one in self.canvas.board.zones:
            if kind == "watched" and one.kind == "watched":
                one.kind, one.name = "mask", t("zones.mask")
        zone.kind, zone.name = kind, t(f"zones.{kind}")
        self._touched()
        self.canvas.update()

    def save(self) -> None:
        """Send the zones as the station's next configuration."""
        if self.canvas is None:
            return
        outlines = {kind: [[[round(x, 4), round(y, 4)] for x, y in z.points] for z in self.canvas.board.zones if z.kind == kind]
                    for kind in ("mask", "watched")}  # fmt: skip
        self._send(
            "cameras",
            {"masks": outlines["mask"], "zone": next(iter(outlines["watched"]), None)},
            "zones.sent",
        )

    def _look(self) -> None:
        """Ask for the picture of now; the look is written down as every other."""
        self.live.setEnabled(False)
        self._ask(_LOOKS)

    def _ask(self, left: int) -> None:
        call = station_calls.camera_picture(self.desk.api, self.record_id)
        self.desk.runner.run(call, partial(self._looked, left), self._no_look, owner=self)

    def _looked(self, left: int, content: bytes | None) -> None:
        if content is not None and self.canvas is not None:
            self.canvas.set_picture(content)
        elif left > 0 and self.canvas is not None:
            QTimer.singleShot(_LOOK_MS, self, partial(self._ask, left - 1))
            return
        else:
            self.banner.show_text(t("zones.no_look"), "warning")
        self.live.setEnabled(True)

    def _no_look(self, error: ApiError) -> None:
        self.live.setEnabled(True)
        self.banner.show_text(error.detail, "warning")


__all__ = ["CameraZonesView", "CompartmentsView"]
