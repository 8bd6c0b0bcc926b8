"""Understands that Kafka and PostgreSQL on one machine start, refuse strangers, survive kills and stop."""

from __future__ import annotations

import asyncio
import datetime
import os
import ssl
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from credithub.embedded.infra import Infra
from credithub.embedded.kafka_config import KafkaOptions
from credithub.kafka.admin import KafkaAdmin, User, ensure_hub_topics
from credithub.kafka.connection import aiokafka_options
from credithub.kafka.ending import end
from tests.harness.eventually import eventually

KEYS = ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate for localhost that signs itself."""

    certificate: Path
    key: Path

    @staticmethod
    def make(folder: Path) -> Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        start = datetime.datetime.now(datetime.UTC)
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(KEYS.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(KEYS, hashes.SHA256())
        )
        made = Certificate(folder / "hub.crt", folder / "hub.key")
        made.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
        # the old form of a key, as openssl ecparam writes it; Kafka reads only PKCS#8
        made.key.write_bytes(KEYS.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        return made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def own(certificate: Certificate) -> Generator[Infra]:
    """Infrastructure of this file alone, for we kill it; in a folder that is shut to every other account."""
    with tempfile.TemporaryDirectory() as shut:
        options = KafkaOptions(
            agency_advertised="localhost", certificate=str(certificate.certificate), key=str(certificate.key)
        )
        infra = Infra(Path(shut) / "hub", options=options)
        infra.up()
        asyncio.run(ensure_hub_topics(infra.admin_settings()))
        yield infra
        infra.down()


async def send(infra: Infra, user: str, topic: str, password: str = "", tls: Path | None = None) -> int:
    """Sends one record as this user and returns its offset."""
    producer = AIOKafkaProducer(
        bootstrap_servers=infra.kafka.agency_bootstrap if tls else infra.kafka.bootstrap,
        security_protocol="SASL_SSL" if tls else "SASL_PLAINTEXT",
        ssl_context=ssl.create_default_context(cafile=tls) if tls else None,
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=user,
        sasl_plain_password=password or infra.passwords[user],
        acks="all",
        enable_idempotence=True,
    )
    try:
        await producer.start()
        return (await producer.send_and_wait(topic, b"value", key=b"key")).offset
    finally:
        await producer.stop()


async def ask(infra: Infra, role: str, sql: str, password: str = "") -> object:
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=infra.postgres.port,
        user=role,
        password=password or infra.passwords[role],
        database="credithub",
    )
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_service_writes_its_own_topic_and_no_other(own: Infra) -> None:
    assert await send(own, "credithub-gateway", "credit.submissions") >= 0
    with pytest.raises(TopicAuthorizationFailedError):
        await send(own, "credithub-gateway", "credit.events")


async def test_a_wrong_password_is_refused_by_both(own: Infra) -> None:
    with pytest.raises(KafkaConnectionError):
        await send(own, "credithub-gateway", "credit.submissions", password="guessed")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(own, "credithub_gateway", "SELECT 1", password="guessed")


async def test_agencies_reach_the_broker_by_tls_and_only_so(own: Infra, certificate: Certificate) -> None:
    assert await send(own, "credithub-gateway", "credit.submissions", tls=certificate.certificate) >= 0
    own_authorities = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("localhost", own.kafka.ports.agency, ssl=own_authorities)


async def test_no_role_may_make_a_schema_or_is_a_superuser(own: Infra) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(own, "credithub_gateway", "CREATE SCHEMA stolen")
    above = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'credithub\\__%' AND rolcanlogin AND rolsuper"
    assert await ask(own, "credithub_matcher", above) == 1  # credithub_admin, whom no service knows


async def test_the_dashboard_can_only_read(own: Infra) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await ask(own, "credithub_dashboard", "CREATE TEMP TABLE t (a int)")


async def test_pages_have_checksums_and_nothing_lies_outside_the_folder(own: Infra) -> None:
    assert await ask(own, "credithub_owner", "SHOW data_checksums") == "on"
    assert await ask(own, "credithub_owner", "SHOW dynamic_shared_memory_type") == "mmap"
    assert not [name for name in os.listdir(tempfile.gettempdir()) if str(own.postgres.port) in name]  # noqa: PTH208


def test_postgresql_never_runs_as_root_and_no_password_shows_in_the_process_list(own: Infra) -> None:
    server = own.postgres.running.process() if own.postgres.running else None
    broker = own.kafka.running.process() if own.kafka.running else None
    assert server is not None
    assert broker is not None
    assert server.uids().effective != 0
    shown = " ".join(server.cmdline() + broker.cmdline() + list(broker.environ()))
    assert not [secret for secret in own.passwords.values() if secret in shown]


def test_every_secret_on_disk_is_its_owner_s_alone(own: Infra) -> None:
    needles = [secret.encode() for secret in own.passwords.values()]
    open_files = [
        str(path)
        for path in own.data.rglob("*")
        if path.is_file()
        and "data" not in path.relative_to(own.data).parts
        and path.stat().st_mode & 0o077
        and any(needle in path.read_bytes() for needle in needles)
    ]
    assert open_files == []


async def test_what_was_acknowledged_is_there_after_kill_minus_nine(own: Infra) -> None:
    before = await send(own, "credithub-ingest", "credit.events")
    own.kafka.kill()
    own.kafka.restart()
    assert await eventually(lambda: send(own, "credithub-ingest", "credit.events"), within=30) == before + 1


async def test_users_that_were_taken_away_take_nobody_along_at_the_next_start(own: Infra) -> None:
    """Kafka goes through its users by the hash of the name: of those here safe-130200 comes first."""
    admin, gone = KafkaAdmin(own.admin_settings()), ["safe-130100", "safe-130200"]
    await admin.set_users([User(name=name, password=b"secret", iterations=4096) for name in gone])
    await admin.drop_users(gone)
    assert await send(own, "credithub-gateway", "credit.submissions") >= 0
    own.kafka.kill()
    own.kafka.restart()
    assert await send(own, "credithub-gateway", "credit.submissions") >= 0
    assert not await admin.users() & set(gone)


async def test_the_database_comes_back_after_kill_minus_nine_with_what_was_committed(own: Infra) -> None:
    await ask(own, "credithub_owner", "CREATE SCHEMA kept")
    own.postgres.kill()
    own.postgres.restart()
    assert await ask(own, "credithub_owner", "SELECT 1 FROM pg_namespace WHERE nspname = 'kept'") == 1


async def test_both_go_on_after_a_pause(own: Infra) -> None:
    own.kafka.pause()
    own.postgres.pause()
    own.kafka.resume()
    own.postgres.resume()
    assert await ask(own, "credithub_owner", "SELECT 1") == 1
    assert await send(own, "credithub-gateway", "credit.submissions") >= 0


async def test_a_client_ended_while_the_broker_does_not_answer_leaves_nothing_open(own: Infra) -> None:
    producer = AIOKafkaProducer(**aiokafka_options(own.admin_settings()), acks="all")
    await producer.start()
    await producer.send_and_wait("credit.events", b"value")
    own.kafka.pause()
    try:
        unanswered = await producer.send("credit.events", b"value")
        await end(producer, within=0.5)
        with pytest.raises(KafkaError):
            await unanswered
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not [one for one in vars(producer.client)["_conns"].values() if one.connected()]
    finally:
        own.kafka.resume()


def test_another_process_finds_what_runs_and_a_second_start_keeps_the_ports(own: Infra) -> None:
    found = Infra(own.data, options=own.options)
    assert found.attach()
    ports = found.kafka.ports, found.postgres.port
    assert found.kafka.stop()
    assert found.postgres.stop()
    assert not found.attach()
    own.up()
    assert (own.kafka.ports, own.postgres.port) == ports


def test_run_by_root_the_folder_above_stays_shut(own: Infra) -> None:
    """Its mode is none of our business; the server passes it by a capability of its own."""
    assert own.data.parent.stat().st_mode & 0o777 == 0o700
    assert os.geteuid() != 0 or (own.data / "postgres").stat().st_uid != 0
