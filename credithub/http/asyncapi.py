"""Understands the AsyncAPI 3 document: built from the table of topics, the schemas and schemas/asyncapi/texts.json."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson

from credithub.domain.events import JsonObject, type_of
from credithub.schemas import document as schema_at
from credithub.schemas import schemas_dir
from credithub.topics import Topic, agency_topics

STRUCTURED = "application/cloudevents+json"
BINDING = "0.5.0"  # version of AsyncAPI's Kafka binding
ENDS = ("suspended", "lifted", "corrected", "reminder", "triggered", "reissued")  # triggered: of a record in doubt
REST = ("triggered", "corrected", "resumed", "due", "escalated", "feedback-refused", "reissued")
_NOTIFICATION = "messages/notification/v1.json"
_FEEDBACK = "events/obligation.feedback/v1.json"


@cache
def document(version: str, bootstrap: str, security: str = "SASL_SSL", root: Path | None = None) -> JsonObject:
    """The whole document. `bootstrap`: the address that agencies are told; `security` as Settings.kafka_security."""
    texts = _texts(root)
    topics = dict(zip(("agency", "agencyEnds", "agencyFeedback"), agency_topics("{agency}"), strict=True))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "CreditHub 公共信用信息联动中枢",
            "version": version,
            "description": texts["info"],
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": STRUCTURED,
        "servers": {"kafka": _server(bootstrap, security, texts)},
        "channels": {name: _channel(name, topic, texts) for name, topic in topics.items()},
        "operations": {
            "notify": _operation("send", "agency", texts["operations"]["notify"]),
            "end": _operation("send", "agencyEnds", texts["operations"]["end"]),
            "takeFeedback": _operation("receive", "agencyFeedback", texts["operations"]["takeFeedback"]),
        },
        "components": {
            "messages": {**{kind: _message(kind, texts, root) for kind in texts["kinds"]}, **_answers(texts, root)},
            "schemas": {
                "Notification": _plain(schema_at(_NOTIFICATION, root)),
                "Feedback": _plain(schema_at(_FEEDBACK, root)),
            },
            "securitySchemes": {"scram": {"type": "scramSha512", "description": texts["server"]}},
        },
    }


def _texts(root: Path | None) -> JsonObject:
    return orjson.loads((schemas_dir(root) / "asyncapi" / "texts.json").read_bytes())


def _server(bootstrap: str, security: str, texts: JsonObject) -> JsonObject:
    return {
        "host": bootstrap.partition(",")[0],
        "protocol": "kafka-secure" if security.endswith("SSL") else "kafka",
        "description": texts["server"],
        "security": [{"$ref": "#/components/securitySchemes/scram"}],
    }


def _channel(name: str, topic: Topic, texts: JsonObject) -> JsonObject:
    zh, en, description = texts["channels"][name]
    messages = {"agency": REST, "agencyEnds": ENDS, "agencyFeedback": ("feedback", "feedbackEvent")}[name]
    return {
        "address": topic.name,
        "title": f"{zh} / {en}",
        "description": description,
        "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in messages},
        "parameters": {"agency": {"description": texts["agency"], "examples": ["mnr-130822"]}},
        "bindings": {
            "kafka": {
                "partitions": 1,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
                "bindingVersion": BINDING,
            }
        },
    }


def _operation(action: str, channel: str, title: list[str]) -> JsonObject:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "title": " / ".join(title)}


def _message(kind: str, texts: JsonObject, root: Path | None) -> JsonObject:
    """A notification as it travels: a structured CloudEvent around it."""
    payload = _envelope(f"credithub.obligation.{kind}.v1", "Notification")
    payload["properties"]["data"] = {
        "allOf": [
            {"$ref": "#/components/schemas/Notification"},
            {"type": "object", "properties": {"kind": {"const": kind}}},
        ]
    }
    examples = [
        {"name": path.stem, "payload": _enveloped(data)}
        for path in sorted((schemas_dir(root) / _NOTIFICATION).parent.glob("examples/valid/*.json"))
        if (data := orjson.loads(path.read_bytes()))["kind"] == kind
    ]
    return _named(kind, texts["kinds"][kind], payload, texts) | ({"examples": examples} if examples else {})


def _answers(texts: JsonObject, root: Path | None) -> JsonObject:
    """What an agency may write: the answer itself, or a CloudEvent around it."""
    plain = {"$ref": "#/components/schemas/Feedback"}
    examples = [
        {"name": path.stem, "payload": orjson.loads(path.read_bytes())}
        for path in sorted((schemas_dir(root) / _FEEDBACK).parent.glob("examples/valid/*.json"))
    ]
    bare = _named("feedback", ["反馈", "Feedback"], plain, texts, "application/json") | {"examples": examples}
    event = _named(
        "feedbackEvent",
        ["反馈事件", "Feedback as a CloudEvent"],
        _envelope(type_of("obligation.feedback"), "Feedback"),
        texts,
    )
    return {"feedback": bare, "feedbackEvent": event}


def _named(
    name: str, title: list[str], payload: JsonObject, texts: JsonObject, content_type: str = STRUCTURED
) -> JsonObject:
    key = {"type": "string", "description": texts["key"]}
    return {
        "name": name,
        "title": " / ".join(title),
        "contentType": content_type,
        "payload": payload,
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING}},
    }


def _envelope(type_: str, data: str) -> JsonObject:
    text = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text,
            "type": {"const": type_},
            "subject": text,
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": text,
            "data": {"$ref": f"#/components/schemas/{data}"},
        },
    }


def _enveloped(data: JsonObject) -> JsonObject:
    return {
        "specversion": "1.0",
        "id": data["message"],
        "source": "//credithub",
        "type": f"credithub.obligation.{data['kind']}.v1",
        "time": data["issued_at"],
        "datacontenttype": "application/json",
        "data": data,
    }


def _plain(schema: Any) -> Any:
    """A schema as AsyncAPI takes it: without the name of its dialect; what we use is the same in draft 7."""
    return {name: part for name, part in schema.items() if name != "$schema"}
