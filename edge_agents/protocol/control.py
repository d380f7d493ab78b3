"""Documents which are not events: acknowledgements, configuration, commands, health, state, claims."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import to_json

from edge_agents.protocol import signing
from edge_agents.protocol.envelope import StationId, UtcTime, decode_json, describe
from edge_agents.protocol.errors import ProtocolError
from edge_agents.protocol.fields import Code, RawCode, Sha256
from edge_agents.protocol.package import PackageName, Version

Count = Annotated[int, Field(ge=0)]


class Document(BaseModel):
    """Base of all control documents."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class RejectedMessage(Document):
    """A stored but refused message: it counts as acknowledged and is never sent again (EDG-49)."""

    message_id: UUID
    seq: int
    reason: str


class Ack(Document):
    """Highest contiguous ``seq`` stored per stream; ``resend_from``: send events again from that seq."""

    event_seq: Count
    telemetry_seq: Count
    rejected: list[RejectedMessage] = []
    resend_from: Annotated[int, Field(ge=1)] | None = None


class DesiredConfig(Document):
    """Signed configuration of a station (EDG-28)."""

    version_no: Annotated[int, Field(ge=1)]
    config: dict[str, Any]
    sha256: Sha256
    signature: str
    optional: tuple[str, ...] = ()
    """Settings an agent that does not know them may ignore (``edge_agents/protocol/optional.py``)."""
    optional_signature: str | None = None

    @classmethod
    def signed(cls, version_no: int, config: dict[str, Any], private_key_raw: bytes) -> DesiredConfig:
        """Builds the document with its digest and signature (coordinator side)."""
        data = signing.config_document(version_no, config)
        return cls(
            version_no=version_no,
            config=config,
            sha256=signing.sha256_hex(data),
            signature=signing.sign(private_key_raw, data),
        )

    def verify(self, public_key_base64: str) -> None:
        """Raises ``ProtocolError`` when digest or signature do not belong to the content."""
        data = signing.config_document(self.version_no, self.config)
        if signing.sha256_hex(data) != self.sha256:
            raise ProtocolError("config.digest", "L'empreinte ne correspond pas à la configuration.")
        signing.verify(public_key_base64, self.signature, data)
        if self.optional:
            document = signing.optional_document(self.sha256, self.optional)
            signing.verify(public_key_base64, self.optional_signature or "", document)


class ReportedConfig(Document):
    """What became of a configuration; ``ignored`` are comfort settings this agent is too old to know."""

    version_no: Count
    result: Literal["applied", "refused"]
    reason: str | None = None
    ignored: Annotated[list[str], Field(max_length=200)] = []


class CommandKind(StrEnum):
    """The only commands a station obeys (EDG-31); none starts or stops a machine."""

    IDENTIFY = "identify"
    TEST_IMAGE = "capture_test_image"
    COUNT = "run_count"
    TARE = "tare"
    RESTART = "restart_agent"
    REBOOT = "reboot"
    SEND_LOGS = "send_logs"
    APPLY_UPDATE = "apply_update"
    CLEAR_SESSION = "clear_session"
    DECOMMISSION = "decommission"


class Command(Document):
    command_id: UUID
    kind: str
    params: dict[str, Any] = {}
    expires_at: UtcTime


class CommandResult(Document):
    command_id: UUID
    result: Literal["done", "failed", "expired"]
    detail: str | None = None


class DriverHealth(Document):
    status: Literal["ok", "fault"]
    detail: str | None = None


class Versions(Document):
    software: str
    config: int | None = None
    models: dict[str, str] = {}


class UpdateState(Document):
    """How far a station is with the last offer it got; repeated with each health report until another offer comes."""

    offer_id: UUID
    kind: Literal["software", "model"]
    name: str
    version: str
    state: Literal["downloading", "waiting", "trial", "installed", "rolled_back", "failed"]
    detail: str | None = None


class SystemUpdates(Document):
    """Security updates of the operating system (EDG-38): when they were last looked for, and which were put in then."""

    system: Annotated[str, StringConstraints(max_length=120)]
    checked_at: UtcTime | None = None
    packages: Annotated[list[str], Field(max_length=200)] = []


class Health(Document):
    """Self-diagnosis of a station (EDG-39). ``run_id`` names one start of the agent: an earlier one that comes back betrays
    a second unit with this identity (EDG-54)."""

    uptime_s: float
    load: float
    memory_mb: float
    disk_free_mb: float
    temperature_c: float | None = None
    queue_depth: Count
    oldest_message_age_s: float
    clock_offset_s: float | None = None
    throttled: bool | None = None
    drivers: dict[str, DriverHealth]
    versions: Versions
    link_losses: Count | None = None
    update: UpdateState | None = None
    run_id: UUID | None = None
    hardware_serial: Annotated[str, StringConstraints(max_length=120)] | None = None
    addresses: Annotated[list[str], Field(max_length=20)] = []
    updates: SystemUpdates | None = None


