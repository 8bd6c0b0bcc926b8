"""Understands what a catalogue version would end and make on the archive: counted in groups, listed row by row."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from credithub.db.engine import AsyncConnection, text
from credithub.domain.catalogue.change import Change, Duty
from credithub.domain.catalogue.preview import Group, Preview
from credithub.domain.routing import Affiliation, Agencies, Agency
from services.gateway.store.database import Database, Row

FETCH = 2_000  # rows of the list that are held at once
IN_ORDER = "ORDER BY organisation_code, record, measure, department, agency"
LIVE = "o.state NOT IN ('lifting', 'lifted', 'cancelled')"
ACTIVE = "r.state = 'active' AND r.tolerated IS NULL"
# When the fact began by its own words, told apart by the days on which a measure's own term would just not be over.
BUCKET = """CASE WHEN cardinality(CAST(:days AS date[])) = 0 THEN 0
    ELSE coalesce(width_bucket(coalesce((r.data #>> '{listing,listed_on}')::date, r.decided_on), CAST(:days AS date[])),
                  cardinality(CAST(:days AS date[]))) END"""

HELD = text(f"""
    SELECT o.item, o.measure, o.department, o.catalogue, s.seat, s.kind, s.class AS subject_class, count(*) AS number
      FROM matcher.obligations_v o JOIN matcher.subjects_v s ON s.organisation_code = o.organisation_code
     WHERE {LIVE} GROUP BY 1, 2, 3, 4, 5, 6, 7
""")
RECORDS = text(f"""
    SELECT r.item, r.kind AS event, s.seat, s.kind, s.class AS subject_class, s.superior, {BUCKET} AS bucket, count(*) AS number
      FROM matcher.records_v r JOIN matcher.subjects_v s ON s.organisation_code = r.organisation_code
     WHERE {ACTIVE} GROUP BY 1, 2, 3, 4, 5, 6, 7
""")
# Obligations that stand in the way of an added one, each with the department that answers for it today.
KEPT = f"""
    SELECT DISTINCT o.organisation_code, o.record, o.measure, k.today
      FROM matcher.obligations_v o JOIN matcher.subjects_v s ON s.organisation_code = o.organisation_code
      JOIN unnest(CAST(:k_items AS text[]), CAST(:k_measures AS text[]), CAST(:k_departments AS text[]),
                  CAST(:k_catalogues AS text[]), CAST(:k_seats AS text[]), CAST(:k_kinds AS text[]), CAST(:k_classes AS text[]),
                  CAST(:k_today AS text[])) AS k(item, measure, department, catalogue, seat, kind, class, today)
        ON (o.item, o.measure, o.department, o.catalogue, coalesce(s.seat, ''), s.kind, coalesce(s.class, ''))
         = (k.item, k.measure, k.department, k.catalogue, k.seat, k.kind, k.class)
     WHERE {LIVE} AND o.measure = ANY(CAST(:measures AS text[]))"""
HAVE_ONE = text(f"""
    SELECT r.item, r.kind AS event, s.seat, s.kind, s.class AS subject_class, s.superior, h.measure, h.today, {BUCKET} AS bucket, count(*) AS number
      FROM ({KEPT}) h
      JOIN matcher.records_v r ON r.organisation_code = h.organisation_code AND r.record = h.record
      JOIN matcher.subjects_v s ON s.organisation_code = r.organisation_code
     WHERE {ACTIVE} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
""")
ENDS = f"""
    SELECT 'end' AS what, o.organisation_code, o.record, o.item, o.measure, o.department, o.agency, o.obligation, e.because
      FROM matcher.obligations_v o JOIN matcher.subjects_v s ON s.organisation_code = o.organisation_code
      JOIN unnest(CAST(:items AS text[]), CAST(:e_measures AS text[]), CAST(:departments AS text[]),
                  CAST(:catalogues AS text[]), CAST(:seats AS text[]), CAST(:kinds AS text[]), CAST(:classes AS text[]),
                  CAST(:because AS text[])) AS e(item, measure, department, catalogue, seat, kind, class, because)
        ON (o.item, o.measure, o.department, o.catalogue, coalesce(s.seat, ''), s.kind, coalesce(s.class, ''))
         = (e.item, e.measure, e.department, e.catalogue, e.seat, e.kind, e.class)
     WHERE {LIVE}"""
MAKES = f"""
    SELECT CAST(:label AS text) AS what, r.organisation_code, r.record, r.item, p.measure, p.department, p.agency,
           NULL AS obligation, NULL AS because
      FROM matcher.records_v r JOIN matcher.subjects_v s ON s.organisation_code = r.organisation_code
      JOIN unnest(CAST(:items AS text[]), CAST(:events AS text[]), CAST(:seats AS text[]), CAST(:kinds AS text[]),
                  CAST(:classes AS text[]), CAST(:superiors AS text[]), CAST(:p_measures AS text[]),
                  CAST(:departments AS text[]), CAST(:agencies AS text[]), CAST(:begun AS date[]))
           AS p(item, event, seat, kind, class, superior, measure, department, agency, begun_from)
        ON (r.item, r.kind, coalesce(s.seat, ''), s.kind, coalesce(s.class, ''), coalesce(s.superior, ''))
         = (p.item, p.event, p.seat, p.kind, p.class, p.superior)
      LEFT JOIN ({KEPT}) h ON (h.organisation_code, h.record, h.measure, h.today)
                            = (r.organisation_code, r.record, p.measure, p.department)
     WHERE {ACTIVE} AND h.record IS NULL
       AND (p.begun_from IS NULL
            OR coalesce((r.data #>> '{{listing,listed_on}}')::date, r.decided_on, p.begun_from) >= p.begun_from)"""


class Previews:
    """Each preview reads one snapshot, so that its numbers and its list agree."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def agencies(self, on: date) -> Agencies:
        rows = await self._database.rows(
            "SELECT id, department, division, valid_from, valid_to FROM gateway.agencies_v"
        )
        return Agencies([Agency(**row) for row in rows], on=on)

    @asynccontextmanager
    async def of(self, change: Change) -> AsyncGenerator[Listed]:
        """The preview, and its snapshot to list from."""
        async with self._database.snapshot() as connection:
            yield Listed(connection, await _counted(connection, change))


class Listed:
    """A preview that was counted, and the rows behind it."""

    def __init__(self, connection: AsyncConnection, preview: Preview) -> None:
        self._connection = connection
        self.preview = preview

    async def ends(self, limit: int | None = None) -> AsyncIterator[Row]:
        """Obligations that would end: all, by subject and record, or any so many."""
        endings = self.preview.endings
        if endings:
            values = _duties(list(endings), "e_measures") | {"because": list(endings.values())}
            async for each in self._rows(ENDS, values, limit):
                yield each

    async def makes(self, label: str, limit: int | None = None) -> AsyncIterator[Row]:
        """Obligations that would be made, or in a hypothetical case would have been."""
        addings = list(self.preview.addings.values())
        if not addings:
            return
        values: dict[str, object] = {
            "items": [a.group.item for a in addings],
            "events": [a.group.event for a in addings],
            "seats": [a.group.seat or "" for a in addings],
            "kinds": [a.group.kind for a in addings],
            "classes": [a.group.of.subject_class or "" for a in addings],
            "superiors": [a.group.of.superior or "" for a in addings],
            "p_measures": [a.plan.measure_id for a in addings],
            "departments": [a.plan.department for a in addings],
            "agencies": [a.plan.agency for a in addings],
            "begun": [a.begun_from for a in addings],
            "label": label,
        }
        async for each in self._rows(MAKES, values | _kept(self.preview), limit):
            yield each

    async def _rows(self, sql: str, values: dict[str, object], limit: int | None) -> AsyncIterator[Row]:
        statement = text(f"{sql} {IN_ORDER}" if limit is None else f"{sql} LIMIT {limit:d}")
        found = await self._connection.stream(statement, values, execution_options={"yield_per": FETCH})
        async for each in found.mappings():
            yield {str(name): value for name, value in each.items()}


async def _counted(connection: AsyncConnection, change: Change) -> Preview:
    preview = Preview(change)
    held = await connection.execute(HELD)
    preview.held((_duty(row), row.number) for row in held)
    days = preview.thresholds()
    records = await connection.execute(RECORDS, {"days": days})
    preview.active((_group(r), r.bucket, r.number) for r in records)
    if preview.kept():
        rows = await connection.execute(HAVE_ONE, {"days": days} | _kept(preview))
        preview.have_one((_group(r), r.measure, r.today, r.bucket, r.number) for r in rows)
    return preview


def _group(row: Any) -> Group:
    return Group(row.item, row.event, row.seat, row.kind, Affiliation(row.subject_class, row.superior))


def _duty(row: Any) -> Duty:
    return Duty(
        item=row.item,
        measure=row.measure,
        department=row.department,
        catalogue=row.catalogue,
        seat=row.seat,
        kind=row.kind,
        subject_class=row.subject_class,
    )


def _kept(preview: Preview) -> dict[str, object]:
    kept = preview.kept()
    named = {f"k_{name}": values for name, values in _duties(list(kept), "measures").items()}
    return {**named, "k_today": list(kept.values()), "measures": preview.measures}


def _duties(duties: Sequence[Duty], measures: str) -> dict[str, object]:
    return {
        "items": [d.item for d in duties],
        measures: [d.measure for d in duties],
        "departments": [d.department for d in duties],
        "catalogues": [d.catalogue for d in duties],
        "seats": [d.seat or "" for d in duties],
        "kinds": [d.kind for d in duties],
        "classes": [d.subject_class or "" for d in duties],
    }
