"""Understands how PostgreSQL is asked for all figures at once: one statement, one moment, one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import orjson

from credithub.db.engine import text
from credithub.domain.persons import mask
from services.gateway.dashboard.figures import (
    Agency,
    Catalogue,
    Counted,
    Holder,
    Holding,
    Quarantine,
    Stored,
    Trouble,
    Unacknowledged,
    Unpublished,
    Unsettled,
    Waiting,
)
from services.gateway.store.database import Database

LIMIT_MS = 5_000  # operators wait so long at most; then the database counts as slow
T = TypeVar("T")

# Few quarantined against many archived: one look into an index each, never a pass over the whole archive.
BOUNDS = f"""
SELECT set_config('statement_timeout', '{LIMIT_MS}', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true)
"""

# `flow` reads what is younger than :since, by brin indexes on the times; the rest counts by narrow or partial ones.
STATEMENT = """
WITH judged AS MATERIALIZED (
    SELECT date_trunc('minute', decided_at) AS minute, state, count(*) AS number FROM matcher.entry_states_v
     WHERE decided_at >= CAST(:since AS timestamptz)
     GROUP BY 1, 2
), flow (stage, minute, number) AS (
    SELECT 'received', date_trunc('minute', received_at), sum(coalesce(entries, 0)) FROM ingest.submissions
     WHERE received_at >= CAST(:since AS timestamptz) GROUP BY 2
    UNION ALL SELECT 'ingested', minute, sum(number) FROM judged GROUP BY 2
    UNION ALL SELECT 'archived', minute, sum(number) FROM judged WHERE state = 'archived' GROUP BY 2
    UNION ALL SELECT 'quarantined', minute, sum(number) FROM judged WHERE state = 'quarantined' GROUP BY 2
    UNION ALL SELECT 'notified', date_trunc('minute', received_at), count(*) FROM notifier.notifications_v
     WHERE received_at >= CAST(:since AS timestamptz) GROUP BY 2
    UNION ALL SELECT 'delivered', date_trunc('minute', delivered_at), count(*) FROM notifier.deliveries_v
     WHERE delivered_at >= CAST(:since AS timestamptz) GROUP BY 2
    UNION ALL SELECT 'answered', date_trunc('minute', decided_at), count(*) FROM matcher.feedback_v
     WHERE decided_at >= CAST(:since AS timestamptz) GROUP BY 2
), waiting AS (
    SELECT source, id, min(since) AS since, bool_or(awaits LIKE 'record:%') AS record
      FROM matcher.waiting_v GROUP BY source, id
), quarantined AS MATERIALIZED (
    SELECT reasons FROM matcher.quarantine_v
), reasons AS (
    SELECT split_part(r.value ->> 'code', '@', 1) AS name, count(*) AS number
      FROM quarantined q CROSS JOIN LATERAL jsonb_array_elements(q.reasons) r GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 8
), states AS MATERIALIZED (
    SELECT state AS name, count(*) AS number FROM matcher.obligations_v GROUP BY state
), unacknowledged AS (
    SELECT o.obligation, o.measure, o.agency, o.state = 'delivered' AS delivered, o.created_at AS since
      FROM matcher.obligations_v o WHERE o.state IN ('triggered', 'delivered') ORDER BY o.created_at LIMIT 1
), holders AS MATERIALIZED (
    SELECT agency, count(*) AS number, min(since) AS oldest FROM hub.still_holding_v GROUP BY agency
), unsettled AS (
    SELECT channel, state, count(*) AS number FROM notifier.deliveries_v
     WHERE state IN ('due', 'failed', 'in-flight', 'parked') GROUP BY channel, state
), troubles AS (
    SELECT agency, channel, state, count(*) AS number, min(made_at) AS since, min(next_attempt_at) AS next_attempt_at,
           max(last_error) AS error
      FROM notifier.deliveries_v WHERE state IN ('failed', 'parked') GROUP BY agency, channel, state
     ORDER BY 4 DESC, 1 LIMIT 6
)
SELECT jsonb_build_object(
    'at', now(),
    'flow', (SELECT coalesce(jsonb_agg(jsonb_build_array(stage, extract(epoch FROM minute)::bigint / 60, number)), '[]')
               FROM flow),
    'catalogue', (SELECT jsonb_build_object('version', version, 'illustrative', illustrative) FROM gateway.catalogues_v
                   WHERE layer = 'national' AND effective_from <= (now() AT TIME ZONE 'Asia/Shanghai')::date
                   ORDER BY effective_from DESC LIMIT 1),
    'agencies', (SELECT count(*) FROM gateway.agencies_v WHERE valid_to IS NULL),
    'waiting', (SELECT jsonb_build_object('subject', count(*) FILTER (WHERE NOT record),
                   'record', count(*) FILTER (WHERE record), 'oldest', min(since)) FROM waiting),
    'quarantined', (SELECT count(*) FROM quarantined),
    'reasons', (SELECT coalesce(jsonb_agg(to_jsonb(reasons)), '[]') FROM reasons),
    'states', (SELECT coalesce(jsonb_agg(to_jsonb(states)), '[]') FROM states),
    'suspended', (SELECT count(*) FROM matcher.obligations_v WHERE suspended),
    'unacknowledged', (SELECT to_jsonb(u) || jsonb_build_object('name_zh', a.name_zh, 'name_en', a.name_en)
                         FROM unacknowledged u LEFT JOIN gateway.agencies_v a ON a.id = u.agency),
    'holding', (SELECT jsonb_build_object('number', coalesce(sum(number), 0), 'oldest', min(oldest)) FROM holders),
    'holders', (SELECT coalesce(jsonb_agg(to_jsonb(h)
                           || jsonb_build_object('name_zh', a.name_zh, 'name_en', a.name_en)), '[]')
                  FROM (SELECT * FROM holders ORDER BY number DESC, agency LIMIT 5) h
                  LEFT JOIN gateway.agencies_v a ON a.id = h.agency),
    'unsettled', (SELECT coalesce(jsonb_agg(to_jsonb(unsettled)), '[]') FROM unsettled),
    'troubles', (SELECT coalesce(jsonb_agg(to_jsonb(t) || jsonb_build_object('name_zh', a.name_zh, 'name_en', a.name_en)
                           ORDER BY t.number DESC, t.agency), '[]')
                   FROM troubles t LEFT JOIN gateway.agencies_v a ON a.id = t.agency),
    'unpublished', (SELECT jsonb_build_object('number', coalesce(sum(unpublished), 0), 'oldest', min(oldest))
                      FROM matcher.outbox_v),
    'drift', (SELECT count(*) FROM notifier.drift_v)
)::text AS answer
"""


async def ask(database: Database, since: datetime) -> Stored:
    """Reads everything; of the flow, what came `since`, a whole minute. Unavailable when PostgreSQL is away or slow."""
    async with database.writing() as conn:  # which only reads: the limit holds for one transaction
        await conn.execute(text(BOUNDS))
        answer = (await conn.execute(text(STATEMENT), {"since": since})).scalar_one()
    return understand(orjson.loads(answer))


def understand(answer: Mapping[str, Any]) -> Stored:
    """The typed facts of the statement's answer. Pure."""
    waiting, holding, unpublished = answer["waiting"], answer["holding"], answer["unpublished"]
    return Stored(
        at=datetime.fromisoformat(answer["at"]),
        flow=_flow(answer["flow"]),
        catalogue=_maybe(answer["catalogue"], lambda row: Catalogue(**row)),
        agencies=answer["agencies"],
        waiting=Waiting(subject=waiting["subject"], record=waiting["record"], oldest=_moment(waiting["oldest"])),
        quarantine=Quarantine(number=answer["quarantined"], reasons=tuple(Counted(**row) for row in answer["reasons"])),
        obligations=tuple(Counted(**row) for row in answer["states"]),
        suspended=answer["suspended"],
        unacknowledged=_maybe(answer["unacknowledged"], _unacknowledged),
        holding=Holding(
            number=int(holding["number"]),
            oldest=_moment(holding["oldest"]),
            holders=tuple(Holder(agency=_agency(row), number=row["number"]) for row in answer["holders"]),
        ),
        unsettled=tuple(Unsettled(**row) for row in answer["unsettled"]),
        troubles=tuple(_trouble(row) for row in answer["troubles"]),
        unpublished=Unpublished(number=int(unpublished["number"]), oldest=_moment(unpublished["oldest"])),
        drift=answer["drift"],
    )


