"""Understands the configuration files of the embedded broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from credithub.embedded.passwords import CONTROLLER, KAFKA_ADMIN
from credithub.embedded.ports import LOOPBACK
from credithub.errors import ConfigurationError

HEAP = "384m"
REAUTH = 50_000  # ms; a revoked agency's open connection ends within the minute
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the broker listens: for our services, for agencies, for itself."""

    internal: int
    agency: int
    controller: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOptions:
    """What an installation may choose. Agencies on other hosts need an address and a certificate."""

    heap: str = HEAP
    agency_host: str = LOOPBACK
    agency_advertised: str = ""  # host agencies are told; empty: the one listened on
    certificate: str = ""  # PEM, the whole chain
    key: str = ""  # PEM

    @property
    def tls(self) -> bool:
        return bool(self.certificate and self.key)

    def check(self) -> None:
        """Outside loopback only TLS."""
        outside = {self.agency_host, self.agency_advertised} - {LOOPBACK, "localhost", ""}
        if outside and not self.tls:
            raise ConfigurationError(
                f"Kafka 对外监听 {min(outside)} 须有证书 / listening outside loopback needs a certificate: "
                "CREDITHUB_TLS_CERT, CREDITHUB_TLS_KEY"
            )


def server_properties(folder: Path, ports: Ports, options: KafkaOptions, passwords: Mapping[str, str]) -> str:
    """The whole server.properties. It holds passwords: write it with mode 0600."""
    options.check()
    parts = (_node(folder), _listeners(ports, options), _security(passwords), _agency(folder, options), _small())
    return "".join(f"{key}={value}\n" for part in parts for key, value in part.items())


def _node(folder: Path) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "log.dirs": str(folder / "data"),
        "metadata.log.dir": str(folder / "data"),
    }


def _listeners(ports: Ports, options: KafkaOptions) -> dict[str, str]:
    agency = options.agency_advertised or options.agency_host
    scheme = "SASL_SSL" if options.tls else "SASL_PLAINTEXT"
    return {
        "controller.quorum.voters": f"1@{LOOPBACK}:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"INTERNAL://{LOOPBACK}:{ports.internal},AGENCY://{options.agency_host}:{ports.agency},"
        f"CONTROLLER://{LOOPBACK}:{ports.controller}",
        "advertised.listeners": f"INTERNAL://{LOOPBACK}:{ports.internal},AGENCY://{agency}:{ports.agency}",
        "listener.security.protocol.map": f"INTERNAL:SASL_PLAINTEXT,AGENCY:{scheme},CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
    }


def _security(passwords: Mapping[str, str]) -> dict[str, str]:
    admin = f'username="{KAFKA_ADMIN}" password="{passwords[KAFKA_ADMIN]}"'
    own = f'username="{KAFKA_ADMIN}" password="{passwords[CONTROLLER]}" user_{KAFKA_ADMIN}="{passwords[CONTROLLER]}"'
    return {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.internal.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.internal.scram-sha-512.sasl.jaas.config": f"{SCRAM} {admin};",
        "listener.name.agency.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.agency.scram-sha-512.sasl.jaas.config": f"{SCRAM};",
        "listener.name.agency.connections.max.reauth.ms": str(REAUTH),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": f"{PLAIN} {own};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{KAFKA_ADMIN}",
        "auto.create.topics.enable": "false",
    }


def _agency(folder: Path, options: KafkaOptions) -> dict[str, str]:
    if not options.tls:
        return {}
    return {
        "listener.name.agency.ssl.keystore.type": "PEM",
        "listener.name.agency.ssl.keystore.location": str(folder / "agency.pem"),
        "listener.name.agency.ssl.enabled.protocols": "TLSv1.3,TLSv1.2",
    }


def _small() -> dict[str, str]:
    """One broker on one machine: single copies, few internal partitions, quick return after a kill."""
    return {
        "num.partitions": "4",
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "3000",
        "num.recovery.threads.per.data.dir": "2",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "log.retention.check.interval.ms": "300000",
        "controlled.shutdown.enable": "true",
    }


def log4j(folder: Path) -> str:
    """Server logs turn over at 10 MiB, five of them."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <RollingFile name="file" fileName="{folder}/kafka.log" filePattern="{folder}/kafka-%i.log"
                 filePermissions="rw-------">
      <PatternLayout pattern="%d{{yyyy-MM-dd HH:mm:ss,SSS}} %p %c{{1}} %m%n"/>
      <Policies><SizeBasedTriggeringPolicy size="10 MB"/></Policies>
      <DefaultRolloverStrategy max="5"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="file"/></Root>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Logger name="org.apache.kafka.common.utils.AppInfoParser" level="INFO"/>
  </Loggers>
</Configuration>
"""
