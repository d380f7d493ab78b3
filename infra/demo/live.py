"""After the story: the workshop lives on, and the person at the keyboard is told where to look."""

from __future__ import annotations

import random
import time

import httpx
import typer

from infra.demo.errors import DemoError
from infra.demo.stations import photograph
from infra.demo.story.telling import StepResult, Story

_CABINET_EVERY = 6
_PAUSE_S = 4.0


def show_step(result: StepResult) -> None:
    """One line per step, on the error output: the standard output belongs to ``--json``."""
    mark = "bon  " if result.ok else "ÉCHEC"
    typer.echo(f"{mark} {result.name} ({result.seconds:.1f} s)\n      {result.detail}", err=True)


def run(story: Story) -> None:
    """Print where to look, then simulate the shop until Ctrl-C."""
    guide(story)
    shop = LiveShop(story)
    while True:
        try:
            shop.beat()
        except DemoError as error:
            typer.echo(f"(simulation) {error.message}", err=True)
        time.sleep(_PAUSE_S)


def guide(story: Story) -> None:
    """Addresses, accounts and next commands."""
    shop = story.workshop
    lines = [
        "", "L'atelier tourne. Où regarder :",
        f"  API et documentation   {shop.api_url}/docs",
        f"  Application d'atelier  {_mobile(shop.api_url)}",
        f"  Machines en direct     {shop.api_url}/api/v1/machine-live (jeton d'accès)",
        f"  Papiers de l'histoire  {shop.folder} (devis, commande, fiche suiveuse, bon de livraison, facture)",
        f"  Journaux               {shop.folder / 'logs'}", "", "Comptes :",
    ]  # fmt: skip
    for key, person in story.people.items():
        second = f"   second facteur {person.totp_secret}" if person.totp_secret else ""
        badge = story.facts.get(f"{key}.badge")
        shown = f"   badge {badge}" if badge else ""
        lines.append(f"  {person.email:34} {person.password}{second}{shown}")
    settings = " ".join(
        f"{k}={v!r}" for k, v in shop.env.items() if k in ("USINAGE_DATABASE_URL", "USINAGE_SECRETS_DIR")
    )
    lines += [
        "", "Ensuite, dans un autre terminal :",
        f"  env {settings} USINAGE_DATA_DIR={str(shop.folder / 'data')!r} USINAGE_MQTT_PORT={shop.broker_port} usinage check",
        f"  make desktop ARGS=\"--server {shop.api_url}\"",
        "  usinage drawing read PLAN.pdf --json",
        "", "Ctrl-C arrête tout.",
    ]  # fmt: skip
    typer.echo("\n".join(lines), err=True)


def _mobile(api_url: str) -> str:
    """Address of the phone application, when it is built."""
    address = f"{api_url}/m/"
    try:
        built = httpx.get(address, timeout=5, follow_redirects=True).status_code == 200
    except httpx.HTTPError:
        built = False
    return address if built else "pas encore construite : make setup"


class LiveShop:
    """Machine cycles one after the other, now and then somebody at the cabinet."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._random = random.Random()
        self._beats = 0
        self._content: dict[str, int] = dict(story.facts.get("cabinet.content", {}))

    def beat(self) -> None:
        """One moment of the shop."""
        shop = self._story.workshop
        for service in shop.services.values():
            if service.name != "migrate":
                service.require_running()
        self._beats += 1
        state = shop.machine_order(do="status")["values"].get("program_state", "")
        if state != "running":
            seconds = self._random.uniform(6, 20)
            shop.machine_order(
                do="start_cycle",
                program=f"O{self._random.randint(1000, 1009)}",
                seconds=seconds,
                parts=1,
                tool=12,
            )
        if self._beats % _CABINET_EVERY == 0 and self._content:
            self._visit_cabinet()

    def _visit_cabinet(self) -> None:
        unit = self._story.workshop.stations["cabinet"]
        unit.ask(do="open")
        place = self._random.choice(sorted(set(self._content) - {"A-08"}))
        self._content[place] = 0 if self._content[place] else 1
        photograph(unit, self._content, 1000 + self._beats)
        unit.ask(do="close")
