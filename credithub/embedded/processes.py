"""Understands one operating-system process of ours: start, look, signal, end, recognise again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGTERM, Signals

import psutil

from credithub.embedded.account import Account
from credithub.embedded.passwords import private

LOOK = 0.02  # seconds between looks at a process that is ending
LOG_LIMIT = 10 * 1024 * 1024  # bytes; the one before is kept beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process, known by number and birth so that a reused number is never taken for it."""

    pid: int
    born: float

    @staticmethod
    def of(pid: int) -> Running:
        return Running(pid=pid, born=psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The live process; one of our dead children is reaped on the way."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.born) > 2:
                return None
            if _dead(process):
                return None
        except psutil.Error:
            return None
        return process

    def alive(self) -> bool:
        return self.process() is not None

    def send(self, number: Signals) -> None:
        process = self.process()
        if process is not None:
            send(process, number)

    def family(self) -> list[psutil.Process]:
        """It and everything it started."""
        process = self.process()
        return [] if process is None else [process, *process.children(recursive=True)]

    def stop(self, timeout: float, first: Signals = SIGTERM) -> bool:
        """Asks, waits, then kills it with its children. True when asking was enough."""
        process = self.process()
        if process is None:
            return True
        self.send(SIGCONT)
        self.send(first)
        if gone(process, timeout):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """SIGKILL to it and everything it started, and waits until they are gone."""
        family = self.family()
        for member in family:
            send(member, SIGKILL)
        for member in family:
            gone(member, 10)


def gone(process: psutil.Process, timeout: float) -> bool:
    """Waits for its end. A dead process that nobody reaps (a container without init) is gone, too.

    One whose first thread is dead while others still hold its ports and files is not.
    """
    deadline = time.monotonic() + timeout
    while not _dead(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK)
    return True


def _dead(process: psutil.Process) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1:
            _reap(process.pid)
            return True
        return not process.is_running()
    except psutil.NoSuchProcess:
        return True


def start(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    account: Account | None = None,
    mark: Path | None = None,
) -> Running:
    """Starts it in a session of its own (Ctrl-C is for us alone); its output is appended to `log`.

    `mark` is a file that lets a later process recognise it (`end_marked`).
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as output:
        command = account.command(argv) if account else list(argv)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    process.returncode = 0  # Running waits for it, Popen need not
    running = Running.of(process.pid)
    if mark is not None:
        private(mark, json.dumps({"pid": running.pid, "born": running.born}))
    return running


def marked(mark: Path) -> Running | None:
    """What an earlier process of ours started, be it alive or not."""
    try:
        return Running(**json.loads(mark.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def end_marked(mark: Path, timeout: float = 15) -> None:
    """Stops what an earlier process of ours started and did not live to stop."""
    running = marked(mark)
    if running is not None:
        running.stop(timeout)


def named(pid: int) -> str:
    """The program a process runs; empty when there is no such process."""
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


def rotate(log: Path, limit: int = LOG_LIMIT) -> bool:
    """Keeps a log an open process appends to below `limit`: the content moves to `.1`, the file starts anew."""
    try:
        if log.stat().st_size < limit:
            return False
    except OSError:
        return False
    before = log.with_name(log.name + ".1")
    before.write_bytes(log.read_bytes())
    before.chmod(0o600)
    os.truncate(log, 0)
    return True


def rotate_all(folder: Path) -> None:
    """Every log our children's output goes to; Kafka and PostgreSQL turn their own over."""
    for pattern in ("*.log", "*.out"):
        for log in folder.glob(pattern):
            if log.name != "kafka.log":
                rotate(log)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def send(process: psutil.Process, number: Signals) -> None:
    """A process that is gone already needs no signal."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
