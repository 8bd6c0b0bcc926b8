"""Understands what OpenAPI says of POST /v1/events: three modes, and the four ways in which it ends."""

from __future__ import annotations

from typing import Any

from credithub.http.cloudevents import BATCH, STRUCTURED
from credithub.http.openapi import EVENT as EVENT_SCHEMA
from credithub.http.openapi import EVENT_DATA

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "2026-000017",
    "source": "//mnr-130822/licences",
    "type": "credithub.licence.granted.v1",
    "time": "2026-11-22T08:00:00+08:00",
    "data": {
        "subject": {"name": "兴隆县示例建材有限公司（演示）", "unified_code": "91130822PDY9010105"},
        "document": {
            "number": "兴自然资许〔2026〕17号",
            "issuer": "兴隆县自然资源和规划局",
            "decided_on": "2026-11-20",
        },
        "licence": {"category": "普通", "content": "采矿许可", "valid_from": "2026-11-20", "valid_to": None},
    },
}
RECEIVED: dict[str, Any] = {
    "submission": "sub_01997f0e4ad87c5a9d3e0c6b8a1f2d47_0f3c9a1b2d",
    "received": 1,
    "refused": 0,
    "unknown": 0,
    "entries": [{"index": 0, "id": "2026-000017", "state": "received"}],
    "receipt": {"receipt": "1", "submission": "sub_…", "root": "9b1c…", "key_id": "1f0c…", "signature": "…"},
}
MIXED = RECEIVED | {
    "refused": 1,
    "entries": [
        {"index": 0, "id": "2026-000017", "state": "received"},
        {"index": 1, "id": "2026-000018", "state": "refused", "reasons": [{"code": "source-not-granted"}]},
    ],
}


def _json(example: object, media_type: str = "application/json") -> dict[str, Any]:
    return {media_type: {"example": example}}


POST: dict[str, Any] = {
    "summary": "报送事件：一条或至多 1000 条 · Post events: one, or up to 1 000",
    "description": (
        "CloudEvents 1.0 的三种 HTTP 方式：结构化、二进制（ce- 头）、批量。只有代理确认写入后才答 202，并附对摘要清单的"
        "签名回执。`Prefer: wait=N`（N ≤ 30）等到处理结果或 N 秒。unknown 的条目可能已收到：请以同一 id 重发。"
        " CloudEvents 1.0 in its three HTTP modes: structured, binary (ce- headers), batch. 202 comes only after the"
        " broker's acknowledgement, with a signed receipt over the digests. `Prefer: wait=N` (N ≤ 30) holds the answer"
        " until the outcomes are known, or N seconds. An `unknown` entry may have been received: send it again under"
        " the same id."
    ),
    "openapi_extra": {
        "parameters": [
            {
                "name": "Prefer",
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "example": "wait=10",
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: {"schema": EVENT_SCHEMA, "example": EVENT},
                BATCH: {"schema": {"type": "array", "items": EVENT_SCHEMA, "maxItems": 1000}, "example": [EVENT]},
                "application/json": {"schema": EVENT_DATA, "example": EVENT["data"]},
            },
        },
    },
    "responses": {
        202: {"description": "全部收到 · All received", "content": _json(RECEIVED)},
        207: {"description": "部分收到 · Some received", "content": _json(MIXED)},
        422: {"description": "全部拒收 · None received",
              "content": _json({"code": "entries-refused"}, "application/problem+json")},
        503: {"description": "Kafka 不可用；条目 unknown · Kafka is away; entries are unknown",
              "content": _json({"code": "kafka-away"} | RECEIVED | {"received": 0, "unknown": 1}, "application/problem+json")},
    },
}  # fmt: skip
