"""Understands how a batch of notifications is read against the tables and written into them, a statement a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from credithub import clock, topics
from credithub.db import outbox
from credithub.db.engine import AsyncConnection, text
from credithub.db.restores import catching_up
from credithub.domain.notifications import DeliveryReport, Notification
from services.notifier.rules import UNFENCED, Batch, Counter, Delivery, Key, Times, Version
from services.notifier.store.connection import lock_tasks


async def open_batch(conn: AsyncConnection, told: Sequence[Notification], available: frozenset[str]) -> Batch:
    """Locks the agencies' counters, then the tasks, then reads what deciding needs. `available`: channels we have."""
    agencies = sorted({one.agency for one in told})
    counters = await lock_counters(conn, agencies)
    fenced = sorted({(one.agency, one.obligation) for one in told if one.kind not in UNFENCED})
    return Batch(
        tasks=await lock_tasks(conn, fenced),
        counters=counters,
        known=await _known(conn, told),
        enabled={agency: available & channels for agency, channels in (await channels_of(conn, agencies)).items()},
        times=await _times(conn, [obligation for _, obligation in fenced]),
    )


async def write_batch(conn: AsyncConnection, batch: Batch) -> None:
    """Writes what the batch has become. The caller commits, with its position."""
    if not batch.entries:
        return
    await _write_counters(conn, batch)
    await _write_tasks(conn, batch)
    await _end_older(conn, batch.ended)
    await _write_entries(conn, batch)
    await _write_deliveries(conn, batch.deliveries)
    await outbox.put(conn, "notifier", batch.times.epoch, [_report(row) for row in batch.deliveries if _tells(row)])


async def lock_counters(conn: AsyncConnection, agencies: Sequence[str]) -> dict[str, Counter]:
    """The agencies' rows, locked in order, made where they are missing."""
    found = await _lock_counters(conn, agencies)
    if len(found) == len(agencies):
        return found
    await conn.execute(
        text(
            "INSERT INTO notifier.counters (agency) SELECT a FROM unnest(CAST(:agencies AS text[])) AS x(a)"
            " ORDER BY a ON CONFLICT DO NOTHING"
        ),
        {"agencies": list(agencies)},
    )
    return await _lock_counters(conn, agencies)


async def _lock_counters(conn: AsyncConnection, agencies: Sequence[str]) -> dict[str, Counter]:
    rows = await conn.execute(
        text(
            "SELECT agency, ends, rest FROM notifier.counters WHERE agency = ANY(CAST(:agencies AS text[]))"
            " ORDER BY agency FOR UPDATE"
        ),
        {"agencies": list(agencies)},
    )
    return {row.agency: Counter(ends=row.ends, rest=row.rest) for row in rows}


async def channels_of(conn: AsyncConnection, agencies: Sequence[str]) -> dict[str, frozenset[str]]:
    """The channels that each agency has chosen, as the registry says."""
    rows = await conn.execute(
        text("SELECT id, channels FROM gateway.agencies_v WHERE id = ANY(CAST(:agencies AS text[]))"),
        {"agencies": list(agencies)},
    )
    return {row.id: frozenset(row.channels) for row in rows}


async def _known(conn: AsyncConnection, told: Sequence[Notification]) -> set[Key]:
    rows = await conn.execute(
        text(
            "SELECT n.agency, n.message"
            " FROM unnest(CAST(:agencies AS text[]), CAST(:messages AS text[])) AS x(agency, message)"
            " JOIN notifier.notifications AS n ON n.agency = x.agency AND n.message = x.message"
        ),
        {"agencies": [one.agency for one in told], "messages": [one.message for one in told]},
    )
    return {(row.agency, row.message) for row in rows}


