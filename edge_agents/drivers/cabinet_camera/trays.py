"""What the trays of a cabinet hold, with what was learned about each kept on the disk: tare, weight of a piece (VIS-43)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edge_agents.drivers.cabinet_camera import scales
from edge_agents.drivers.cabinet_camera.cells import Cells, CellsConfig, grams, open_cells
from edge_agents.drivers.cabinet_camera.scales import Scale
from edge_agents.drivers.cabinet_camera.taught import PlaceReading
from edge_agents.runtime.files import write_durably

_CHANGE_UNITS = 0.6


class Trays:
    """Weighed compartments. ``store`` keeps tares and unit weights learned at the cabinet over those of the configuration."""

    def __init__(self, config: CellsConfig, store: Path, cells: Cells | None = None) -> None:
        self._config = config
        self._cells = cells or open_cells(config)
        self._store = store
        learned = json.loads(store.read_bytes()) if store.exists() else {}
        self._scales = {
            one.location: replace(
                Scale(one.tare_g, one.capacity_g, one.unit_g, one.unit_spread_g, one.noise_g),
                **learned.get(one.location, {}),
            )
            for one in config.channels
        }
        self._items = {one.location: one.item for one in config.channels}

    @property
    def places(self) -> list[str]:
        """Codes of the weighed places."""
        return list(self._scales)

    def weigh(self) -> dict[str, float | None]:
        """Gross grams by place; all None when the device is gone."""
        try:
            return grams(self._cells.raw(), self._config.channels)
        except OSError:
            return dict.fromkeys(self._scales)

    def count(self, weights: Mapping[str, float | None]) -> dict[str, PlaceReading]:
        """Content of every tray."""
        return {
            name: scales.count_by_weight(name, self._items[name], scale, weights.get(name))
            for name, scale in self._scales.items()
        }

    def changed(self, before: Mapping[str, float | None], now: Mapping[str, float | None]) -> bool:
        """Whether a tray became lighter or heavier by about a piece."""
        for name, scale in self._scales.items():
            first, second = before.get(name), now.get(name)
            step = _CHANGE_UNITS * scale.unit_g if scale.unit_g else 10 * scale.noise_g
            if first is not None and second is not None and abs(second - first) > step:
                return True
        return False

    def tare(self, place: str) -> float:
        """Takes what the empty tray weighs now as its tare, in grams. Raises ``ValueError`` in French."""
        scale, gross = self._now(place)
        if gross > scale.capacity_g:
            raise ValueError("Pesée hors plage : videz le plateau.")
        self._keep(place, replace(scale, tare_g=gross))
        return gross

    def learn(self, place: str, pieces: int) -> float:
        """Weight of one piece in grams from a known number lying on the tray. Raises ``ValueError`` in French."""
        scale, _ = self._now(place)
        weighings = [gross for gross in (self.weigh().get(place) for _ in range(3)) if gross is not None]
        known = scales.learn_unit(scale, weighings, pieces)
        self._keep(place, known)
        return known.unit_g or 0.0

    def _now(self, place: str) -> tuple[Scale, float]:
        if place not in self._scales:
            raise ValueError(f"Plateau inconnu : {place}.")
        gross = self.weigh().get(place)
        if gross is None:
            raise ValueError("La balance ne répond pas.")
        return self._scales[place], gross

    def _keep(self, place: str, scale: Scale) -> None:
        self._scales[place] = scale
        learned = json.loads(self._store.read_bytes()) if self._store.exists() else {}
        learned[place] = {
            "tare_g": scale.tare_g,
            "unit_g": scale.unit_g,
            "unit_spread_g": scale.unit_spread_g,
        }
        write_durably(self._store, json.dumps(learned).encode())
