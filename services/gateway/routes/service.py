"""Understands what the gateway says of itself: alive, ready, metrics, its documents, the key that signs receipts."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from credithub import metrics
from credithub.domain.receipts import key_id_of
from credithub.http import asyncapi
from credithub.http.problem import PROBLEMS, Problem
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.openapi import document
from services.gateway.parts import Parts

READY: dict[str, Any] = {"service": "gateway", "ready": True, "away": []}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["service 服务"])
    _documents(router, parts)

    @router.get(
        "/healthz", summary="存活 · Alive", responses=documented_answer("存活", {"service": "gateway", "alive": True})
    )
    async def healthz() -> Response:
        return answer({"service": "gateway", "alive": True})

    @router.get(
        "/readyz",
        summary="可用：Kafka 与 PostgreSQL · Ready: Kafka and PostgreSQL",
        responses=documented_answer("可用 · Ready", READY),
    )
    async def readyz() -> Response:
        state = parts.health.as_json()
        told = {
            name: state[name] for name in ("service", "ready", "away")
        }  # the error itself is for /ops: it has addresses
        return answer(told, 200 if state["ready"] else 503)

    @router.get("/metrics", summary="Prometheus 指标 · Metrics", include_in_schema=False)
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")

    @router.get("/asyncapi.json", include_in_schema=False)
    async def asyncapi_json(request: Request) -> Response:
        settings = parts.settings
        bootstrap = settings.kafka_agency_bootstrap or settings.kafka_bootstrap
        return answer(asyncapi.document(request.app.version, bootstrap, settings.kafka_security, settings.schemas))

    @router.get(
        "/v1/receipt-key",
        summary="验回执的公钥 · The public key that verifies receipts",
        responses=documented_answer("公钥", {"algorithm": "Ed25519", "key_id": "1f0c…", "public_key": "…"}),
    )
    async def receipt_key() -> Response:
        key = parts.vault.public_key()
        told = {"algorithm": "Ed25519", "key_id": key_id_of(key), "public_key": base64.b64encode(key).decode()}
        return answer(told | {"public_key_hex": key.hex()})

    @router.get(
        "/problems/{code}",
        summary="错误代码的含义 · What a problem's code means",
        responses=documented_answer("含义 · The meaning", asdict(PROBLEMS["kafka-away"])),
    )
    async def problem(code: Annotated[str, Path(max_length=64)]) -> Response:
        if code not in PROBLEMS:
            raise Problem("not-found")
        return answer(asdict(PROBLEMS[code]))

    return router


def _documents(router: APIRouter, parts: Parts) -> None:
    @router.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return answer(document(request.app, parts.settings.advertised_url))

    @router.get("/asyncapi.json", include_in_schema=False)
    async def asyncapi_json(request: Request) -> Response:
        settings = parts.settings
        bootstrap = settings.kafka_agency_bootstrap or settings.kafka_bootstrap
        return answer(asyncapi.document(request.app.version, bootstrap, settings.kafka_security, settings.schemas))
