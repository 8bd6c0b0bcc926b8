"""Understands `credithub up`, `down`, `status` and `reset`: the hub of this machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from credithub.cli.drawing import Drawing, summary
from credithub.cli.terminal import FAILED, OK, Terminal, of
from credithub.embedded.fleet import probe
from credithub.embedded.ports import LOOPBACK
from credithub.embedded.stack import Stack
from credithub.embedded.state import CONTEXT, ORDER, STATE, AlreadyRunningError, State
from credithub.errors import CreditHubError

START = 180.0  # seconds a start in the background may take, download included only as long as it moves
STOP = 90.0
OURS = ("secrets", STATE, CONTEXT, "kafka", "postgres")  # a folder with one of these is a data folder


def up(
    context: typer.Context,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="后台运行 / run in the background")] = False,
) -> None:
    """启动 Kafka、PostgreSQL 与四个服务 / start Kafka, PostgreSQL and the four services."""
    terminal = of(context)
    state = State.read(terminal.data)
    if state is not None and state.alive() and state.ready:
        terminal.say("already", pid=state.supervisor.pid, url=state.url)
        raise typer.Exit(OK)
    if detach:
        _in_background(terminal)
    else:
        _in_foreground(terminal)


def _in_foreground(terminal: Terminal) -> None:
    asked = Event()
    drawing = Drawing(terminal)
    stack = Stack(terminal.data, report=drawing)
    _on_signals(asked, stack)
    began = time.monotonic()
    try:
        with drawing:
            stack.start()
    except AlreadyRunningError as problem:
        terminal.fail(str(problem))
    except CreditHubError as problem:
        terminal.fail(f"{problem}\n  credithub doctor")
    except KeyboardInterrupt:
        terminal.fail(terminal.text("stopped", data=terminal.data))
    summary(terminal, stack, time.monotonic() - began, new_key=drawing.first)
    asked.wait()
    terminal.say("stopping")
    stack.stop()
    terminal.say("stopped", data=terminal.data)


def _on_signals(asked: Event, stack: Stack) -> None:
    """The first signal drains, the second ends everything at once. While starting, it breaks the start off."""

    def heard(*_: object) -> None:
        if asked.is_set():
            stack.kill()
            raise SystemExit(FAILED)
        asked.set()
        if not hasattr(stack, "context") or not stack.ready:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, heard)


def _in_background(terminal: Terminal) -> None:
    log = terminal.data / "logs" / "up.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "credithub.cli.main", "--data", str(terminal.data), "--lang", terminal.lang, "up"]
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        state = State.read(terminal.data)
        if state is not None and state.ready and state.supervisor.pid == child.pid:
            terminal.err.print(log.read_text(encoding="utf-8", errors="replace"), markup=False)
            return
        if child.poll() is not None:
            break
        time.sleep(0.2)
    terminal.fail(log.read_text(encoding="utf-8", errors="replace"))


def down(context: typer.Context) -> None:
    """停止，数据保留 / stop; the data stays."""
    terminal = of(context)
    if not stop(terminal):
        terminal.say("not_running", data=terminal.data)


def stop(terminal: Terminal) -> bool:
    """Asks the supervisor to drain; ends what a dead one left behind. False when nothing ran."""
    state = State.read(terminal.data)
    if state is None:
        return False
    if state.alive():
        terminal.say("stopping")
        state.supervisor.stop(STOP)
    left = state.clear_up()
    if left:
        terminal.say("left", names=", ".join(left))
    (terminal.data / STATE).unlink(missing_ok=True)
    terminal.say("stopped", data=terminal.data)
    return True


def status(context: typer.Context) -> None:
    """各部分是否在运行、在哪里 / what runs, and where. Ends with 1 when anything is not."""
    terminal = of(context)
    state = State.read(terminal.data)
    if state is None or not state.alive():
        if terminal.as_json:
            terminal.data_out({"running": False, "ready": False, "parts": []})
        else:
            terminal.say("not_running", data=terminal.data)
        raise typer.Exit(FAILED)
    rows = [_row(state, name) for name in ORDER]
    good = all(row["state"] == "up" for row in rows)
    if terminal.as_json:
        terminal.data_out({"running": True, "ready": good, "url": state.url, "parts": rows})
    else:
        terminal.say("already", pid=state.supervisor.pid, url=state.url)
        shown = [{**row, "state": terminal.text(str(row["state"]))} for row in rows]
        terminal.table(shown, ("part", "state", "pid", "address", "note"))
    raise typer.Exit(OK if good else FAILED)


def _row(state: State, name: str) -> dict[str, object]:
    running = state.processes.get(name)
    alive = running is not None and running.alive()
    port = state.ports.get("http" if name == "gateway" else name, 0)
    row: dict[str, object] = {"part": name, "state": "up" if alive else "down", "address": f"{LOOPBACK}:{port}"}
    row |= {"pid": running.pid if running else None, "note": ""}
    if alive and name not in ("kafka", "postgres"):
        base = state.url if name == "gateway" else f"http://{LOOPBACK}:{port}"
        health = probe(f"{base}/readyz")
        row["state"] = "up" if health.get("ready") else "not_ready"
        row["note"] = str(health.get("last_error") or "") if not health.get("ready") else ""
    return row


def reset(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不再询问 / do not ask")] = False,
) -> None:
    """停止并删除全部数据 / stop and delete all data (asks first)."""
    terminal = of(context)
    data = terminal.data
    if not data.exists():
        terminal.say("reset_done", data=data)
        return
    if not any((data / name).exists() for name in OURS) and any(data.iterdir()):
        terminal.fail(terminal.text("reset_foreign", data=data))
    if not yes and not typer.confirm(terminal.text("reset_ask", data=data, size=_size(data)), err=True):
        terminal.fail(terminal.text("reset_no"))
    stop(terminal)
    shutil.rmtree(data)
    terminal.say("reset_done", data=data)


def _size(folder: Path) -> str:
    total = sum(path.lstat().st_size for path in folder.rglob("*"))
    return f"{total / 1e6:.0f} MB"
