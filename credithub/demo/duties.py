"""Understands what followed from the court's decisions: cases, obligations, who was told and who has answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from credithub.demo.client import Client

JsonObject: TypeAlias = dict[str, Any]
ENDED = ("lifting", "lifted", "cancelled")
UNANSWERED = ("triggered", "delivered", "lifting")
UNDER_WAY = ("due", "in-flight", "failed")


@dataclass(frozen=True, slots=True)
class Case:
    """One case as its trail shows it to an operator."""

    trail: JsonObject

    @property
    def opened(self) -> bool:
        return bool(self.trail["cases"])

    @property
    def obligations(self) -> list[JsonObject]:
        """Those with an agency."""
        return [o for case in self.trail["cases"] for o in case["obligations"] if o["obligation"]]

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """(measure, agency) of each obligation."""
        return frozenset((o["measure"], o["agency"]) for o in self.obligations)

    @property
    def notifications(self) -> list[JsonObject]:
        return self.trail["notifications"]

    @property
    def deliveries(self) -> list[JsonObject]:
        return self.trail["deliveries"]

    @property
    def feedback(self) -> list[JsonObject]:
        return self.trail["feedback"]

    def of_agency(self, agency: str) -> list[JsonObject]:
        return [o for o in self.obligations if o["agency"] == agency]

    def untold(self) -> list[JsonObject]:
        """Obligations of whose present version there is no notification. One cancelled was begun nowhere."""
        told = {(n["obligation"], n["version"]) for n in self.notifications}
        return [o for o in self.obligations if (o["obligation"], o["version"]) not in told]

    def unsent(self) -> list[JsonObject]:
        """Notifications without a row of delivery, whatever its state."""
        rows = {(d["agency"], d["message"]) for d in self.deliveries}
        return [n for n in self.notifications if (n["agency"], n["message"]) not in rows]

    def under_way(self, pulling: str) -> Iterator[JsonObject]:
        """Deliveries that will move by themselves: to topics, and to the agency that pulls here."""
        for row in self.deliveries:
            if row["state"] in UNDER_WAY and (row["channel"] == "kafka" or row["agency"] == pulling):
                yield row


@dataclass(slots=True)
class Duties:
    """All cases of the run, read anew by `look`. `decided` are (source, id) of the listings."""

    operator: Client
    answering: Sequence[str]  # agencies that answer here
    pulling: str
    said: Mapping[str, Mapping[str, int]]  # agency → obligation → answers given
    decided: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    cases: dict[tuple[str, str], Case] = field(default_factory=dict[tuple[str, str], Case])

    async def look(self) -> int:
        """How many things are still to come."""
        for source, id_ in self.decided:
            trail = await self.operator.trail(source, id_)
            if trail is not None:
                self.cases[source, id_] = Case(trail)
        return (len(self.decided) - len(self.cases)) + sum(self._open(case) for case in self.cases.values())

    def _open(self, case: Case) -> int:
        if not case.opened:
            return 1
        waiting = [f for f in case.feedback if f["outcome"] == "waiting"]
        unanswered = [o for a in self.answering for o in case.of_agency(a) if o["state"] in UNANSWERED]
        open_ = [*case.untold(), *case.unsent(), *case.under_way(self.pulling), *waiting, *unanswered]
        return len(open_) + self._unheard(case)

    def _unheard(self, case: Case) -> int:
        """Answers that were given and have not arrived in the archive."""
        given = sum(self.said[a].get(o["obligation"], 0) for a in self.answering for o in case.of_agency(a))
        return max(0, given - len(case.feedback))
