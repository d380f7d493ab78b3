"""Parent of the agent (EDG-35): starts the version the link names, and takes it back when a new one does not prove itself.

It belongs to the installed program and is never replaced by an update, so a version that cannot even start harms nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import structlog
import yaml

from edge_agents.runtime.releases import ReleaseStore, Trial, UpdateFile, software_store

log = structlog.get_logger(__name__)
RESTART = 75
RELEASE_VARIABLE = "USINAGE_RELEASE"
LAUNCHED_VARIABLE = "USINAGE_LAUNCHED"
_POLL_S = 0.1
_STOP_S = 20.0


class Launcher:
    """Runs one station until it is told to stop or the agent ends by itself outside a trial."""

    def __init__(self, station_file: Path) -> None:
        self.station_file = station_file.resolve()
        values = yaml.safe_load(station_file.read_text(encoding="utf-8"))
        data_dir = self.station_file.parent / str(values["data_dir"])
        self.store: ReleaseStore = software_store(data_dir)
        self.state = UpdateFile(data_dir)
        self._stopping = False
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Exit code of the agent: 0 after a wanted stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            trial = self.store.trial()
            if trial is not None and trial.starts > 0:
                self._take_back("coupure ou arrêt pendant l'essai")
                trial = None
            elif trial is not None:
                self.store.note_start()
            code = self._run_once(trial)
            if self._still(trial) and not self._stopping:
                self._take_back(f"arrêt pendant l'essai (code {code})")
            elif code != RESTART:
                return 0 if self._stopping else code
        return 0

    def _run_once(self, trial: Trial | None) -> int:
        version = self.store.running()
        environment = {**os.environ, LAUNCHED_VARIABLE: "1"}
        environment.pop(RELEASE_VARIABLE, None)
        if version is not None:
            folder = self.store.folder(version)
            environment |= {RELEASE_VARIABLE: version, "PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
        command = [sys.executable, "-m", "edge_agents.cli", "run", str(self.station_file)]
        started = time.monotonic()
        self._child = subprocess.Popen(command, env=environment)
        while (code := self._child.poll()) is None:
            if trial is not None and time.monotonic() - started > trial.health_s and self._still(trial):
                self._end_child()
                if self._still(trial):
                    self._take_back(f"pas de bon état en {trial.health_s:.0f} s")
                return RESTART
            time.sleep(_POLL_S)
        return code

    def _still(self, trial: Trial | None) -> bool:
        """Whether this very trial goes on: a version that proved itself may have begun the next one before it ended."""
        now = self.store.trial()
        return trial is not None and now is not None and now.offer_id == trial.offer_id

    def _end_child(self) -> None:
        child = self._child
        if child is None:
            return
        child.terminate()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _take_back(self, reason: str) -> None:
        trial = self.store.roll_back()
        if trial is not None:
            log.error("update.rolled_back", version=trial.version, to=trial.previous, reason=reason)
            self.state.write(state="rolled_back", detail=f"Retour à la version précédente : {reason}.")

    def _stop(self, *_signal: Any) -> None:
        self._stopping = True
        if self._child is not None:
            self._child.terminate()