async def _times(conn: AsyncConnection, obligations: Sequence[str]) -> Times:
    """Only after a restore can a version be of another timeline; only then the matcher's table is asked."""
    epoch = await outbox.current_epoch(conn)
    if epoch == 1:
        return Times(epoch=epoch)
    behind = await catching_up(conn)
    rows = await conn.execute(
        text(
            "SELECT obligation, epoch, version FROM matcher.obligations_v"
            " WHERE obligation = ANY(CAST(:obligations AS text[]))"
        ),
        {"obligations": list(obligations)},
    )
    issued = {row.obligation: (row.epoch, row.version) for row in rows}
    return Times(epoch=epoch, catching_up=behind, issued=issued)


async def _write_counters(conn: AsyncConnection, batch: Batch) -> None:
    agencies = sorted(batch.counters)
    await conn.execute(
        text(
            "UPDATE notifier.counters AS c SET ends = x.ends, rest = x.rest, "
            " channels = string_to_array(x.channels, ',')"
            " FROM unnest(CAST(:agencies AS text[]), CAST(:ends AS bigint[]), CAST(:rest AS bigint[]),"
            " CAST(:channels AS text[])) AS x(agency, ends, rest, channels) WHERE c.agency = x.agency"
        ),
        {
            "agencies": agencies,
            "ends": [batch.counters[agency].ends for agency in agencies],
            "rest": [batch.counters[agency].rest for agency in agencies],
            "channels": [",".join(sorted(batch.enabled.get(agency, ()))) for agency in agencies],
        },
    )


async def _write_tasks(conn: AsyncConnection, batch: Batch) -> None:
    keys = sorted(batch.changed)
    tasks = [batch.tasks[key] for key in keys]
    if not tasks:
        return
    await conn.execute(
        text(
            "INSERT INTO notifier.tasks AS t (agency, obligation, seen_epoch, seen_version, cancelled, old,"
            " above_epoch, above_version)"
            " SELECT * FROM unnest(CAST(:agencies AS text[]), CAST(:obligations AS text[]), CAST(:se AS int[]),"
            " CAST(:sv AS int[]), CAST(:cancelled AS boolean[]), CAST(:old AS boolean[]), CAST(:ae AS int[]),"
            " CAST(:av AS int[]))"
            " ON CONFLICT (agency, obligation) DO UPDATE SET seen_epoch = excluded.seen_epoch,"
            " seen_version = excluded.seen_version, cancelled = excluded.cancelled, old = excluded.old,"
            " above_epoch = excluded.above_epoch, above_version = excluded.above_version"
        ),
        {
            "agencies": [key[0] for key in keys],
            "obligations": [key[1] for key in keys],
            "se": [task.seen[0] for task in tasks],
            "sv": [task.seen[1] for task in tasks],
            "cancelled": [task.cancelled for task in tasks],
            "old": [task.old for task in tasks],
            "ae": [task.above[0] for task in tasks],
            "av": [task.above[1] for task in tasks],
        },
    )


async def _end_older(conn: AsyncConnection, ended: Mapping[Key, tuple[Version, str]]) -> None:
    """What waits of older versions waits no more, on any channel. What is in flight ends by its own outcome."""
    keys = sorted(ended)
    if not keys:
        return
    args = {
        "agencies": [key[0] for key in keys],
        "obligations": [key[1] for key in keys],
        "epochs": [ended[key][0][0] for key in keys],
        "versions": [ended[key][0][1] for key in keys],
        "states": [ended[key][1] for key in keys],
    }
    await conn.execute(_END_OLDER, args)
    if any(state == "cancelled" for _, state in ended.values()):
        await conn.execute(_VOID_CANCELLED, args)


_OLDER = (
    " unnest(CAST(:agencies AS text[]), CAST(:obligations AS text[]), CAST(:epochs AS int[]),"
    " CAST(:versions AS int[]), CAST(:states AS text[])) AS x(agency, obligation, epoch, version, state)"
    " WHERE d.agency = x.agency AND d.obligation = x.obligation AND (d.epoch, d.version) < (x.epoch, x.version)"
)
_END_OLDER = text(
    f"UPDATE notifier.deliveries AS d SET state = x.state FROM{_OLDER} AND d.state IN ('due', 'failed', 'parked')"
)
_VOID_CANCELLED = text(
    f"UPDATE notifier.notifications AS n SET void = true FROM notifier.deliveries AS d,{_OLDER}"
    " AND x.state = 'cancelled' AND n.agency = d.agency AND n.lane = d.lane AND n.number = d.number"
)


