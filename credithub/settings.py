"""Understands how a process is told where it runs: the only door to the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from credithub.errors import ConfigurationError

PREFIX = "CREDITHUB_"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, with its default. The name in the environment is CREDITHUB_ and the name in capitals."""

    database_url: str = "postgresql+asyncpg://127.0.0.1:5432/credithub"
    database_pool: int = 8  # connections a process may hold
    database_ca: str = ""  # path of the certificate authority; outside loopback it is asked for
    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security: Literal["PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL"] = "SASL_PLAINTEXT"
    kafka_user: str = ""
    kafka_password: str = ""
    kafka_ca: str = ""
    kafka_admin_user: str = ""  # only the notifier's reconciler has one
    kafka_admin_password: str = ""
    kafka_agency_bootstrap: str = ""  # the address agencies are told; empty: the same as ours
    kafka_replication: int = 1
    partitions: int = 4  # of each hub topic; never changed once the topic exists
    secrets_dir: str = ".credithub/secrets"
    schemas_dir: str = ""  # empty: the schemas shipped with the program
    spool_dir: str = ""  # empty: the system's folder for temporary files
    http_host: str = "127.0.0.1"
    http_port: int = 8010
    health_port: int = 0  # of the three services that serve no API; 0: none
    health_host: str = "127.0.0.1"  # where it listens; it tells figures, no secrets
    advertised_url: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    mode: Literal["development", "production"] = "development"
    log_level: str = "info"
    limit_json_bytes: int = 10 * 1024 * 1024
    limit_entry_bytes: int = 256 * 1024  # one event or row; below the topics' max.message.bytes
    limit_file_bytes: int = 100 * 1024 * 1024
    limit_depth: int = 32
    limit_rows: int = 200_000
    limit_entries: int = 1_000
    rate_per_second: int = 2_000  # requests of one key
    batch_records: int = 1_000  # records a consumer takes at once
    poll_ms: int = 50  # how long a loop rests when it finds nothing to do
    instance: str = ""  # name of this process among its like: restarted under it, it reads on at once after a kill
    silence_seconds: int = 60  # a consumer that hears nothing from the broker for so long exits
    services: str = ""  # where /ops finds the others' health: name=http://host:port,…

    @staticmethod
    def from_env(env: Mapping[str, str] | None = None) -> Settings:
        """Reads the environment once. An unreadable value is a ConfigurationError that names it."""
        env = os.environ if env is None else env
        values: dict[str, object] = {}
        for field in fields(Settings):
            raw = env.get(PREFIX + field.name.upper())
            if raw is None:
                continue
            values[field.name] = _read(field.name, raw, isinstance(field.default, int))
        settings = Settings(**values)  # pyright: ignore[reportArgumentType]
        settings.check()
        return settings

    def check(self) -> None:
        """Outside loopback only TLS; in production nothing in the clear at all."""
        if self.http_host not in LOOPBACK and not (self.tls_cert and self.tls_key):
            raise ConfigurationError(
                f"{PREFIX}HTTP_HOST={self.http_host} 不是本机回环地址，须设置 {PREFIX}TLS_CERT 与 {PREFIX}TLS_KEY"
                f" / is not loopback: set {PREFIX}TLS_CERT and {PREFIX}TLS_KEY"
            )
        if self.kafka_security != "SASL_SSL" and not (self._local_kafka() and self.mode == "development"):
            raise ConfigurationError(
                f"{PREFIX}KAFKA_SECURITY={self.kafka_security}: 生产模式或非回环地址只许 SASL_SSL"
                " / production or a broker outside loopback needs SASL_SSL"
            )

    def _local_kafka(self) -> bool:
        return all(address.rsplit(":", 1)[0] in LOOPBACK for address in self.kafka_bootstrap.split(","))

    @property
    def schemas(self) -> Path | None:
        return Path(self.schemas_dir) if self.schemas_dir else None


def _read(name: str, raw: str, number: bool) -> object:
    if not number:
        return raw
    try:
        return int(raw)
    except ValueError:
        raise ConfigurationError(f"{PREFIX}{name.upper()}={raw!r}: 须为整数 / must be a whole number") from None
