"""Understands attempts: begun and written down under the task's lock before a byte leaves, concluded once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, cast

from credithub import clock, ids
from credithub.db import outbox
from credithub.db.engine import AsyncConnection, text
from credithub.domain.notifications import DeliveryReport, Lane, message_id
from services.notifier.rules import Key, Next, Task, Version, may_begin
from services.notifier.store.connection import lock_tasks
from services.notifier.store.taking import outgoing_report

Outcome: TypeAlias = Literal["delivered", "failed", "unknown", "refused"]


_THESE = (
    " FROM unnest(CAST(:agencies AS text[]), CAST(:messages AS text[]), CAST(:channels AS text[]),"
    " CAST(:claims AS text[])) AS x(agency, message, channel, claim)"
    " WHERE d.agency = x.agency AND d.message = x.message AND d.channel = x.channel"
)
_SUPERSEDE = text(f"UPDATE notifier.deliveries AS d SET state = 'superseded'{_THESE} AND d.state IN ('due', 'failed')")
_BEGIN = text(
    "UPDATE notifier.deliveries AS d SET state = 'in-flight', attempts = d.attempts + 1, claim = x.claim,"
    f" claimed_at = now(){_THESE} AND d.state IN ('due', 'failed') RETURNING d.claim"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One attempt that has been begun. `payload` is the notification as JSON, empty where only its end matters."""

    agency: str
    message: str
    channel: str
    obligation: str | None
    version: Version
    lane: Lane
    kind: str
    claim: str
    attempts: int  # this one included
    made_at: datetime
    payload: str = ""

    @property
    def key(self) -> Key:
        return (self.agency, self.obligation or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an attempt ended. `refused`: trying again would not help."""

    parcel: Parcel
    outcome: Outcome
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    agency: str
    message: str
    channel: str
    obligation: str | None


async def begin(
    conn: AsyncConnection, lane: Lane, channels: Collection[str], *, full: Collection[str], each: int, most: int
) -> list[Parcel]:
    """Begins up to `most` attempts that are due on the lane, at most `each` an agency, none for those `full`.

    The caller commits before it sends. Tasks that somebody else has locked are left for the next round.
    """
    found = await _candidates(conn, lane, channels, full=full, each=each, most=most)
    if not found:
        return []
    tasks = await lock_tasks(conn, [(c.agency, c.obligation) for c in found if c.obligation is not None], wait=False)
    ours = [c for c in found if c.obligation is None or (c.agency, c.obligation) in tasks]
    ready, late = await _sort_out(conn, ours, tasks)
    await _end(conn, late)
    begun = await _mark_begun(conn, ready)
    await _note_begun(conn, begun, tasks)
    return begun


async def _candidates(
    conn: AsyncConnection, lane: Lane, channels: Collection[str], *, full: Collection[str], each: int, most: int
) -> list[_Candidate]:
    rows = await conn.execute(
        text(
            "SELECT d.agency, d.message, d.channel, d.obligation FROM notifier.counters AS c CROSS JOIN LATERAL ("
            "  SELECT agency, message, channel, obligation, next_attempt_at FROM notifier.deliveries"
            "  WHERE agency = c.agency AND lane = :lane AND state IN ('due', 'failed') AND channel <> 'pull'"
            "  AND channel = ANY(CAST(:channels AS text[])) AND next_attempt_at <= now()"
            "  ORDER BY next_attempt_at LIMIT :each) AS d"
            " WHERE c.agency <> ALL(CAST(:full AS text[])) ORDER BY d.next_attempt_at LIMIT :most"
        ),
        {"lane": lane, "channels": list(channels), "full": list(full), "each": each, "most": most},
    )
    return [_Candidate(row.agency, row.message, row.channel, row.obligation) for row in rows]


async def _sort_out(
    conn: AsyncConnection, ours: Sequence[_Candidate], tasks: dict[Key, Task]
) -> tuple[list[Parcel], list[Parcel]]:
    """Re-reads the deliveries under the lock: those whose attempt may begin, and those that came too late."""
    rows = await conn.execute(
        text(
            "SELECT d.agency, d.message, d.channel, d.obligation, d.epoch, d.version, d.lane, d.attempts, d.made_at,"
            " n.kind, CAST(n.payload AS text) AS payload, EXISTS ("
            "  SELECT 1 FROM notifier.deliveries AS o WHERE o.agency = d.agency AND o.obligation = d.obligation"
            "  AND o.state = 'in-flight' AND o.channel <> 'pull' AND (o.epoch, o.version) < (d.epoch, d.version)"
            " ) AS older_open"
            " FROM unnest(CAST(:agencies AS text[]), CAST(:messages AS text[]), CAST(:channels AS text[]))"
            " AS x(agency, message, channel)"
            " JOIN notifier.deliveries AS d"
            " ON d.agency = x.agency AND d.message = x.message AND d.channel = x.channel"
            " JOIN notifier.notifications AS n ON n.agency = d.agency AND n.lane = d.lane AND n.number = d.number"
            " WHERE d.state IN ('due', 'failed')"
        ),
        {
            "agencies": [c.agency for c in ours],
            "messages": [c.message for c in ours],
            "channels": [c.channel for c in ours],
        },
    )
    ready: list[Parcel] = []
    late: list[Parcel] = []
    for row in rows:
        parcel = Parcel(
            agency=row.agency,
            message=row.message,
            channel=row.channel,
            obligation=row.obligation,
            version=(row.epoch, row.version),
            lane=cast("Lane", row.lane),
            kind=row.kind,
            claim=ids.uuid7(),
            attempts=row.attempts + 1,
            made_at=row.made_at,
            payload=row.payload,
        )
        verdict = may_begin(parcel.version, tasks.get(parcel.key), older_open=row.older_open)
        if verdict != "wait":
            (ready if verdict == "begin" else late).append(parcel)
    return ready, late


async def _end(conn: AsyncConnection, late: Sequence[Parcel]) -> None:
    if late:
        await conn.execute(_SUPERSEDE, _these(late))


async def _mark_begun(conn: AsyncConnection, ready: Sequence[Parcel]) -> list[Parcel]:
    """Those that are still due become ours; unfenced ones are locked by nothing but this."""
    if not ready:
        return []
    ours = {row.claim for row in await conn.execute(_BEGIN, _these(ready))}
    return [parcel for parcel in ready if parcel.claim in ours]


async def _note_begun(conn: AsyncConnection, begun: Sequence[Parcel], tasks: dict[Key, Task]) -> None:
    if not begun:
        return
    await conn.execute(
        text(
            "INSERT INTO notifier.attempts (agency, message, id, channel, started_at)"
            " SELECT a, m, i, c, now() FROM unnest(CAST(:agencies AS text[]), CAST(:messages AS text[]),"
            " CAST(:claims AS text[]), CAST(:channels AS text[])) AS x(a, m, i, c)"
        ),
        _these(begun),
    )
    fresh: dict[Key, set[str]] = defaultdict(set)
    for parcel in begun:
        if parcel.key in tasks and parcel.channel not in tasks[parcel.key].begun:
            fresh[parcel.key].add(parcel.channel)
    if fresh:
        await conn.execute(
            text(
                "UPDATE notifier.tasks AS t SET begun = t.begun || string_to_array(x.channels, ',')"
                " FROM unnest(CAST(:agencies AS text[]), CAST(:obligations AS text[]), CAST(:channels AS text[]))"
                " AS x(agency, obligation, channels)"
                " WHERE t.agency = x.agency AND t.obligation = x.obligation"
            ),
            {
                "agencies": [key[0] for key in fresh],
                "obligations": [key[1] for key in fresh],
                "channels": [",".join(sorted(channels)) for channels in fresh.values()],
            },
        )


async def conclude(conn: AsyncConnection, ended: Sequence[tuple[Result, Next]]) -> int:
    """Records how attempts ended, where they are still the open ones; gives how many were.

    The caller has locked the tasks. A late outcome is kept in the log and changes nothing else.
    """
    parcels = [result.parcel for result, _ in ended]
    args = _these(parcels) | {
        "states": [after.state for _, after in ended],
        "rests": [after.rest.total_seconds() for _, after in ended],
        "outcomes": [result.outcome for result, _ in ended],
        "details": [result.detail for result, _ in ended],
    }
    await conn.execute(
        text(
            "INSERT INTO notifier.outcomes (agency, message, attempt, finished_at, outcome, detail)"
            " SELECT a, m, i, now(), o, d FROM unnest(CAST(:agencies AS text[]), CAST(:messages AS text[]),"
            " CAST(:claims AS text[]), CAST(:outcomes AS text[]), CAST(:details AS text[])) AS x(a, m, i, o, d)"
            " ON CONFLICT DO NOTHING"
        ),
        args,
    )
    rows = await conn.execute(
        text(
            "UPDATE notifier.deliveries AS d SET state = x.state, last_error = x.detail,"
            " next_attempt_at = now() + make_interval(secs => x.rest),"
            " delivered_at = CASE WHEN x.state = 'delivered' THEN now() END"
            " FROM unnest(CAST(:agencies AS text[]), CAST(:messages AS text[]), CAST(:channels AS text[]),"
            " CAST(:claims AS text[]), CAST(:states AS text[]), CAST(:rests AS float8[]), CAST(:details AS text[]))"
            " AS x(agency, message, channel, claim, state, rest, detail)"
            " WHERE d.agency = x.agency AND d.message = x.message AND d.channel = x.channel"
            " AND d.claim = x.claim AND d.state = 'in-flight' RETURNING d.claim, d.state"
        ),
        args,
    )
    states: dict[str, str] = {row.claim: row.state for row in rows}
    await outbox.put(conn, "notifier", await outbox.current_epoch(conn), _reports(parcels, states))
    return len(states)


def _reports(parcels: Sequence[Parcel], states: dict[str, str]) -> list[outbox.Outgoing]:
    """The matcher is told of each version that arrived or was given up; reminders and refusals change nothing there."""
    at = clock.stamp()
    return [
        outgoing_report(
            DeliveryReport(
                agency=parcel.agency,
                obligation=parcel.obligation,
                epoch=parcel.version[0],
                version=parcel.version[1],
                outcome="delivered" if states[parcel.claim] == "delivered" else "parked",
                channel=parcel.channel,
                at=at,
            )
        )
        for parcel in parcels
        if parcel.obligation is not None
        and states.get(parcel.claim) in ("delivered", "parked")
        and parcel.message == message_id(parcel.obligation, *parcel.version)
    ]


async def overdue(conn: AsyncConnection, seconds: float, most: int) -> list[Parcel]:
    """Attempts open for so long that whoever began them is gone."""
    rows = await conn.execute(
        text(
            "SELECT agency, message, channel, obligation, epoch, version, lane, claim, attempts, made_at"
            " FROM notifier.deliveries WHERE state = 'in-flight' AND channel <> 'pull'"
            " AND claimed_at < now() - make_interval(secs => :seconds) ORDER BY claimed_at LIMIT :most"
        ),
        {"seconds": seconds, "most": most},
    )
    return [
        Parcel(
            agency=row.agency,
            message=row.message,
            channel=row.channel,
            obligation=row.obligation,
            version=(row.epoch, row.version),
            lane=cast("Lane", row.lane),
            kind="",
            claim=row.claim,
            attempts=row.attempts,
            made_at=row.made_at,
        )
        for row in rows
    ]


def _these(parcels: Sequence[Parcel]) -> dict[str, object]:
    return {
        "agencies": [parcel.agency for parcel in parcels],
        "messages": [parcel.message for parcel in parcels],
        "channels": [parcel.channel for parcel in parcels],
        "claims": [parcel.claim for parcel in parcels],
    }
