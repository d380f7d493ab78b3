"""Offers at a station: which are followed, and what stands in their way."""

import base64
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_agents.protocol import signing
from edge_agents.protocol.control import UpdateOffer, encode_document
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.releases import Trial, model_store
from edge_agents.runtime.updates import Surroundings, Updater

KEY = Ed25519PrivateKey.generate()
PUBLIC_KEY = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


async def _nothing() -> None:
    return None


def _updater(data_dir: Path) -> Updater:
    return Updater(
        Surroundings(
            data_dir, "st-a", "cabinet_camera", "1.0.0", PUBLIC_KEY, None, Clock("yes"),
            busy=lambda: False, faults=list, connected=lambda: True, restart_agent=lambda: None,
            restart_drivers=_nothing, changed=_nothing,
        )
    )  # fmt: skip


def _offer(version: str) -> bytes:
    offer = UpdateOffer(
        offer_id=uuid4(), action="install", kind="model", name="armoire", version=version, sha256="0" * 64, size_bytes=1,
        publisher_key="-", health_s=30,
    )  # fmt: skip
    signature = signing.sign(KEY.private_bytes_raw(), offer.signed_bytes())
    return encode_document(offer.model_copy(update={"signature": signature}))


@pytest.mark.requirement("EDG-35")
async def test_an_offer_waits_for_the_end_of_a_model_s_trial(tmp_path: Path) -> None:
    store = model_store(tmp_path, "armoire")
    for version in ("1.0.0", "1.1.0"):
        store.install(version, lambda folder: (folder / "board.model").write_bytes(b"-"))
    store.point("1.0.0")
    trial = Trial("first", "1.1.0", "1.0.0", 30.0, [])
    store.begin(trial)
    updater = _updater(tmp_path)
    await updater.on_offer(_offer("1.2.0"))
    assert updater.report() is None
    assert store.trial() == trial
    store.roll_back()
    await updater.on_offer(_offer("1.2.0"))
    report = updater.report()
    assert report is not None
    assert report.version == "1.2.0"
    await updater.stop()
