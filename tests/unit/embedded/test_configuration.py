"""Understands what the broker and the database are told: passwords asked for everywhere, TLS outside this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from credithub.embedded.accounts import all_rights, least_rights
from credithub.embedded.kafka_config import KafkaOptions, Ports, log4j, server_properties
from credithub.embedded.options import PORTS, Options
from credithub.embedded.passwords import EVERYONE, KAFKA_USERS, passwords
from credithub.embedded.postgres import HBA, configuration
from credithub.embedded.roles import verifier
from credithub.errors import ConfigurationError
from credithub.topics import HUB_TOPICS

ANY = Ports(internal=1001, agency=1002, controller=1003)


def properties(folder: Path, options: KafkaOptions | None = None) -> dict[str, str]:
    secrets = dict.fromkeys(EVERYONE, "secret")
    text = server_properties(folder, ANY, options or KafkaOptions(), secrets)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_every_listener_asks_for_a_password(tmp_path: Path) -> None:
    told = properties(tmp_path)
    ways = dict(pair.split(":") for pair in told["listener.security.protocol.map"].split(","))
    assert ways == {"INTERNAL": "SASL_PLAINTEXT", "AGENCY": "SASL_PLAINTEXT", "CONTROLLER": "SASL_PLAINTEXT"}
    assert told["listener.name.agency.sasl.enabled.mechanisms"] == "SCRAM-SHA-512"


def test_nothing_is_allowed_that_was_not_granted(tmp_path: Path) -> None:
    told = properties(tmp_path)
    assert told["authorizer.class.name"].endswith("StandardAuthorizer")
    assert told["allow.everyone.if.no.acl.found"] == "false"
    assert told["super.users"] == "User:credithub-admin"
    assert told["auto.create.topics.enable"] == "false"


def test_only_agencies_must_prove_themselves_again_within_the_minute(tmp_path: Path) -> None:
    told = {name: value for name, value in properties(tmp_path).items() if "reauth" in name}
    assert told == {"listener.name.agency.connections.max.reauth.ms": "50000"}


def test_outside_loopback_a_certificate_is_demanded(tmp_path: Path) -> None:
    for options in (KafkaOptions(agency_host="0.0.0.0"), KafkaOptions(agency_advertised="hub.example")):
        with pytest.raises(ConfigurationError, match="CREDITHUB_TLS_CERT"):
            properties(tmp_path, options)


def test_with_a_certificate_agencies_come_by_tls_to_the_advertised_name(tmp_path: Path) -> None:
    options = KafkaOptions(agency_host="0.0.0.0", agency_advertised="hub.example", certificate="c", key="k")
    told = properties(tmp_path, options)
    assert "AGENCY://hub.example:1002" in told["advertised.listeners"]
    assert "INTERNAL://127.0.0.1:1001" in told["listeners"]
    assert "AGENCY:SASL_SSL" in told["listener.security.protocol.map"]


def test_server_logs_turn_over(tmp_path: Path) -> None:
    assert "SizeBasedTriggeringPolicy" in log4j(tmp_path)


def test_the_database_listens_on_this_machine_alone_and_only_with_scram() -> None:
    text = configuration(5433)
    assert "listen_addresses = '127.0.0.1'" in text
    assert "unix_socket_directories = ''" in text
    rules = [line.split() for line in HBA.splitlines() if line and not line.startswith("#")]
    assert rules == [["host", "all", "all", "127.0.0.1/32", "scram-sha-256"]]


def test_a_role_password_is_stored_as_postgresql_would_store_it() -> None:
    # RFC 7677's example has these very salt and iterations
    stored = verifier("pencil", b"W\x9aE\xae\x1b\xd9\xab\xe4\x8d\xa4\xd7\xc6\xf8\x9e\x1c\x10")
    assert stored.startswith("SCRAM-SHA-256$4096:")
    assert "pencil" not in stored


def test_services_may_do_what_the_table_says_and_no_more() -> None:
    rights = least_rights()
    assert {right.user for right in rights} == set(KAFKA_USERS)
    assert {right.operation for right in rights} == {"READ", "WRITE", "DESCRIBE"}
    named = {right.name for right in rights if right.kind == "topic" and not right.prefixed}
    assert named == set(HUB_TOPICS)
    readers = {right.user for right in rights if right.name == "credit.submissions" and right.operation == "READ"}
    assert readers == {"credithub-ingest"}


def test_every_hub_topic_has_one_who_writes_and_one_who_reads() -> None:
    rights = [right for right in least_rights() if right.kind == "topic"]
    for operation in ("READ", "WRITE"):
        assert {right.name for right in rights if right.operation == operation} >= set(HUB_TOPICS)


def test_the_wide_rights_stay_below_our_own_names() -> None:
    assert all(right.prefixed and right.name.startswith(("credit.", "credithub-")) for right in all_rights())


def test_passwords_are_made_once_and_are_their_owner_s_alone(tmp_path: Path) -> None:
    first = passwords(tmp_path / "secrets")
    assert len(set(first.values())) == len(EVERYONE)
    assert passwords(tmp_path / "secrets") == first
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets" / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_options_that_open_the_hub_to_others_are_judged_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CREDITHUB_TLS_CERT"):
        Options(http_host="0.0.0.0").check()
    with pytest.raises(ConfigurationError, match="absent"):
        Options(tls_cert=str(tmp_path / "absent.crt"), tls_key=str(tmp_path / "absent.key")).check()
    Options().check()


def test_options_come_from_the_environment_with_ports_by_name() -> None:
    options = Options.from_env({"CREDITHUB_HTTP_PORT": "9000", "CREDITHUB_KAFKA_HEAP": "256m"})
    assert options.ports == {**PORTS, "http": 9000}
    assert options.kafka.heap == "256m"
    assert options.url(9000) == "http://127.0.0.1:9000"
    with pytest.raises(ConfigurationError, match="CREDITHUB_POSTGRES_PORT"):
        Options.from_env({"CREDITHUB_POSTGRES_PORT": "many"})
