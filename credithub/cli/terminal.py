"""Understands where the command line writes: data to stdout, progress and trouble to stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, cast

import typer
from rich.console import Console
from rich.table import Table

from credithub.cli.texts import Lang, text

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
OK, FAILED, USAGE, PARTIAL, AUTH, UNREACHABLE = range(6)


def _console() -> Console:
    """As wide as the terminal; in a pipe or a file nothing is cut."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=1_000)


@dataclass(slots=True)
class Terminal:
    """The state of one call: language, form of output, folder, address."""

    lang: Lang = "en"
    as_json: bool = False
    data: Path = Path(".credithub")
    url: str = ""
    key: str = ""
    out: Console = field(default_factory=_console)
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True))

    def say(self, name: str, **values: object) -> None:
        """Progress and remarks, to stderr."""
        self.err.print(text(self.lang, name, **values), markup=False)

    def text(self, name: str, **values: object) -> str:
        return text(self.lang, name, **values)

    def data_out(self, content: object) -> None:
        """Exactly one JSON document on stdout."""
        self.out.print(json.dumps(content, ensure_ascii=False, indent=1), markup=False, soft_wrap=True)

    def table(self, rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
        """Rows as JSON or as a table, whichever was asked for."""
        if self.as_json:
            self.data_out(list(rows))
            return
        table = Table(box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(cell(row.get(column)) for column in columns))
        self.out.print(table if rows else self.text("none"))

    def fail(self, message: str, code: int = FAILED) -> NoReturn:
        """Says what is wrong and ends with the code."""
        self.err.print(f"✗ {message}", markup=False)
        raise typer.Exit(code)


def of(context: typer.Context) -> Terminal:
    """The terminal the top command made."""
    found = context.find_object(Terminal)
    return found or Terminal()


def cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(str(item) for item in cast("list[object]", value))
    if isinstance(value, str) and MOMENT.match(value):
        return value[:16].replace("T", " ")
    return str(value)
