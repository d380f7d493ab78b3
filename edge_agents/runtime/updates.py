"""What a station does with an offered version (EDG-32…37): fetch, check, unpack beside, wait for a quiet moment, switch, prove, report."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import structlog

from edge_agents.protocol import ProtocolError, package
from edge_agents.protocol.control import UpdateOffer, UpdateState, decode_document
from edge_agents.runtime.api import StationApi
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.files import write_durably
from edge_agents.runtime.launcher import LAUNCHED_VARIABLE
from edge_agents.runtime.releases import (
    ReleaseStore,
    Trial,
    UpdateFile,
    model_store,
    model_stores,
    software_store,
)

log = structlog.get_logger(__name__)
PACKAGES_PATH = "/api/v1/stations/packages"
INSTALLED = "installed"
INSTALLED_VERSION = "0.0.0"
"""Version in a roll-back offer for the program the station was prepared with."""
_RETRY_S = 10.0
_QUIET_POLL_S = 1.0
_STABLE_S = 3.0
_PIECE = 256 * 1024
_MAX_OFFER_BYTES = 64 * 1024


def _offers_on(media: Path, station_id: str) -> list[Path]:
    return sorted(media.glob(f"*/{package.STICK_FOLDER}/{station_id}.json"))


def _read_offer(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(_MAX_OFFER_BYTES)


class UpdateRefusedError(ValueError):
    """An offer cannot be followed; the text is French."""


@dataclass(frozen=True)
class Surroundings:
    """What the updater needs from its agent."""

    data_dir: Path
    station_id: str
    kind: str
    running_version: str
    config_public_key: str | None
    api: StationApi | None
    clock: Clock
    busy: Callable[[], bool]
    faults: Callable[[], list[str]]
    connected: Callable[[], bool]
    restart_agent: Callable[[], None]
    restart_drivers: Callable[[], Awaitable[None]]
    changed: Callable[[], Awaitable[None]]


class Updater:
    """One offer at a time; the newest wins until the switch. Every step may be cut off and is taken up again at the next start."""

    def __init__(self, around: Surroundings) -> None:
        self._a = around
        self._folder = around.data_dir / "updates"
        self._state = UpdateFile(around.data_dir)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ends what the last run left open: a trial of the software is proved, one of a model taken back, a download goes on."""
        self._task = asyncio.current_task()
        for name, store in model_stores(self._a.data_dir).items():
            if store.roll_back() is not None:
                await self._say("rolled_back", f"Modèle {name} : coupure pendant l'essai.")
        store = software_store(self._a.data_dir)
        trial = store.trial()
        if trial is not None:
            await self._prove(store, trial)
            return
        kept = self._folder / "offer.json"
        if kept.exists() and (self._state.read() or {}).get("state") in ("downloading", "waiting"):
            await self._follow(decode_document(UpdateOffer, kept.read_bytes()))

    def report(self) -> UpdateState | None:
        """Last state, as it goes with the health report."""
        values = self._state.read()
        try:
            return UpdateState.model_validate(values) if values else None
        except ValueError:
            return None

    def models(self) -> dict[str, str]:
        """Running version of each model."""
        found = {name: store.running() for name, store in model_stores(self._a.data_dir).items()}
        return {name: version for name, version in found.items() if version}

    async def on_offer(self, data: bytes) -> None:
        """An offer arrived; one already followed changes nothing."""
        offer = decode_document(UpdateOffer, data)
        key = self._a.config_public_key
        if key is None:
            log.warning("update.unverifiable")
            return
        try:
            offer.verify(key)
        except ProtocolError as error:
            log.error("update.forged", reason=error.detail)
            return
        known = self._state.read()
        if known is not None and known.get("offer_id") == str(offer.offer_id):
            await self._a.changed()
            return
        stores = [software_store(self._a.data_dir), *model_stores(self._a.data_dir).values()]
        if any(store.trial() is not None for store in stores):
            return  # what is on trial is proved or taken back first; the coordinator offers again
        if self._task is not None and not self._task.done():
            self._task.cancel()
        write_durably(self._folder / "offer.json", data)
        self._state.path.unlink(missing_ok=True)
        self._state.write(offer_id=str(offer.offer_id), kind=offer.kind, name=offer.name,
                          version=offer.version, state="downloading", detail=None)  # fmt: skip
        self._task = asyncio.create_task(self._follow(offer))

    async def from_stick(self, media: Path) -> None:
        """Follows an offer found on a USB stick, with the package beside it (EDG-36).

        ``media`` is the folder below which sticks are mounted; what is for other stations, forged or already followed is left.
        """
        for file in await asyncio.to_thread(_offers_on, media, self._a.station_id):
            try:
                data = await asyncio.to_thread(_read_offer, file)
                offer = decode_document(UpdateOffer, data)
                if self._a.config_public_key is None or self._is_over(offer):
                    continue
                offer.verify(self._a.config_public_key)
                await asyncio.to_thread(self._take, file.with_name(f"{offer.sha256}.update"), offer)
            except (OSError, ProtocolError, UpdateRefusedError) as error:
                log.warning(
                    "update.stick", file=str(file), reason=getattr(error, "detail", None) or str(error)
                )
                continue
            await self.on_offer(data)

    def _is_over(self, offer: UpdateOffer) -> bool:
        """Whether the offer was followed to its end, or its package is here already."""
        known = self._state.read() or {}
        is_known = known.get("offer_id") == str(offer.offer_id)
        return is_known and (
            known.get("state") != "downloading" or (self._folder / f"{offer.sha256}.update").exists()
        )

    def _take(self, source: Path, offer: UpdateOffer) -> None:
        """Copies the package of an offer; it is whole and the right one, or it does not count."""
        if offer.action == "rollback":
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < 3 * offer.size_bytes:
            raise UpdateRefusedError("Place insuffisante pour le paquet.")
        if source.stat().st_size != offer.size_bytes or package.file_sha256(source) != offer.sha256:
            raise UpdateRefusedError("Le paquet de la clé USB est incomplet ou modifié.")
        aside = self._folder / f"{offer.sha256}.stick"
        with source.open("rb") as given, aside.open("wb") as copy:
            shutil.copyfileobj(given, copy, _PIECE)
            copy.flush()
            os.fsync(copy.fileno())
        (self._folder / f"{offer.sha256}.by-stick").touch()
        aside.replace(self._folder / f"{offer.sha256}.update")

    async def again(self) -> str:
        """Follows the last offer once more after it failed (command of a person). Raises ``UpdateRefusedError``."""
        kept = self._folder / "offer.json"
        if (self._state.read() or {}).get("state") not in ("failed", "rolled_back") or not kept.exists():
            raise UpdateRefusedError("Aucune mise à jour en échec à reprendre.")
        self._task = asyncio.create_task(self._follow(decode_document(UpdateOffer, kept.read_bytes())))
        return "La mise à jour est reprise."

    async def stop(self) -> None:
        """Leaves everything as it is on the disk."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _say(self, state: str, detail: str | None = None) -> None:
        log.info("update.state", state=state, detail=detail)
        self._state.write(state=state, detail=detail)
        await self._a.changed()

    async def _follow(self, offer: UpdateOffer) -> None:
        try:
            store = self._store(offer)
            if offer.kind == "software" and not os.environ.get(LAUNCHED_VARIABLE):
                raise UpdateRefusedError("La station n'est pas démarrée par son lanceur.")
            if offer.action == "rollback":
                self._check_kept(store, offer)
            elif self._needs_package(store, offer):
                await self._say("downloading")
                path = await self._download(offer)
                await asyncio.to_thread(self._unpack, store, offer, path)
            await self._switch(store, offer)
        except (UpdateRefusedError, ProtocolError) as error:
            await self._say("failed", getattr(error, "detail", None) or str(error))
        except OSError as error:
            await self._say("failed", f"Écriture impossible : {error.strerror}.")

    def _store(self, offer: UpdateOffer) -> ReleaseStore:
        if offer.kind == "software":
            return software_store(self._a.data_dir)
        return model_store(self._a.data_dir, offer.name)

    def _running(self, store: ReleaseStore, offer: UpdateOffer) -> str:
        return store.running() or (self._a.running_version if offer.kind == "software" else "")

    def _needs_package(self, store: ReleaseStore, offer: UpdateOffer) -> bool:
        running = self._running(store, offer)
        if package.version_key(offer.version) < package.version_key(running):
            raise UpdateRefusedError(f"Version {offer.version} plus ancienne que {running}.")
        return running != offer.version

    def _check_kept(self, store: ReleaseStore, offer: UpdateOffer) -> None:
        if offer.version != INSTALLED_VERSION and offer.version not in store.versions():
            raise UpdateRefusedError(f"La version {offer.version} n'est plus sur la station.")

    async def _download(self, offer: UpdateOffer) -> Path:
        """The package, taken up where the last try stopped; waits for the line as long as it takes."""
        whole, part = self._folder / f"{offer.sha256}.update", self._folder / f"{offer.sha256}.part"
        while not whole.exists():
            try:
                await self._fetch(offer, part)
            except (httpx.HTTPError, ConnectionError) as error:
                log.info("update.later", reason=str(error), have=part.stat().st_size if part.exists() else 0)
                await asyncio.sleep(_RETRY_S)
                continue
            if await asyncio.to_thread(package.file_sha256, part) != offer.sha256:
                part.unlink()
                raise UpdateRefusedError("L'empreinte du paquet reçu ne correspond pas.")
            part.replace(whole)
        return whole

    async def _fetch(self, offer: UpdateOffer, part: Path) -> None:
        if self._a.api is None:
            raise UpdateRefusedError("api_url : adresse du coordinateur absente.")
        have = part.stat().st_size if part.exists() else 0
        if have > offer.size_bytes:
            part.unlink()
            have = 0
        if have == offer.size_bytes:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        async with self._a.api.client() as client:
            request = client.stream("GET", f"{PACKAGES_PATH}/{offer.sha256}", headers=headers)
            async with request as answer:
                if answer.status_code == 404:
                    raise UpdateRefusedError("Le coordinateur ne donne pas ce paquet.")
                answer.raise_for_status()
                with part.open("ab" if answer.status_code == 206 else "wb") as file:
                    async for piece in answer.aiter_bytes():
                        await asyncio.to_thread(file.write, piece)
                    file.flush()
                    os.fsync(file.fileno())
        if part.stat().st_size < offer.size_bytes:
            raise httpx.ReadError("connexion coupée")

    def _unpack(self, store: ReleaseStore, offer: UpdateOffer, path: Path) -> None:
        keys = [offer.publisher_key]
        manifest, _ = package.check(path, keys)
        if (manifest.kind, manifest.name, manifest.version) != (offer.kind, offer.name, offer.version):
            raise UpdateRefusedError("Le paquet n'est pas celui de l'offre.")
        if manifest.station_kinds and self._a.kind not in manifest.station_kinds:
            raise UpdateRefusedError("Le paquet n'est pas fait pour ce genre de station.")
        running = self._a.running_version
        if manifest.min_version and package.version_key(running) < package.version_key(manifest.min_version):
            raise UpdateRefusedError(f"Il faut d'abord la version {manifest.min_version}.")
        store.install(offer.version, lambda folder: package.extract(path, keys, folder))
        for pattern in ("*.part", "*.update", "*.stick"):
            for file in self._folder.glob(pattern):
                file.unlink()

    async def _switch(self, store: ReleaseStore, offer: UpdateOffer) -> None:
        target = INSTALLED if offer.version == INSTALLED_VERSION else offer.version
        if (store.running() or INSTALLED) == target:
            await self._say("installed")
            return
        await self._quiet(offer)
        mark = self._folder / f"{offer.sha256}.by-stick"
        needs_line = not mark.exists() or self._a.connected()
        mark.unlink(missing_ok=True)
        trial = Trial(
            str(offer.offer_id),
            target,
            store.running(),
            offer.health_s,
            self._a.faults(),
            needs_line=needs_line,
        )
        await self._say("trial")
        store.begin(trial)
        if offer.kind == "software":
            self._a.restart_agent()
            return
        await self._a.restart_drivers()
        await self._prove(store, trial)

    async def _quiet(self, offer: UpdateOffer) -> None:
        """Waits for the time of the offer and for the end of what goes on here (EDG-34)."""
        said = False
        while self._a.busy() or (offer.not_before and self._a.clock.now() < offer.not_before):
            if not said:
                await self._say("waiting", "Opération, cycle ou armoire ouverte." if self._a.busy() else None)
                said = True
            await asyncio.sleep(_QUIET_POLL_S)

    async def _prove(self, store: ReleaseStore, trial: Trial) -> None:
        """Confirms once the line is there and no driver is worse than before, for a few seconds on end (EDG-35).

        Time over: the launcher takes software back; a model is taken back here.
        """
        now = self._a.clock.monotonic
        deadline, good_since, new = now() + trial.health_s, None, list[str]()
        while now() < deadline:
            new = [name for name in self._a.faults() if name not in trial.faults_before]
            good = (self._a.connected() or not trial.needs_line) and not new
            good_since = (good_since or now()) if good else None
            if good_since is not None and now() - good_since >= min(_STABLE_S, trial.health_s / 2):
                store.confirm()
                await self._say("installed")
                return
            await asyncio.sleep(0.2)
        if store.root == software_store(self._a.data_dir).root:
            return
        store.roll_back()
        await self._a.restart_drivers()
        reason = ", ".join(new) if new else "pas de liaison"
        await self._say("rolled_back", f"Retour à la version précédente : {reason}.")
