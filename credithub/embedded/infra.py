"""Understands Kafka and PostgreSQL together below one folder, for the stack and for tests that break them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from credithub.embedded import accounts, jars, roles
from credithub.embedded.kafka import Kafka
from credithub.embedded.kafka_config import KafkaOptions, Ports
from credithub.embedded.passwords import KAFKA_ADMIN, KAFKA_USERS, POSTGRES_ADMIN, ROLES, passwords, private
from credithub.embedded.ports import LOOPBACK, choose
from credithub.embedded.postgres import Postgres
from credithub.embedded.state import keep_ports, last_ports
from credithub.settings import Settings

STATE = "infra.json"
PARTS = ("kafka", "kafka_agency", "kafka_controller", "postgres")


@dataclass(slots=True)
class Infra:
    """`up` leaves both running; `attach` finds them again from another process."""

    data: Path
    options: KafkaOptions = field(default_factory=KafkaOptions)
    wide_rights: bool = False  # development: services may do anything below credit.
    passwords: Mapping[str, str] = field(init=False)
    kafka: Kafka = field(init=False)
    postgres: Postgres = field(init=False)

    def __post_init__(self) -> None:
        self.data = self.data.absolute()
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs = self.data / "logs"
        self.passwords = passwords(self.data / "secrets")
        self.kafka = Kafka(self.data / "kafka", logs, self.passwords, self.options)
        self.postgres = Postgres(self.data / "postgres", logs, self.passwords)

    def up(self, progress: jars.Progress | None = None) -> None:
        """Starts both at the same time and gives their users what they need."""
        self.kafka.prepare(progress)
        last, ports = last_ports(self.data), dict[str, int]()
        for name in PARTS:
            ports[name] = choose(last.get(name, 0), avoid=ports.values()).port
        keep_ports(self.data, {**last, **ports})
        with ThreadPoolExecutor(2) as pool:
            jobs = (pool.submit(self.start_postgres, ports["postgres"]), pool.submit(self.start_kafka, ports))
            for started in jobs:
                started.result()
        private(self.data / STATE, json.dumps(self.state(), indent=1))

    def down(self) -> None:
        """Kafka first: what it has taken is safe, what feeds it is gone."""
        self.kafka.stop()
        self.postgres.stop()
        (self.data / STATE).unlink(missing_ok=True)

    def attach(self) -> bool:
        """True when the processes of an earlier `up` are both alive; they are then ours to stop."""
        file = self.data / STATE
        if not file.exists():
            return False
        state = json.loads(file.read_text(encoding="utf-8"))
        self.kafka.ports = Ports(**state["kafka_ports"])
        self.postgres.port = state["postgres_port"]
        there = self.kafka.attach(), self.postgres.attach()
        return all(there)

    def admin_settings(self, kafka_port: int = 0) -> Settings:
        """Settings of one who may make topics, users and schemas: for set-up and for tests."""
        return Settings(
            kafka_bootstrap=f"{LOOPBACK}:{kafka_port}" if kafka_port else self.kafka.bootstrap,
            kafka_user=KAFKA_ADMIN,
            kafka_password=self.passwords[KAFKA_ADMIN],
            kafka_admin_user=KAFKA_ADMIN,
            kafka_admin_password=self.passwords[KAFKA_ADMIN],
            kafka_agency_bootstrap=self.kafka.agency_bootstrap,
            database_url=self.postgres.url("credithub_owner"),
            secrets_dir=str(self.data / "secrets"),
        )

    def state(self) -> dict[str, object]:
        """What others need to reach both; it holds passwords."""
        ports = self.kafka.ports
        return {
            "kafka": self.kafka.bootstrap,
            "kafka_agency": self.kafka.agency_bootstrap,
            "kafka_security": "SASL_PLAINTEXT",
            "kafka_mechanism": "SCRAM-SHA-512",
            "kafka_admin_user": KAFKA_ADMIN,
            "kafka_admin_password": self.passwords[KAFKA_ADMIN],
            "kafka_users": {user: self.passwords[user] for user in KAFKA_USERS},
            "postgres_admin_url": self.postgres.admin_url,
            "postgres_admin_user": POSTGRES_ADMIN,
            "roles": {role: self.postgres.url(role) for role in ROLES},
            "role_passwords": {role: self.passwords[role] for role in ROLES},
            "kafka_ports": {"internal": ports.internal, "agency": ports.agency, "controller": ports.controller},
            "postgres_port": self.postgres.port,
        }

    def start_kafka(self, port: Mapping[str, int]) -> None:
        """On the ports `kafka`, `kafka_agency`, `kafka_controller`; returns when users and rights are set."""
        self.kafka.start(
            Ports(internal=port["kafka"], agency=port["kafka_agency"], controller=port["kafka_controller"])
        )
        self.kafka.wait()
        rights = accounts.all_rights() if self.wide_rights else accounts.least_rights()
        asyncio.run(accounts.set_up(self.admin_settings(), self.passwords, rights))

    def start_postgres(self, port: int) -> None:
        """Returns when the database and its roles are there."""
        self.postgres.start(port)
        self.postgres.wait()
        roles.create_roles(self.postgres.admin_url, self.passwords)
