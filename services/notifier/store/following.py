"""Understands an agency that changes its channels: what it has not got yet follows it there (interleavings 31)."""

from __future__ import annotations

from credithub.db.engine import AsyncConnection, text
from services.notifier.rules import PULL, Counter
from services.notifier.store.taking import channels_of, lock_counters


async def movers(conn: AsyncConnection, available: frozenset[str]) -> list[str]:
    """Agencies whose channels are not those that their deliveries were last made for."""
    rows = await conn.execute(
        text(
            "SELECT c.agency FROM notifier.counters AS c JOIN gateway.agencies_v AS a ON a.id = c.agency"
            " WHERE c.channels <> ARRAY(SELECT x FROM unnest(a.channels) AS x"
            " WHERE x = ANY(CAST(:available AS text[])) ORDER BY x) ORDER BY c.agency"
        ),
        {"available": sorted(available)},
    )
    return [row.agency for row in rows]


async def follow(conn: AsyncConnection, agency: str, available: frozenset[str]) -> int:
    """Owes the newest versions that arrived nowhere on the channels now enabled; gives how many deliveries that makes.

    Takes wait for the counter's lock, and read the channels behind it: nothing falls between.
    """
    counter = (await lock_counters(conn, [agency]))[agency]
    enabled = sorted(available & (await channels_of(conn, [agency])).get(agency, frozenset()))
    await _lock_waiting(conn, agency)
    made = 0
    for channel in enabled:
        made += await (_owe_by_pull(conn, agency, counter) if channel == PULL else _owe(conn, agency, channel))
    if enabled:
        await conn.execute(
            text(
                "UPDATE notifier.deliveries SET state = 'superseded'"
                " WHERE agency = :agency AND channel = '-' AND state = 'parked'"
            ),
            {"agency": agency},
        )
    await conn.execute(
        text("UPDATE notifier.counters SET channels = CAST(:channels AS text[]) WHERE agency = :agency"),
        {"agency": agency, "channels": enabled},
    )
    return made


async def _lock_waiting(conn: AsyncConnection, agency: str) -> None:
    await conn.execute(
        text(
            "SELECT 1 FROM notifier.tasks AS t WHERE t.agency = :agency AND t.obligation IN ("
            " SELECT obligation FROM notifier.deliveries WHERE agency = :agency"
            " AND state IN ('due', 'failed', 'in-flight', 'parked')) ORDER BY t.obligation FOR UPDATE"
        ),
        {"agency": agency},
    )


# The newest versions that wait somewhere, have arrived nowhere, and are not waiting on :channel.
_WAITING = """
    SELECT DISTINCT ON (n.message) n.*, d.obligation AS fenced_by
    FROM notifier.deliveries AS d
    JOIN notifier.notifications AS n ON n.agency = d.agency AND n.lane = d.lane AND n.number = d.number
    LEFT JOIN notifier.tasks AS t ON t.agency = d.agency AND t.obligation = d.obligation
    WHERE d.agency = :agency AND d.state IN ('due', 'failed', 'in-flight', 'parked')
      AND (d.obligation IS NULL
           OR NOT t.cancelled AND (d.epoch, d.version) >= (t.seen_epoch, t.seen_version))
      AND NOT EXISTS (
          SELECT 1 FROM notifier.deliveries AS o WHERE o.agency = d.agency AND o.message = d.message
          AND (o.state = 'delivered' OR o.channel = :channel AND o.state IN ('due', 'failed', 'in-flight', 'parked')))
    ORDER BY n.message, n.lane, n.number DESC
"""
_OWE = text(
    f"""
    INSERT INTO notifier.deliveries (agency, message, channel, obligation, epoch, version, lane, number, state)
    SELECT agency, message, :channel, fenced_by, epoch, version, lane, number, 'due' FROM ({_WAITING}) AS w
    ON CONFLICT (agency, message, channel) DO UPDATE
    SET state = 'due', next_attempt_at = now(), lane = excluded.lane, number = excluded.number
    """
)


async def _owe(conn: AsyncConnection, agency: str, channel: str) -> int:
    done = await conn.execute(_OWE, {"agency": agency, "channel": channel})
    return done.rowcount


# A reader's cursor may have passed the old number: it turns void, and the notification gets the next one of its lane.
_RENUMBER = text(
    f"""
    WITH waiting AS ({_WAITING}), renumbered AS (
        SELECT w.*, row_number() OVER (PARTITION BY lane ORDER BY number)
               + CASE lane WHEN 'ends' THEN CAST(:ends AS bigint) ELSE CAST(:rest AS bigint) END AS fresh
        FROM waiting AS w
    ), voided AS (
        UPDATE notifier.notifications AS n SET void = true FROM renumbered AS r
        WHERE n.agency = r.agency AND n.lane = r.lane AND n.number = r.number
    ), entered AS (
        INSERT INTO notifier.notifications (agency, lane, number, message, obligation, epoch, version, kind, state,
                                            issued_at, payload)
        SELECT agency, lane, fresh, message, obligation, epoch, version, kind, state, issued_at, payload
        FROM renumbered
    ), owed AS (
        INSERT INTO notifier.deliveries (agency, message, channel, obligation, epoch, version, lane, number, state)
        SELECT agency, message, :channel, fenced_by, epoch, version, lane, fresh, 'due' FROM renumbered
        ON CONFLICT (agency, message, channel) DO UPDATE
        SET state = 'due', next_attempt_at = now(), lane = excluded.lane, number = excluded.number
    )
    UPDATE notifier.counters AS c
    SET ends = c.ends + (SELECT count(*) FROM renumbered WHERE lane = 'ends'),
        rest = c.rest + (SELECT count(*) FROM renumbered WHERE lane = 'rest')
    WHERE c.agency = :agency RETURNING c.ends + c.rest AS total
    """
)


async def _owe_by_pull(conn: AsyncConnection, agency: str, counter: Counter) -> int:
    args = {"agency": agency, "channel": PULL, "ends": counter.ends, "rest": counter.rest}
    total = (await conn.execute(_RENUMBER, args)).scalar_one()
    return int(total) - counter.ends - counter.rest