def _flow(rows: list[tuple[str, int, float]]) -> dict[str, dict[int, int]]:
    flow: dict[str, dict[int, int]] = {}
    for stage, minute, number in rows:
        flow.setdefault(stage, {})[int(minute)] = int(number)
    return flow


def _unacknowledged(row: Mapping[str, Any]) -> Unacknowledged:
    return Unacknowledged(
        obligation=row["obligation"],
        measure=row["measure"],
        agency=_agency(row),
        delivered=row["delivered"],
        since=datetime.fromisoformat(row["since"]),
    )


def _trouble(row: Mapping[str, Any]) -> Trouble:
    return Trouble(
        agency=_agency(row),
        channel=row["channel"],
        state=row["state"],
        number=row["number"],
        since=datetime.fromisoformat(row["since"]),
        next_attempt_at=_moment(row["next_attempt_at"]),
        error=mask(row["error"] or ""),
    )


def _agency(row: Mapping[str, Any]) -> Agency:
    return Agency(id=row["agency"], name_zh=row["name_zh"] or row["agency"], name_en=row["name_en"] or row["agency"])


def _moment(raw: str | None) -> datetime | None:
    return None if raw is None else datetime.fromisoformat(raw)


def _maybe(raw: Mapping[str, Any] | None, read: Callable[[Mapping[str, Any]], T]) -> T | None:
    return None if raw is None else read(raw)
