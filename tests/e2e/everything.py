"""Understands all that a hub keeps anywhere: every table, every record of every topic, every file, every page of figures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
from confluent_kafka import Consumer, TopicPartition

from credithub.embedded.infra import Infra
from credithub.embedded.passwords import KAFKA_ADMIN

BLOCK = 4 * 1024 * 1024
OVERLAP = 4096  # bytes of a file read twice, so that nothing hides between two blocks


def tables(infra: Infra) -> dict[str, list[str]]:
    """Every row of every table, as PostgreSQL writes it as text: `schema.table` → rows."""
    return asyncio.run(_tables(infra.postgres.url("credithub_admin").replace("+asyncpg", "")))


async def _tables(url: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found: dict[str, list[str]] = {}
        for row in names:
            rows = await connection.fetch(f"SELECT t::text AS row FROM ONLY {row['name']} AS t")
            found[row["name"]] = [str(each["row"]) for each in rows]
        return found
    finally:
        await connection.close()


def records(infra: Infra) -> Iterator[tuple[str, bytes]]:
    """Every record of every topic, decoded from its batch: topic, then key, value and headers in one."""
    consumer = Consumer(
        {
            "bootstrap.servers": infra.kafka.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": KAFKA_ADMIN,
            "sasl.password": infra.passwords[KAFKA_ADMIN],
            "group.id": "tests-everything",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        places = [
            TopicPartition(name, partition, 0)
            for name, topic in consumer.list_topics(timeout=20).topics.items()
            for partition in topic.partitions
        ]
        consumer.assign(places)
        ended = 0
        while ended < len(places):
            message = consumer.poll(20)
            assert message is not None, f"{ended} of {len(places)} partitions read"
            if message.error() is not None:
                ended += 1
                continue
            headers: list[tuple[str, Any]] = list(message.headers() or [])
            parts = [
                message.key() or b"",
                message.value() or b"",
                *(name.encode() + (value or b"") for name, value in headers),
            ]
            yield str(message.topic()), b"\n".join(parts)
    finally:
        consumer.close()


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The content of every file below, in blocks that overlap; what is only reserved is passed over."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                tail = b""
                while block := file.read(BLOCK):
                    if block.count(0) < len(block):
                        yield path, tail + block
                    tail = block[-OVERLAP:]
        except FileNotFoundError:  # a log that was turned over meanwhile
            continue
