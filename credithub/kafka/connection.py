"""Understands how to reach Kafka and to know which cluster and which life of a topic it is."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from credithub.errors import Unavailable
from credithub.kafka import sockets
from credithub.settings import Settings

REQUEST_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A cluster's id, and each topic's id and number of partitions."""

    cluster: str
    topic_ids: dict[str, str]
    partitions: dict[str, int]


def aiokafka_options(settings: Settings) -> dict[str, object]:
    """What every aiokafka client of ours is told about the broker."""
    sockets.mend()
    options: dict[str, object] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security,
    }
    if settings.kafka_security != "PLAINTEXT":
        options |= {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.kafka_password,
        }
    if settings.kafka_security == "SASL_SSL":
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ca or None)
    return options


def confluent_options(settings: Settings, *, admin: bool = False) -> dict[str, str]:
    """The same for librdkafka; `admin` uses the administrator's account, which only the reconciler has."""
    options = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "security.protocol": settings.kafka_security,
        "socket.timeout.ms": str(REQUEST_SECONDS * 1000),
        "log_level": "0",
    }
    if settings.kafka_security != "PLAINTEXT":
        options |= {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": settings.kafka_admin_user if admin else settings.kafka_user,
            "sasl.password": settings.kafka_admin_password if admin else settings.kafka_password,
        }
    if settings.kafka_ca:
        options["ssl.ca.location"] = settings.kafka_ca
    return options


async def identify(settings: Settings, topics: list[str]) -> Identity:
    """Asks the cluster who it is. Raises Unavailable when it does not answer or lacks a topic."""
    try:
        return await asyncio.to_thread(_identify, settings, topics)
    except Exception as problem:  # librdkafka raises its own KafkaException for everything
        raise Unavailable(f"Kafka: {problem}") from problem


def _identify(settings: Settings, topics: list[str]) -> Identity:
    admin = AdminClient(confluent_options(settings))
    cluster = admin.list_topics(timeout=REQUEST_SECONDS).cluster_id
    futures = admin.describe_topics(TopicCollection(topics), request_timeout=REQUEST_SECONDS)
    described = {name: future.result() for name, future in futures.items()}
    return Identity(
        cluster=str(cluster),
        topic_ids={name: str(d.topic_id) for name, d in described.items()},
        partitions={name: len(d.partitions) for name, d in described.items()},
    )
