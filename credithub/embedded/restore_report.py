"""Understands what a restore leaves in doubt: every agency that may hold what the restored state does not know."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from credithub.embedded.database import Connection

Now: TypeAlias = Literal["unknown", "awaiting", "known", "orphan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An obligation of which an agency was told a version that the dump does not have.

    `now`: unknown, being read again; awaiting its re-issue; known, told again since; orphan, nobody knows it any more.
    """

    obligation: str
    told: tuple[int, int]
    state: str
    now: Now


@dataclass(slots=True, kw_only=True)
class AgencyInDoubt:
    """One agency. `registered`: the restored registry knows it."""

    agency: str
    name_zh: str
    name_en: str
    registered: bool
    doubts: list[Doubt] = field(default_factory=list[Doubt])

    def count(self, *states: Now) -> int:
        tally = Counter(doubt.now for doubt in self.doubts)
        return sum(tally[state] for state in states)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The newest restore, and whom it leaves in doubt. `behind`: records to be read before anything is certain."""

    epoch: int
    at: str
    dumped_at: str
    from_dump: str
    same_kafka: bool
    gap: Sequence[object]
    behind: int
    caught_up_at: str | None
    settled_at: str | None
    agencies: Sequence[AgencyInDoubt]

    @property
    def orphans(self) -> int:
        return sum(agency.count("orphan") for agency in self.agencies)


RESTORE = """
    SELECT r.epoch, r.at, r.dumped_at, r.from_dump, r.same_kafka, r.gap, r.caught_up_at, r.settled_at,
           coalesce((SELECT c.behind FROM hub.catching_up_v c WHERE c.epoch = r.epoch), 0) AS behind
      FROM hub.restores r ORDER BY r.epoch DESC LIMIT 1
"""
# Findings of Kafka's log, and what the notifier has met since: the same obligation may stand in both.
DOUBTS = """
    SELECT x.agency, x.obligation, x.epoch, x.version, x.state, a.name_zh, a.name_en, a.id IS NOT NULL AS registered,
           o.obligation IS NOT NULL AS there, coalesce((o.epoch, o.version) > (x.epoch, x.version), false) AS newer
      FROM (SELECT DISTINCT ON (agency, obligation) * FROM (
                SELECT agency, obligation, found_epoch AS epoch, found_version AS version, state
                  FROM hub.restore_findings WHERE epoch = $1
                UNION ALL SELECT agency, obligation, epoch, version, '' FROM hub.orphans_v) AS y
             ORDER BY agency, obligation, epoch DESC, version DESC, state DESC) AS x
      LEFT JOIN matcher.obligations o ON o.obligation = x.obligation
      LEFT JOIN gateway.agencies a ON a.id = x.agency
     ORDER BY x.agency, x.obligation
"""


async def report(connection: Connection) -> Report | None:
    """None where nothing was ever restored."""
    head = await connection.fetchrow(RESTORE)
    if head is None:
        return None
    found: dict[str, AgencyInDoubt] = {}
    for row in await connection.fetch(DOUBTS, head["epoch"]):
        one = found.setdefault(
            row["agency"],
            AgencyInDoubt(
                agency=row["agency"],
                name_zh=row["name_zh"] or "",
                name_en=row["name_en"] or "",
                registered=row["registered"],
            ),
        )
        told = row["epoch"], row["version"]
        now = state_of(there=row["there"], newer=row["newer"], caught_up=head["caught_up_at"] is not None)
        one.doubts.append(Doubt(obligation=row["obligation"], told=told, state=row["state"], now=now))
    return Report(
        epoch=head["epoch"],
        at=head["at"].isoformat(),
        dumped_at=head["dumped_at"].isoformat(),
        from_dump=head["from_dump"],
        same_kafka=head["same_kafka"],
        gap=json.loads(head["gap"]),
        behind=head["behind"],
        caught_up_at=head["caught_up_at"].isoformat() if head["caught_up_at"] else None,
        settled_at=head["settled_at"].isoformat() if head["settled_at"] else None,
        agencies=list(found.values()),
    )


def state_of(*, there: bool, newer: bool, caught_up: bool) -> Now:
    if newer:
        return "known"
    if there:
        return "awaiting"
    return "orphan" if caught_up else "unknown"