async def _write_entries(conn: AsyncConnection, batch: Batch) -> None:
    told = [entry.told for entry in batch.entries]
    await conn.execute(
        text(
            "INSERT INTO notifier.notifications (agency, lane, number, message, obligation, epoch, version, kind,"
            " state, issued_at, payload, void)"
            " SELECT a, l, n, m, o, e, v, k, s, CAST(i AS timestamptz), CAST(p AS jsonb), x.void"
            " FROM unnest(CAST(:agencies AS text[]), CAST(:lanes AS text[]), CAST(:numbers AS bigint[]),"
            " CAST(:messages AS text[]), CAST(:obligations AS text[]), CAST(:epochs AS int[]),"
            " CAST(:versions AS int[]), CAST(:kinds AS text[]), CAST(:states AS text[]), CAST(:issued AS text[]),"
            " CAST(:payloads AS text[]), CAST(:voids AS boolean[])) AS x(a, l, n, m, o, e, v, k, s, i, p, void)"
        ),
        {
            "agencies": [one.agency for one in told],
            "lanes": [entry.lane for entry in batch.entries],
            "numbers": [entry.number for entry in batch.entries],
            "messages": [one.message for one in told],
            "obligations": [one.obligation for one in told],
            "epochs": [one.epoch for one in told],
            "versions": [one.version for one in told],
            "kinds": [one.kind for one in told],
            "states": [one.state for one in told],
            "issued": [one.issued_at for one in told],
            "payloads": [one.to_bytes().decode() for one in told],
            "voids": [entry.void for entry in batch.entries],
        },
    )


async def _write_deliveries(conn: AsyncConnection, rows: Sequence[Delivery]) -> None:
    told = [row.entry.told for row in rows]
    await conn.execute(
        text(
            "INSERT INTO notifier.deliveries (agency, message, channel, obligation, epoch, version, lane, number,"
            " state, last_error)"
            " SELECT * FROM unnest(CAST(:agencies AS text[]), CAST(:messages AS text[]), CAST(:channels AS text[]),"
            " CAST(:obligations AS text[]), CAST(:epochs AS int[]), CAST(:versions AS int[]), CAST(:lanes AS text[]),"
            " CAST(:numbers AS bigint[]), CAST(:states AS text[]), CAST(:reasons AS text[]))"
        ),
        {
            "agencies": [one.agency for one in told],
            "messages": [one.message for one in told],
            "channels": [row.channel for row in rows],
            "obligations": [None if one.kind in UNFENCED else one.obligation for one in told],
            "epochs": [one.epoch for one in told],
            "versions": [one.version for one in told],
            "lanes": [row.entry.lane for row in rows],
            "numbers": [row.entry.number for row in rows],
            "states": [row.state for row in rows],
            "reasons": [row.reason for row in rows],
        },
    )


def _tells(row: Delivery) -> bool:
    """The matcher is told at once of what ends here: a lift that nobody needs, an agency without a channel."""
    ended = (row.state == "cancelled" and row.entry.told.state == "lifted") or row.state == "parked"
    return ended and row.entry.told.kind not in {*UNFENCED, "reminder"}


def _report(row: Delivery) -> outbox.Outgoing:
    told = row.entry.told
    report = DeliveryReport(
        agency=told.agency,
        obligation=told.obligation,
        epoch=told.epoch,
        version=told.version,
        outcome="cancelled" if row.state == "cancelled" else "parked",
        channel=row.channel,
        at=clock.stamp(),
    )
    return outgoing_report(report)


def outgoing_report(report: DeliveryReport) -> outbox.Outgoing:
    return outbox.Outgoing(
        topic=topics.DELIVERIES.name,
        key=report.obligation.encode(),
        value=report.to_bytes(),
        order_by=report.obligation,
    )
