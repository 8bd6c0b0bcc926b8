"""Understands what an installation on one machine may choose: addresses, ports, certificates, memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from credithub.embedded.kafka_config import HEAP, KafkaOptions
from credithub.embedded.ports import LOOPBACK
from credithub.errors import ConfigurationError
from credithub.settings import LOOPBACK as LOCAL

PREFIX = "CREDITHUB_"
PORTS: Mapping[str, int] = {
    "kafka": 19092,
    "kafka_agency": 19093,
    "kafka_controller": 19094,
    "postgres": 54329,
    "http": 8010,
    "ingest": 8011,
    "matcher": 8012,
    "notifier": 8013,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Read from CREDITHUB_… beside the settings of the services; `ports` with 0 takes any free one."""

    http_host: str = LOOPBACK
    advertised_url: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    agency_host: str = LOOPBACK  # CREDITHUB_AGENCY_HOST: where the broker listens for agencies
    agency_advertised: str = ""  # CREDITHUB_AGENCY_ADVERTISED: the host name agencies are told
    kafka_heap: str = HEAP
    ports: Mapping[str, int] = field(default_factory=lambda: dict(PORTS))

    @staticmethod
    def from_env(env: Mapping[str, str] | None = None) -> Options:
        """An unreadable port is a ConfigurationError that names it."""
        env = os.environ if env is None else env
        texts = {name: env[PREFIX + name.upper()] for name in TEXTS if PREFIX + name.upper() in env}
        for name in {"tls_cert", "tls_key"} & {name for name, value in texts.items() if value}:
            texts[name] = str(Path(texts[name]).absolute())  # our processes work in folders of their own
        return Options(**texts, ports={name: _port(env, name, usual) for name, usual in PORTS.items()})

    def check(self) -> None:
        """Before anything starts: outside loopback only TLS, and certificate and key must be there."""
        if self.http_host not in LOCAL and not (self.tls_cert and self.tls_key):
            raise ConfigurationError(
                f"{PREFIX}HTTP_HOST={self.http_host}: 对外监听须有证书 / listening outside loopback needs a certificate: "
                f"{PREFIX}TLS_CERT, {PREFIX}TLS_KEY"
            )
        for path in (self.tls_cert, self.tls_key):
            if path and not os.access(path, os.R_OK):
                raise ConfigurationError(f"读不到 / cannot be read: {path}")
        self.kafka.check()

    @property
    def kafka(self) -> KafkaOptions:
        return KafkaOptions(
            heap=self.kafka_heap,
            agency_host=self.agency_host,
            agency_advertised=self.agency_advertised,
            certificate=self.tls_cert,
            key=self.tls_key,
        )

    def url(self, port: int) -> str:
        """The address people use."""
        scheme = "https" if self.tls_cert else "http"
        host = LOOPBACK if self.http_host in ("0.0.0.0", "::") else self.http_host
        return self.advertised_url or f"{scheme}://{host}:{port}"


TEXTS = ("http_host", "advertised_url", "tls_cert", "tls_key", "agency_host", "agency_advertised", "kafka_heap")


def _port(env: Mapping[str, str], name: str, usual: int) -> int:
    """CREDITHUB_HTTP_PORT, CREDITHUB_POSTGRES_PORT, …"""
    raw = env.get(f"{PREFIX}{name.upper()}_PORT", str(usual))
    if not raw.isdecimal() or int(raw) > 65_535:
        raise ConfigurationError(f"{PREFIX}{name.upper()}_PORT={raw!r}: 须为端口号 / must be a port number")
    return int(raw)
