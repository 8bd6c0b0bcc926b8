"""Understands `python -m credithub.demo`: the hub started, a county's day played, the table, and how it all ends."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from pathlib import Path

import aiohttp

from credithub.demo.figures import FILE
from credithub.demo.narration import Narrator
from credithub.demo.performance import Performance
from credithub.demo.place import place
from credithub.demo.texts import language
from credithub.errors import CreditHubError

FAILED, INTERRUPTED = 1, 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """0: everything reconciles; 1: it does not, or it failed; 130: broken off."""
    parser = argparse.ArgumentParser(prog="credithub.demo", description="一个县的一天 / a county's day")
    parser.add_argument("--once", action="store_true", help="打印结果后退出 / end after the table")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CREDITHUB_DATA", ".credithub")))
    parser.add_argument("--lang", choices=("zh", "en"), default=None)
    arguments = parser.parse_args()
    return perform(arguments.data.absolute(), once=arguments.once, narrator=Narrator(language(arguments.lang)))


def perform(data: Path, *, once: bool, narrator: Narrator) -> int:
    """The whole run, its hub included. What an earlier run counted is gone first."""
    began = time.monotonic()
    (data / FILE).unlink(missing_ok=True)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what matters of it comes as Unavailable
    _on_signals()
    narrator.say("title")
    try:
        with place(data, narrator) as here:
            performance = Performance(place=here, narrator=narrator, began=began, once=once)
            good = asyncio.run(_guarded(performance))
            _on_signals()
    except KeyboardInterrupt:
        narrator.note("interrupted")
        return INTERRUPTED
    except (CreditHubError, aiohttp.ClientError, OSError) as problem:
        narrator.note("failed", problem=problem or type(problem).__name__)
        return FAILED
    return 0 if good else FAILED


async def _guarded(performance: Performance) -> bool:
    """A signal before the table breaks the run off; afterwards it ends the stay."""
    loop, mine = asyncio.get_running_loop(), asyncio.current_task()
    assert mine is not None

    def heard() -> None:
        if not performance.leave():
            mine.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, heard)
    try:
        return await performance.run()
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except BaseExceptionGroup as group:
        raise _first(group) from None


def _first(problem: BaseException) -> BaseException:
    """What broke first, out of the groups around it."""
    inner: tuple[BaseException, ...] = getattr(problem, "exceptions", ())
    return _first(inner[0]) if inner else problem


def _on_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, _break_off)


def _break_off(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
