"""Understands the bell between loops of one process: it says that there may be work, a short poll stands behind it."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung after a commit; a ring while nobody waits is not forgotten."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def heard(self, seconds: float) -> None:
        """Returns when rung, at the latest after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()
