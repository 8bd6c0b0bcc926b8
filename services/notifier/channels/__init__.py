"""Understands which channels push notifications to agencies: one module each, all listed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.notifier.rules import Backoff
from services.notifier.store.trying import Parcel, Result

ATTEMPT_SECONDS = 15  # an attempt that has not ended by then is unknown


class Channel(Protocol):
    """A way to reach an agency. Never raises for what a receiver or the road does: that is an outcome."""

    @property
    def name(self) -> str: ...

    @property
    def backoff(self) -> Backoff: ...

    async def deliver(self, agency: str, parcels: Sequence[Parcel]) -> list[Result]:
        """Tries each parcel of one agency and one lane once, in their order."""
        ...


Channels = Mapping[str, Channel]


def by_name(*channels: Channel) -> Channels:
    return {channel.name: channel for channel in channels}
