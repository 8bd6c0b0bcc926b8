"""Understands the last half hour of figures that nobody stores: growing counters and lags, minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.gateway.dashboard.figures import MINUTES, Heard, minute_of, shown

GAP_SECONDS = 90  # looked away for longer than this, nobody knows in which minute a counter grew
LOST = "parked"  # an outcome that means: not handled


@dataclass(slots=True)
class Tally:
    """What a growing counter grew by in each minute. A counter that shrank began anew with its process."""

    _total: float | None = None
    _at: float = 0.0
    _began: int = 0  # the minute in which watching began: only a part of it was watched
    _grown: dict[int, float] = field(default_factory=dict[int, float])

    def see(self, moment: datetime, total: float | None) -> None:
        """One look; None: the process did not answer."""
        if total is None:
            return
        at, minute = moment.timestamp(), minute_of(moment)
        if self._total is None or at - self._at > GAP_SECONDS:
            self._began = minute
        else:
            grown = total - self._total if total >= self._total else total
            self._grown[minute] = self._grown.get(minute, 0) + grown
        self._total, self._at = total, at
        for old in [m for m in self._grown if m <= minute - MINUTES]:
            del self._grown[old]

    def grown(self, minute: int) -> int | None:
        """None where it was not watched for the whole of this minute."""
        number = self._grown.get(minute)
        return None if number is None or minute == self._began else int(number)


@dataclass(slots=True)
class History:
    """Fed with every look at the services; asked by the figures."""

    _tallies: dict[str, Tally] = field(default_factory=lambda: {"received": Tally(), "ingested": Tally()})
    _lags: dict[str, dict[int, float]] = field(default_factory=dict[str, dict[int, float]])

    def see(self, at: datetime, heard: Sequence[Heard]) -> None:
        self._tallies["received"].see(at, _handled(heard, "gateway", "received"))
        self._tallies["ingested"].see(at, _handled(heard, "ingest"))
        minute = minute_of(at)
        for each in heard:
            for topic, seconds in each.lag_seconds.items():
                worst = self._lags.setdefault(shown(topic), {})
                worst[minute] = max(worst.get(minute, 0.0), seconds)
        for worst in self._lags.values():
            for old in [m for m in worst if m <= minute - MINUTES]:
                del worst[old]

    def counted(self, stage: str, minute: int) -> int | None:
        tally = self._tallies.get(stage)
        return None if tally is None else tally.grown(minute)

    def lagged(self, topic: str, minute: int) -> float | None:
        return self._lags.get(topic, {}).get(minute)


def _handled(heard: Sequence[Heard], service: str, outcome: str | None = None) -> float | None:
    """A service's counter over its processes; None where none of them answers."""
    mine = [each for each in heard if each.name == service and each.state != "down"]
    if not mine:
        return None
    numbers = (
        number
        for each in mine
        for (_, how), number in each.handled.items()
        if (how == outcome if outcome else how != LOST)
    )
    return sum(numbers)
