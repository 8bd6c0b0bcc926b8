"""Understands how a start looks on a terminal: progress while it lasts, one screen when it is done."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.cells import set_cell_size
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

import credithub
from credithub.cli.terminal import Terminal
from credithub.embedded.ports import Choice
from credithub.embedded.stack import Stack
from credithub.embedded.state import CONTEXT, Context

FEW = 3  # ports that moved and are told one by one
QUIET = 3.0  # seconds between lines of progress where there is no terminal to draw on


class Drawing:
    """Hears how a start goes. Bars on a terminal, plain lines elsewhere."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._progress = Progress(
            TextColumn("  ↓ {task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=terminal.err,
            transient=True,
            disable=not terminal.err.is_terminal,
        )
        self._task: TaskID | None = None
        self._said = 0.0
        self._moved: dict[str, Choice] = {}
        self.first = Context.read(terminal.data) is None

    def __enter__(self) -> Self:
        version = getattr(credithub, "__version__", "0.1.0")
        python = ".".join(str(part) for part in sys.version_info[:3])
        title = self._terminal.text("title", version=version)
        self._terminal.err.print(f"{title} · Python {python} · --lang zh|en", markup=False)
        self._terminal.say("data", data=self._terminal.data)
        if self.first:
            self._terminal.say("first")
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def downloading(self, there: int, total: int) -> None:
        if self._task is None:
            self._task = self._progress.add_task(self._terminal.text("download"), total=total)
        self._progress.update(self._task, completed=there, total=total)
        if not self._terminal.err.is_terminal and (time.monotonic() - self._said > QUIET or there == total):
            self._said = time.monotonic()
            self._line("↓", f"{self._terminal.text('download')}  {there / 1e6:.0f} / {total / 1e6:.0f} MB")

    def moved(self, name: str, choice: Choice) -> None:
        self._moved[name] = choice

    def done(self, part: str, detail: str, seconds: float) -> None:
        self._tell_moved()
        self._line("✓", f"{set_cell_size(self._terminal.text(part), 22)} {detail:<32} {seconds:5.1f} s")

    def died(self, name: str, deaths: int, again_in: float) -> None:
        self._line("!", self._terminal.text("died", part=name, deaths=deaths, again=again_in))

    def _tell_moved(self) -> None:
        """One line a port; all in one where there are many."""
        moved, self._moved = self._moved, {}
        holders = sorted({choice.holder or self._terminal.text("someone") for choice in moved.values()})
        if len(moved) > FEW:
            ports = " ".join(f"{name}:{choice.port}" for name, choice in moved.items())
            self._line("!", self._terminal.text("many_moved", holders=", ".join(holders), ports=ports))
            return
        for name, choice in moved.items():
            holder = choice.holder or self._terminal.text("someone")
            said = self._terminal.text("moved", usual=choice.usual, holder=holder, part=name, port=choice.port)
            self._line("!", said)

    def _line(self, mark: str, said: str) -> None:
        self._progress.console.print(f"  {mark} {said}", markup=False)


def summary(terminal: Terminal, stack: Stack, seconds: float, *, new_key: bool) -> None:
    """Where everything is and what to do next, in one screen."""
    url, file = stack.context.url, terminal.data / CONTEXT
    said = "key_new" if new_key and terminal.err.is_terminal else "key_kept" if stack.context.key else "key_lost"
    tls = "SASL_SSL" if stack.options.kafka.tls else "SASL_PLAINTEXT"
    facts = {
        "api": f"{url}/v1/events",
        "ops": f"{url}/ops",
        "contract": f"{url}/openapi.json  {url}/asyncapi.json",
        "agencies": f"{stack.agency_bootstrap}  {tls}, SCRAM-SHA-512",
        "key": terminal.text(said, key=stack.context.key, file=file),
        "logs": str(terminal.data / "logs"),
    }
    lines = [
        "",
        *(f"  {set_cell_size(terminal.text(name), 18)} {fact}" for name, fact in facts.items()),
        "",
        terminal.text("ready", seconds=seconds),
        f"    credithub status                  {terminal.text('next_status')}",
        f"    credithub doctor                  {terminal.text('next_doctor')}",
        f"    credithub agency add mnr-130822   {terminal.text('next_agency')}",
        terminal.text("stop") + ("" if stack.options.tls_cert else f" · {terminal.text('loopback')}"),
    ]
    terminal.err.print("\n".join(lines), markup=False)
