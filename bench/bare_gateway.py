"""Understands the gateway's floor: FastAPI and aiokafka, one JSON decode, acks=all, and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import orjson
import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request, Response

from bench.parts import BARE
from credithub.kafka.connection import aiokafka_options
from credithub.settings import Settings


def main() -> None:
    settings = Settings.from_env()
    producer = AIOKafkaProducer

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncGenerator[None]:
        app.state.producer = producer(**aiokafka_options(settings), acks="all")
        await app.state.producer.start()
        yield
        await app.state.producer.stop()

    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/")
    async def take(request: Request) -> Response:
        body = await request.body()
        event = orjson.loads(body)
        await request.app.state.producer.send_and_wait(BARE.name, body, key=event["id"].encode())
        return Response(b'{"state":"received"}', 202, media_type="application/json")

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="error",
                access_log=False)  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("CREDITHUB_LOG_LEVEL", "error")
    main()
