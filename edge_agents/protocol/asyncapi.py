"""AsyncAPI 3 document of the MQTT contract, built from the models.

``python -m edge_agents.protocol.asyncapi`` rewrites the committed ``asyncapi.json`` beside this file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edge_agents.protocol import control
from edge_agents.protocol.envelope import MAX_MESSAGE_BYTES, SCHEMA_VERSION, Envelope
from edge_agents.protocol.payloads import EVENT_PAYLOADS, PAYLOADS, TELEMETRY_PAYLOADS
from edge_agents.protocol.topics import DOWNSTREAM, RETAINED, UPSTREAM, Channel, Topics

DOCUMENT_PATH = Path(__file__).with_name("asyncapi.json")
_REF = "#/components/schemas/{model}"
_CONTROL: dict[Channel, type[BaseModel]] = {
    Channel.HEALTH: control.Health,
    Channel.STATE: control.StationState,
    Channel.CONFIG_REPORTED: control.ReportedConfig,
    Channel.CMD_RESULT: control.CommandResult,
    Channel.CONFIG_DESIRED: control.DesiredConfig,
    Channel.CMD: control.Command,
    Channel.ACK: control.Ack,
    Channel.DATA: control.ReferenceData,
    Channel.UPDATE: control.UpdateOffer,
}


def _name(text: str) -> str:
    return "".join(part.capitalize() for part in text.replace("/", ".").replace("_", ".").split("."))


def _envelope_message(event_type: str, model: type[BaseModel]) -> dict[str, Any]:
    narrowed = {"type": "object", "properties": {"type": {"const": event_type}, "payload": _ref(model)}}
    return {
        "name": event_type,
        "contentType": "application/json",
        "payload": {"allOf": [_ref(Envelope), narrowed]},
    }


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _messages() -> dict[Channel, dict[str, Any]]:
    found: dict[Channel, dict[str, Any]] = {
        Channel.EVENT: {_name(key): _envelope_message(key, model) for key, model in EVENT_PAYLOADS.items()},
        Channel.TELEMETRY: {
            _name(key): _envelope_message(key, model) for key, model in TELEMETRY_PAYLOADS.items()
        },
    }
    for channel, model in _CONTROL.items():
        message = {"name": channel.value, "contentType": "application/json", "payload": _ref(model)}
        found[channel] = {_name(channel.value): message}
    return found


def build() -> dict[str, Any]:
    """The whole document; the same models always give the same text."""
    known: set[type[BaseModel]] = {Envelope, *PAYLOADS.values(), *_CONTROL.values()}
    models = sorted(known, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    messages = _messages()
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    template = Topics("SITE", "STATION")
    for channel in (*UPSTREAM, *DOWNSTREAM):
        key = _name(channel.value)
        address = template.of(channel).replace("SITE", "{site}").replace("STATION", "{station_id}")
        channels[key] = {
            "address": address,
            "parameters": {"site": {}, "station_id": {}},
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages[channel]},
        }
        operations[f"on{key}"] = {
            "action": "receive" if channel in UPSTREAM else "send",
            "channel": {"$ref": f"#/channels/{key}"},
            "bindings": {"mqtt": {"qos": 1, "retain": channel in RETAINED}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "gestion-usinage, stations and coordinator",
            "version": str(SCHEMA_VERSION),
            "description": (
                "Seen from the coordinator. Events and telemetry travel in an envelope with a gapless seq "
                f"per stream; telemetry may be zlib-compressed; at most {MAX_MESSAGE_BYTES} bytes a message."
            ),
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {name: body for group in messages.values() for name, body in group.items()},
            "schemas": schemas["$defs"],
        },
    }


def render() -> str:
    """Text of the committed file."""
    return json.dumps(build(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT_PATH.write_text(render(), encoding="utf-8")
