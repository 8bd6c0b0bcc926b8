"""Understands `credithub clock`: the business clock of a development hub, shown and moved on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Literal, TypeVar, cast

import typer

from credithub import clock as times
from credithub.cli.terminal import USAGE, Terminal, of
from credithub.db import business_clock
from credithub.db.engine import AsyncConnection, make_engine
from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue.terms import Duration
from credithub.domain.durations import last_day
from credithub.embedded.reach import reach
from credithub.errors import ConfigurationError
from credithub.settings import Settings

T = TypeVar("T")
SPAN = re.compile(r"([1-9][0-9]{0,3})(wd|d|mo|y)")
UNITS = {"wd": "working-days", "d": "days", "mo": "months", "y": "years"}
clock = typer.Typer(no_args_is_help=True, help="业务时钟，仅限开发环境 / the business clock, in development only")


@clock.command("show")
def show(context: typer.Context) -> None:
    """业务日期，以及比实际日期提前多少 / the business date, and how far ahead of the real one it runs."""
    terminal = of(context)
    ahead = _ask(terminal, business_clock.read)
    _say(terminal, "clock_is", _date(ahead), ahead)


@clock.command("advance")
def advance(
    context: typer.Context,
    span: Annotated[str, typer.Argument(help="8wd 工作日 working days · 10d · 3mo · 3y")],
) -> None:
    """业务时钟向前拨 / move the business clock forward: what falls due until then falls due at once."""
    terminal = of(context)
    duration = _duration(terminal, span)

    async def move(conn: AsyncConnection) -> tuple[timedelta, timedelta]:
        before = await business_clock.read(conn)
        start = _date(before)
        end = last_day(start, duration, WorkingDays(await business_clock.calendar(conn, start)))
        return before, await business_clock.move(conn, end - start)

    before, ahead = _ask(terminal, move)
    _say(terminal, "clock_moved", _date(ahead), ahead, before=_date(before))


def _duration(terminal: Terminal, span: str) -> Duration:
    found = SPAN.fullmatch(span)
    if found is None:
        terminal.fail(terminal.text("clock_span", span=span), USAGE)
    unit = cast(Literal["working-days", "days", "months", "years"], UNITS[found[2]])
    return Duration(number=int(found[1]), unit=unit)


def _date(ahead: timedelta) -> date:
    return (times.wall() + ahead).astimezone(times.CHINA).date()


def _ask(terminal: Terminal, question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Asks the database of the data folder, as its owner."""
    if Settings.from_env().mode == "production":
        raise ConfigurationError(terminal.text("clock_production"))
    with reach(terminal.data) as reached:
        return asyncio.run(_answer(reached.settings, question))


async def _answer(settings: Settings, question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    engine = make_engine(settings, "clock", pool=1)
    try:
        async with engine.begin() as conn:
            return await question(conn)
    finally:
        await engine.dispose()


def _say(terminal: Terminal, name: str, today: date, ahead: timedelta, *, before: date | None = None) -> None:
    if terminal.as_json:
        was = {"from": before.isoformat()} if before else {}
        terminal.data_out({**was, "today": today.isoformat(), "ahead_days": ahead.days})
        return
    terminal.out.print(terminal.text(name, today=today, days=ahead.days, before=before), markup=False)
    if before:
        terminal.say("clock_next")
