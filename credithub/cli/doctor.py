"""Understands `credithub doctor`: every check in turn, and what to type where one fails."""

from __future__ import annotations

from collections import Counter

import typer
from rich.cells import set_cell_size

from credithub.cli.checks import CHECKS, Found, Place
from credithub.cli.terminal import FAILED, OK, Terminal, of
from credithub.embedded.state import State

MARKS = {"ok": "✓", "warn": "!", "fail": "✗", "skip": "–"}


def doctor(context: typer.Context) -> None:
    """检查环境，每项给出修复命令 / check this machine; each finding has the line that mends it."""
    terminal = of(context)
    place = Place(data=terminal.data, state=State.read(terminal.data))
    found = [(zh if terminal.lang == "zh" else en, check(place)) for zh, en, check in CHECKS]
    if terminal.as_json:
        terminal.data_out([{"check": n, "level": f.level, "detail": f.detail, "mend": f.mend} for n, f in found])
    else:
        for name, result in found:
            _line(terminal, name, result)
        count = Counter(result.level for _, result in found)
        terminal.say("doctor_sum", **{level: count[level] for level in ("ok", "warn", "fail", "skip")})
    raise typer.Exit(FAILED if any(result.level == "fail" for _, result in found) else OK)


def _line(terminal: Terminal, name: str, result: Found) -> None:
    terminal.out.print(f" {MARKS[result.level]} {set_cell_size(name, 24)} {_in(terminal, result.detail)}", markup=False)
    if result.mend:
        terminal.out.print(f"     → {_in(terminal, result.mend)}", markup=False)


def _in(terminal: Terminal, said: str) -> str:
    """`中文 / English` in one language, where both were given alone."""
    parts = said.split(" / ")
    return parts[0 if terminal.lang == "zh" else 1] if len(parts) == 2 and not said.startswith("/") else said
