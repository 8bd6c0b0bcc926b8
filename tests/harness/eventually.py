"""Understands waiting in tests: ask again until it is so, or say at the deadline what was seen last."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.25  # seconds


async def eventually(
    ask: Callable[[], T | Awaitable[T]],
    until: Callable[[T], bool] = bool,
    *,
    within: float = 15.0,
    why: str = "",
) -> T:
    """Calls `ask` until `until` holds of its answer, and returns that answer. An AssertionError counts as not yet."""
    deadline, pause = time.monotonic() + within, FIRST_PAUSE
    while True:
        seen, ended = await _attempt(ask, until)
        if ended:
            return seen  # type: ignore[return-value]
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within:g} s: {why or inspect.getsource(ask).strip()}; last: {seen!r}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def eventually_so(ask: Callable[[], T], until: Callable[[T], bool] = bool, *, within: float = 15.0, why: str = "") -> T:
    """The same where no event loop runs."""
    return asyncio.run(eventually(ask, until, within=within, why=why))


async def _attempt(ask: Callable[[], T | Awaitable[T]], until: Callable[[T], bool]) -> tuple[T | BaseException, bool]:
    try:
        answer = ask()
        seen = await answer if inspect.isawaitable(answer) else answer
        return seen, until(seen)
    except AssertionError as not_yet:
        return not_yet, False
