"""Understands when agencies have changed their channels, and has what they have not got follow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from credithub.db.engine import AsyncEngine
from credithub.log import logger
from services.notifier.bell import Bell
from services.notifier.store.connection import transaction
from services.notifier.store.following import follow, movers


@dataclass(frozen=True, slots=True)
class Follower:
    """`available`: the channels this process can serve, the pull feed among them."""

    engine: AsyncEngine
    available: frozenset[str]
    bells: Sequence[Bell]

    async def run_once(self) -> int:
        """Gives the number of agencies that had moved."""
        async with transaction(self.engine) as conn:
            moved = await movers(conn, self.available)
        for agency in moved:
            async with transaction(self.engine) as conn:
                made = await follow(conn, agency, self.available)
            logger().info("agency.moved", agency=agency, deliveries=made)
        for bell in self.bells if moved else ():
            bell.ring()
        return len(moved)
