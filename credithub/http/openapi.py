"""Understands what OpenAPI says of events: the schemas of every kind, bare and in their CloudEvents envelope."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from credithub.domain.events import JsonObject, type_of
from credithub.schemas import document, kinds, schema

EVENT: JsonObject = {"$ref": "#/components/schemas/Event"}  # one structured event, of any kind
EVENT_DATA: JsonObject = {"$ref": "#/components/schemas/EventData"}  # the body of binary mode
_PLACE = "#/components/schemas/"


@cache
def event_schemas(root: Path | None = None) -> JsonObject:
    """For `components.schemas`: each kind's data by its name, its envelope, and `Event`, which is any of these."""
    shown = [kind for kind in kinds(root) if kind != "obligation.feedback"]  # feedback has an address of its own
    envelopes = {f"Event.{kind}": _envelope(kind, root) for kind in shown}
    return {
        **{kind: _plain(schema(kind, root)) for kind in kinds(root)},
        **envelopes,
        "Event": {
            "oneOf": [{"$ref": _PLACE + name} for name in envelopes],
            "discriminator": {
                "propertyName": "type",
                "mapping": {type_of(kind): f"{_PLACE}Event.{kind}" for kind in shown},
            },
        },
        "EventData": {"anyOf": [{"$ref": _PLACE + kind} for kind in shown]},
    }


def _envelope(kind: str, root: Path | None) -> JsonObject:
    envelope = _plain(document("envelope/v1.json", root))
    own = {"type": {**envelope["properties"]["type"], "enum": [type_of(kind)]}, "data": {"$ref": _PLACE + kind}}
    return envelope | {"properties": envelope["properties"] | own}


def _plain(whole: JsonObject) -> JsonObject:
    return {name: part for name, part in whole.items() if name != "$schema"}
