"""The wall of machine cameras: small pictures renewed while somebody looks, a sign where a camera is away (MCH-33, MCH-51)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.texts import t
from clients.desktop.operations import machine_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import ON_SCREEN, SCREEN, STEP
from clients.desktop.ui import theme
from clients.desktop.ui.machines.park import since_words
from clients.desktop.ui.watch_page import WatchPage
from clients.desktop.ui.widgets import Badge, EmptyState, card, label, row

_COLUMNS = 3
_RENEW_S = 40.0
"""The server holds a look for a minute."""


class CameraTile(QWidget):
    """Picture of one camera, or words on a dark ground: an old picture is never left standing."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = QPixmap()
        self.words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.scaled(230))

    def sizeHint(self) -> QSize:  # noqa: N802 — Qt's name
        return QSize(theme.scaled(360), theme.scaled(230))

    def show_picture(self, content: bytes | None, words: str) -> None:
        """The picture of now, or why there is none."""
        self.picture = QPixmap()
        if content:
            self.picture.loadFromData(content)
        self.words = "" if not self.picture.isNull() else words
        self.setAccessibleName(self.words)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 — Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(SCREEN))
        if self.picture.isNull():
            painter.setPen(QColor(ON_SCREEN))
            painter.drawText(
                self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self.words
            )
            return
        size = self.picture.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        painter.drawPixmap(left, top, size.width(), size.height(), self.picture)


class CameraWallPage(WatchPage):
    """All cameras a person may look at."""

    title_key = "wall.title"
    entities = frozenset({"camera"})
    again_ms = 2_000

    def __init__(self, desk: Any) -> None:
        self._asked: list[int] = []
        self._asked_at = 0.0
        self._cameras: list[int] = []
        self.tiles: dict[int, tuple[CameraTile, Badge, Any]] = {}
        self._seen: set[int] = set()
        self._is_filled = False
        super().__init__(desk)
        self.head.addWidget(label(t("wall.law"), "muted", wrap=True), 4)

    def _operation(self) -> Operation[Any]:
        is_due = time.monotonic() - self._asked_at > _RENEW_S
        wanted = self._cameras if self.isVisible() and (is_due or self._asked != self._cameras) else []
        if wanted:
            self._asked, self._asked_at = list(wanted), time.monotonic()
        return machine_calls.camera_wall(self._desk.api, wanted)

    def _shown(self, found: Mapping[str, Any]) -> None:
        """Tiles stay; only what they show changes."""
        cameras = found["items"]
        self._cameras = [int(one["id"]) for one in cameras if one["status"] != "off"]
        if not self._is_filled or [int(one["id"]) for one in cameras] != list(self.tiles):
            super()._shown(found)
        self.banner.clear_text()
        pictures = found["pictures"]
        self.count.setText(t("wall.count", live=len(pictures), number=len(cameras)))
        for camera in cameras:
            number = int(camera["id"])
            tile, badge, foot = self.tiles[number]
            is_live = number in pictures
            tile.show_picture(pictures.get(number), self._why(camera))
            if is_live:
                self._seen.add(number)
            tone, sign = ("success", "check") if is_live else ("warning", "alert")
            words = t("wall.live") if is_live else self._state(camera)
            badge.set(words, tone, sign)
            foot.setText(t("wall.at", time=formatting.instant(camera["seen_at"])[11:]) if is_live else "")
        if self.isVisible() and self._cameras and self._asked != self._cameras:
            self.load()

    def _fill(self, found: Mapping[str, Any]) -> None:
        self.tiles, self._is_filled = {}, True
        if not found["items"]:
            empty = EmptyState()
            empty.set(self.sign, t("wall.none_title"), t("wall.none"))
            self._body.addWidget(empty)
        grid = QGridLayout()
        grid.setSpacing(4 * STEP)
        for place, camera in enumerate(found["items"]):
            frame, inner = card()
            head = row()
            name = " · ".join(str(one) for one in (camera["machine"], camera["label"]) if one)
            head.addWidget(label(name, "section"), 1)
            badge, tile, foot = Badge(), CameraTile(), label("", "muted")
            head.addWidget(badge)
            inner.addLayout(head)
            inner.addWidget(tile)
            inner.addWidget(foot)
            self.tiles[int(camera["id"])] = (tile, badge, foot)
            grid.addWidget(frame, place // _COLUMNS, place % _COLUMNS)
        for place in range(_COLUMNS):
            grid.setColumnStretch(place, 1)
        self._body.addLayout(grid)

    def _state(self, camera: Mapping[str, Any]) -> str:
        entity = self._desk.metadata.entities.get("camera")
        field = entity.field("status") if entity else None
        choice = field.choice(camera["status"]) if field else None
        if choice is not None and camera["status"] in {"off", "offline", "covered"}:
            return choice.label
        return t("wall.lost") if int(camera["id"]) in self._seen else t("wall.waiting")

    def _why(self, camera: Mapping[str, Any]) -> str:
        status = str(camera["status"])
        if status == "off":
            return t("wall.off")
        if status in {"offline", "covered"}:
            detail = f"\n{camera['detail']}" if camera["detail"] else ""
            return t(f"wall.{status}", since=since_words(camera["since"])) + detail
        return t("wall.lost") if int(camera["id"]) in self._seen else t("wall.waiting")
