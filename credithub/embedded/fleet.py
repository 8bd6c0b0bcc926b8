"""Understands the four services as processes of this machine: what each is told, whether each is ready."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from credithub.embedded import processes
from credithub.embedded.infra import Infra
from credithub.embedded.options import PREFIX, Options
from credithub.embedded.passwords import KAFKA_ADMIN, SERVICES
from credithub.embedded.ports import LOOPBACK
from credithub.embedded.processes import Running
from credithub.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
DRAIN = 20.0  # seconds for a service to finish what it holds
BOOTSTRAP = "gateway.bootstrap"  # prints the first operator key


def program(name: str) -> list[str]:
    """The command of a service, or of one of its tools."""
    return [sys.executable, "-m", f"services.{name}"]


@dataclass(slots=True)
class Service:
    """One service: `python -m services.<name>` with its settings in the environment."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    logs: Path
    health: str
    running: Running | None = None

    def start(self) -> None:
        self.running = processes.start(self.command, log=self.log, env=self.env, cwd=self.logs)

    def start_again(self) -> None:
        self.start()

    def alive(self) -> bool:
        return self.running is not None and self.running.alive()

    def ready(self) -> bool:
        return bool(probe(f"{self.health}/readyz").get("ready"))

    @property
    def log(self) -> Path:
        return self.logs / f"{self.name}.log"


@dataclass(slots=True)
class Fleet:
    """All four, their settings drawn from the running infrastructure."""

    infra: Infra
    options: Options
    ports: Mapping[str, int]
    program: Callable[[str], Sequence[str]] = program
    services: dict[str, Service] = field(default_factory=dict[str, Service])

    def __post_init__(self) -> None:
        logs = self.infra.data / "logs"
        for name in SERVICES:
            health = self._health(name)
            self.services[name] = Service(
                name=name, command=self.program(name), env=self.env(name), logs=logs, health=health
            )

    def env(self, name: str) -> dict[str, str]:
        """The caller's environment, then what this installation decides."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        told = {f"{PREFIX}{key.upper()}": value for key, value in self._settings(name).items()}
        path = os.pathsep.join(part for part in (str(ROOT), inherited.get("PYTHONPATH", "")) if part)
        return {**inherited, **told, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    def bootstrap_key(self) -> str:
        """The first operator key, made by the gateway in a process of its own; empty when there is one already."""
        done = subprocess.run(
            self.program(BOOTSTRAP),
            env=self.env("gateway"),
            cwd=self.infra.data,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable(f"首个操作密钥未生成 / no first operator key: {done.stderr.strip()[-500:]}")
        return done.stdout.strip()

    def stop(self) -> None:
        """The gateway first, so that nothing new comes in; each drains what it holds."""
        _drain(self.services["gateway"])
        with ThreadPoolExecutor(len(self.services)) as pool:
            list(pool.map(_drain, self.services.values()))

    def _settings(self, name: str) -> dict[str, str]:
        common = {
            "database_url": self.infra.postgres.url(f"credithub_{name}"),
            "kafka_bootstrap": self.infra.kafka.bootstrap,
            "kafka_security": "SASL_PLAINTEXT",
            "kafka_user": f"credithub-{name}",
            "kafka_password": self.infra.passwords[f"credithub-{name}"],
            "kafka_agency_bootstrap": self.infra.kafka.agency_bootstrap,
            "secrets_dir": str(self.infra.data / "secrets"),
            "mode": "development",
        }
        return common | (self._gateway() if name == "gateway" else self._worker(name))

    def _gateway(self) -> dict[str, str]:
        spool = self.infra.data / "spool"
        spool.mkdir(mode=0o700, exist_ok=True)
        return {
            "http_host": self.options.http_host,
            "http_port": str(self.ports["http"]),
            "advertised_url": self.options.url(self.ports["http"]),
            "tls_cert": self.options.tls_cert,
            "tls_key": self.options.tls_key,
            "spool_dir": str(spool),
            "services": ",".join(f"{name}={self._health(name)}" for name in SERVICES if name != "gateway"),
        }

    def _worker(self, name: str) -> dict[str, str]:
        told = {"health_port": str(self.ports[name]), "instance": "1"}
        if name == "notifier":
            told |= {"kafka_admin_user": KAFKA_ADMIN, "kafka_admin_password": self.infra.passwords[KAFKA_ADMIN]}
        return told

    def _health(self, name: str) -> str:
        if name != "gateway":
            return f"http://{LOOPBACK}:{self.ports[name]}"
        host = LOOPBACK if self.options.http_host in ("0.0.0.0", "::") else self.options.http_host
        return f"{'https' if self.options.tls_cert else 'http'}://{host}:{self.ports['http']}"


def _drain(service: Service) -> bool:
    return service.running.stop(DRAIN) if service.running else True


def probe(url: str, timeout: float = 2.0) -> dict[str, object]:
    """The JSON of a health page, whatever its status; empty when nobody answers. Proxies are not for this."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # our own process, no secret is sent
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=timeout) as response:
            body = response.read()
    except urllib.error.HTTPError as problem:
        body = problem.read()
    except OSError:
        return {}
    try:
        return dict(json.loads(body))
    except (ValueError, TypeError):
        return {}