class StationState(Document):
    """Retained state, also the Last Will."""

    status: Literal["online", "fault", "offline"]
    at: UtcTime


class CachedMachine(Document):
    id: str
    code: Code
    name: str


class CachedPart(Document):
    name: str
    drawing_number: str | None = None
    revision: str | None = None


class CachedTool(Document):
    """A tool of an operation; ``advice`` and the share of its life used where it is near its end."""

    code: str
    name: str = ""
    life_pct: float | None = None
    life_is_estimated: bool = False
    advice: Literal["change", "regrind"] | None = None


class CachedOperation(Document):
    """Open operation a station can act on, as in ``GET /me/operations``."""

    id: str
    uid: UUID
    code: RawCode
    work_order_number: str
    sequence_no: int
    operation_label: str
    operation_type: str | None = None
    machine: CachedMachine | None = None
    part: CachedPart | None = None
    material: str | None = None
    planned_qty: float = 0
    good_qty: float = 0
    scrap_qty: float = 0
    rework_qty: float = 0
    status: Literal["pending", "in_progress", "blocked", "done", "cancelled"]
    is_paused: bool = False
    planned_time_min: float | None = None
    actual_time_min: float | None = None
    started_at: UtcTime | None = None
    planned_start_at: UtcTime | None = None
    tools: list[CachedTool] = []
    cut_length_mm: float | None = None
    cut_count: int | None = None
    allowed_actions: list[str] = []
    to_inspect: str | None = None
    operators: list[Code] = []


class CachedItem(Document):
    code: Code
    name: str
    unit: str
    codes: list[RawCode] = []


class CachedLocation(Document):
    code: Code
    name: str
    item_code: str | None = None
    codes: list[RawCode] = []


class CachedUser(Document):
    ref: Code
    name: str
    badge_hash: str | None = None
    pin_hash: str | None = None


class ReferenceData(Document):
    """Everything a station needs to work without a line (EDG-22)."""

    kind: Literal["reference"] = "reference"
    version: int | str
    operations: list[CachedOperation] = []
    items: list[CachedItem] = []
    locations: list[CachedLocation] = []
    users: list[CachedUser] = []
    generated_at: UtcTime


class UpdateOffer(Document):
    """What a station shall run (EDG-32, EDG-37), signed by the coordinator; the package comes over HTTPS.

    ``action`` "rollback" goes back to a version the station kept. ``publisher_key`` is the key the package itself must be
    signed with. ``health_s``: seconds the station has to prove itself before it returns alone (EDG-35).
    """

    offer_id: UUID
    action: Literal["install", "rollback"] = "install"
    kind: Literal["software", "model"]
    name: PackageName
    version: Version
    sha256: Sha256
    size_bytes: Count
    publisher_key: str
    health_s: Annotated[float, Field(gt=0)] = 300.0
    not_before: UtcTime | None = None
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """The bytes which are signed: every field but the signature."""
        return signing.canonical_json(self.model_dump(mode="json", exclude={"signature"}))

    def verify(self, public_key_base64: str) -> None:
        """Raises ``ProtocolError`` unless the coordinator signed this very offer."""
        signing.verify(public_key_base64, self.signature, self.signed_bytes())


class ClaimRequest(Document):
    csr_pem: Annotated[str, StringConstraints(max_length=8192)]
    hardware_model: str
    hardware_serial: str


class ClaimCreated(Document):
    claim_id: str
    claim_code: Annotated[str, StringConstraints(min_length=8, max_length=8)]
    claim_secret: str
    expires_at: UtcTime


class BrokerAddress(Document):
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]


class ClaimStatus(Document):
    """Answer to a polling station; the fields after ``status`` are filled once it is approved."""

    status: Literal["pending", "approved", "refused", "expired"]
    station_id: StationId | None = None
    site: StationId | None = None
    certificate_pem: str | None = None
    ca_pem: str | None = None
    broker: BrokerAddress | None = None
    api_url: str | None = None
    config_public_key: str | None = None


D = TypeVar("D", bound=Document)


def encode_document(document: Document, *, compress: bool = False) -> bytes:
    """JSON bytes of a control document; zlib when asked and when it helps."""
    raw = to_json(document.model_dump(mode="json"))
    packed = zlib.compress(raw, 6) if compress else raw
    return packed if len(packed) < len(raw) else raw


def decode_document(model: type[D], data: bytes) -> D:
    """Control document of received bytes. Raises ``ProtocolError``."""
    try:
        return model.model_validate(decode_json(data))
    except ValidationError as error:
        raise ProtocolError("document.invalid", describe(error)) from None
