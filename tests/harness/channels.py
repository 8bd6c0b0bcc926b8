"""Understands a channel that obeys its test: it remembers what it was given and ends as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.notifier.rules import Backoff
from services.notifier.store.trying import Outcome, Parcel, Result


@dataclass(slots=True)
class FakeChannel:
    """Delivers unless told otherwise. An agency in `silent` never answers until `release` is set."""

    name: str
    backoff: Backoff = field(default_factory=Backoff)
    outcomes: list[Outcome] = field(default_factory=list[Any])  # of the next calls; then: delivered
    silent: set[str] = field(default_factory=set[str])
    release: asyncio.Event = field(default_factory=asyncio.Event)
    got: list[Parcel] = field(default_factory=list[Parcel])

    async def deliver(self, agency: str, parcels: Sequence[Parcel]) -> list[Result]:
        self.got += parcels
        if agency in self.silent:
            await self.release.wait()
        outcome = self.outcomes.pop(0) if self.outcomes else "delivered"
        return [Result(parcel=parcel, outcome=outcome) for parcel in parcels]

    def messages(self) -> list[str]:
        return [parcel.message for parcel in self.got]
