"""Machine driver for plain signals: reads levels, judges them, and gives the words of a control to the tracker."""

from __future__ import annotations

import asyncio
import contextlib
import time

import structlog

from edge_agents.drivers.base import DriverContext
from edge_agents.drivers.machine.config import SignalSpec
from edge_agents.drivers.machine.driver import MachineDriver
from edge_agents.drivers.machine.state import Value
from edge_agents.drivers.signal_machine.config import SignalMachineConfig, VibrationInput
from edge_agents.drivers.signal_machine.logic import CycleSignal, Hysteresis, Switch, judge
from edge_agents.drivers.signal_machine.sources import Inputs, open_inputs
from edge_agents.runtime.tasks import end

log = structlog.get_logger(__name__)
_ALARM = "signal"
_SENSOR_AGAIN_S = 5.0


class SignalMachineDriver(MachineDriver[SignalMachineConfig]):
    """Follows one machine by its inputs. The shock input is looked at first, and at every edge where the source tells them."""

    def __init__(self, config: SignalMachineConfig, context: DriverContext) -> None:
        specs = {
            str(one.signal): SignalSpec(
                unit=one.unit, telemetry=True, deadband=one.deadband, low=one.low, high=one.high
            )
            for one in config.analog.values()
        }
        if config.vibration is not None:
            names = (
                "vibration_rms",
                "vibration_peak",
                *(f"vibration_{band}" for band in config.vibration.bands),
            )
            spec = SignalSpec(unit=config.vibration.unit, telemetry=True, low=0, high=config.vibration.high)
            specs |= dict.fromkeys(names, spec)
        super().__init__(config, context, specs | {"execution": SignalSpec(), "shock": SignalSpec()})
        self._sent: dict[str, Value] = {}
        self._is_sensor_lost = False

    async def follow(self) -> None:
        inputs = await asyncio.to_thread(open_inputs, self.config)
        edge = asyncio.Event()
        loop = asyncio.get_running_loop()
        if inputs.fd is not None:
            loop.add_reader(inputs.fd, edge.set)
        tasks = [asyncio.create_task(self._read(inputs, edge))]
        if self.config.vibration is not None:
            tasks.append(asyncio.create_task(self._vibrate(self.config.vibration)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)
            if inputs.fd is not None:
                loop.remove_reader(inputs.fd)
            with contextlib.suppress(OSError):
                await asyncio.to_thread(inputs.close)

    async def _read(self, inputs: Inputs, edge: asyncio.Event) -> None:
        config = self.config
        switches = {
            name: Switch(0.0 if name == config.shock_input else one.debounce_ms / 1000, config.blink_s)
            for name, one in config.inputs.items()
        }
        clamps = {
            name: (Hysteresis(one.on_above, one.off_below), Switch(one.debounce_ms / 1000, config.blink_s))
            for name, one in config.analog.items()
            if one.on_above is not None and one.off_below is not None
        }
        cycle = CycleSignal(config.cycle.min_s, config.cycle.bridge_s)
        next_analog = 0.0
        self._sent.clear()
        self.context.set_status("ok", None)
        if config.program is not None:
            self.observe("program", config.program)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(config.poll_ms / 1000):
                    await edge.wait()
            edge.clear()
            levels = await asyncio.to_thread(inputs.digital) if inputs.fd is None else inputs.digital()
            now = time.monotonic()
            self._shock(levels)
            for name, switch in switches.items():
                rose = switch.put(levels[name], now)
                if rose and name == config.parts_input:
                    self._piece()
            if config.analog and now >= next_analog:
                next_analog = now + config.analog_poll_ms / 1000
                self._analog(await asyncio.to_thread(inputs.analog), clamps, now)
            self._state(switches | {name: switch for name, (_, switch) in clamps.items()}, cycle, now)
            self.tracker.alive(self.now())

    async def _vibrate(self, config: VibrationInput) -> None:
        """A sensor that fails takes no other signal with it: it is told once and opened again."""
        while True:
            try:
                await self._sense(config)
            except OSError as error:
                if not self._is_sensor_lost:
                    words = f"capteur de vibration : {error}"
                    self.context.set_status("fault", f"{self.config.machine_code} : {words}")
                    self.say("vibration.lost", words)
                self._is_sensor_lost = True
            await asyncio.sleep(_SENSOR_AGAIN_S)

    async def _sense(self, config: VibrationInput) -> None:
        from edge_agents.drivers.signal_machine.vibration import RawStream, figures

        stream = RawStream(config.path, config.scale)
        wanted = max(16, round(config.rate_hz * config.window_s))
        try:
            while True:
                await asyncio.to_thread(stream.read)
                while (values := stream.take(wanted)) is not None:
                    found = await asyncio.to_thread(figures, values, config.rate_hz, config.bands)
                    if self._is_sensor_lost:
                        self._is_sensor_lost = False
                        self.context.set_status("ok", None)
                    self.observe("vibration_rms", found.rms)
                    self.observe("vibration_peak", found.peak)
                    for name, value in found.bands.items():
                        self.observe(f"vibration_{name}", value)
                await asyncio.sleep(min(0.1, config.window_s / 2))
        finally:
            stream.close()

    def _shock(self, levels: dict[str, bool]) -> None:
        if self.config.shock_input is not None:
            self._tell("shock", levels[self.config.shock_input])

    def _analog(
        self, values: dict[str, float], clamps: dict[str, tuple[Hysteresis, Switch]], now: float
    ) -> None:
        for name, value in values.items():
            self.observe(str(self.config.analog[name].signal), value)
            if name in clamps:
                hysteresis, switch = clamps[name]
                switch.put(hysteresis.put(value), now)

    def _state(self, switches: dict[str, Switch], cycle: CycleSignal, now: float) -> None:
        if any(switch.level is None for switch in switches.values()):
            return  # nothing is said before every input was seen for its time
        rule = judge(self.config, {name: switch.shown(now) for name, switch in switches.items()})
        word = rule.state if rule is not None else self.config.default_state
        self._tell("execution", word)
        wall = self.now()
        if rule is not None and rule.alarm is not None:
            self.alarm(_ALARM, rule.alarm, rule.alarm, 1000, wall)
        else:
            self.take(self.tracker.clear_alarm(_ALARM, wall))
        name = self.config.cycle.input
        is_on = word == "running" if name is None else bool(switches[name].level)
        for program_state, at in cycle.put(is_on, now):
            if program_state == "ended" and word in ("alarm", "off"):
                program_state = "aborted"
            self.observe("program_state", program_state, wall - (now - at))

    def _piece(self) -> None:
        count = int(self.extra.get("pieces", 0)) + 1
        if "part_count" not in self.tracker.values:
            self.observe("part_count", float(count - 1))
        self.extra["pieces"] = count
        self.observe("part_count", float(count))

    def _tell(self, signal: str, value: Value) -> None:
        if signal not in self._sent or self._sent[signal] != value:
            self._sent[signal] = value
            self.observe(signal, value)
