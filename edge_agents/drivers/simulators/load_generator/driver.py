"""Records numbered events and notes, after each durable answer, how far it was promised."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from edge_agents.drivers.base import Driver
from edge_agents.drivers.simulators.load_generator.config import LoadGeneratorConfig

_BLOCK = 50


def promised_file(data_dir: Path) -> Path:
    """One number per line: events which the journal confirmed as recorded."""
    return data_dir / "promised.txt"


class LoadGeneratorDriver(Driver[LoadGeneratorConfig]):
    """Each event carries its number in ``code``, so that loss and order can be read at the other end."""

    async def run(self) -> None:
        self.context.set_status("ok", None)
        path = promised_file(self.context.data_dir)
        done = len(path.read_text().split()) if path.exists() else 0
        with path.open("a") as promised:
            while done < self.config.total:
                block = range(done + 1, min(done + _BLOCK, self.config.total) + 1)
                await asyncio.gather(*(self._one(number) for number in block))
                promised.write("".join(f"{number}\n" for number in block))
                promised.flush()
                done = block[-1]
                await asyncio.sleep(_BLOCK / self.config.per_s)
        await asyncio.Event().wait()

    async def _one(self, number: int) -> None:
        payload = {"code": f"n:{number}", "symbology": "QRCode", "purpose": "bench"}
        uid = uuid5(NAMESPACE_URL, f"{self.context.data_dir}/{number}")
        await self.context.emit("scan.read", payload, message_id=uid)
        every = self.config.telemetry_every
        if every and number % every == 0:
            moment = int(self.context.clock.now().timestamp() * 1000)
            channels = {"load": {"unit": "%", "t": [moment], "v": [float(number % 100)]}}
            await self.context.emit(
                "telemetry.batch", {"machine_code": self.config.machine_code, "channels": channels}
            )
