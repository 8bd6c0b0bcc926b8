"""Understands obligations as the gateway reads them, with who still holds what has been suspended or has ended."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.store.database import Database, Row

OBLIGATION = (
    "o.obligation, o.case_id, o.record, o.organisation_code, s.unified_code, s.name, o.item, o.measure, o.agency,"
    " o.department, o.round, o.epoch, o.version, o.state, o.suspended, o.due_on, o.overdue, o.mandatory, o.answer,"
    " o.answered_at, o.reason, o.catalogue, o.clause, o.rule, o.created_at, o.updated_at, o.delivered_at,"
    " o.acknowledged_at, o.executed_at, o.declined_at, o.lifted_at, o.lift_reason, o.term_until, o.scope, o.reminded"
)
WITH_SUBJECT = "matcher.obligations_v o LEFT JOIN matcher.subjects_v s ON s.organisation_code = o.organisation_code"
HELD = (
    "h.obligation IS NOT NULL AS still_holding, h.since AS holding_since,"
    " round((extract(epoch FROM now() - h.since) / 3600)::numeric, 1)::float8 AS holding_hours"
)
HOLDER = "JOIN hub.still_holding_v h ON h.organisation_code = o.organisation_code AND h.obligation = o.obligation"


class Obligations:
    """What agencies owe, and what they still hold."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def obligations_of(self, subject: str, *, record: str | None, agency: str | None) -> Sequence[Row]:
        return await self.of_subjects([subject], record=record, agency=agency)

    async def of_subjects(self, codes: Sequence[str], *, record: str | None, agency: str | None) -> Sequence[Row]:
        return await self._database.rows(
            f"SELECT {OBLIGATION}, {HELD} FROM {WITH_SUBJECT} LEFT {HOLDER}"
            " WHERE o.organisation_code = ANY (CAST(:codes AS text[]))"
            " AND (CAST(:record AS text) IS NULL OR o.record = :record)"
            " AND (CAST(:agency AS text) IS NULL OR o.agency = :agency)"
            " ORDER BY o.created_at, o.measure, o.agency LIMIT 2000",
            codes=list(codes),
            record=record,
            agency=agency,
        )

    async def obligations(
        self,
        *,
        agency: str | None,
        state: str | None,
        holding: bool | None,
        overdue: bool | None,
        suspended: bool | None,
        after: str,
        limit: int,
    ) -> Sequence[Row]:
        """By id. Those without an agency have none: `unrouted` lists them."""
        join = HOLDER if holding else f"LEFT {HOLDER}"
        return await self._database.rows(
            f"SELECT {OBLIGATION}, {HELD} FROM {WITH_SUBJECT} {join} WHERE o.obligation > :after"
            " AND (CAST(:agency AS text) IS NULL OR o.agency = :agency)"
            " AND (CAST(:state AS text) IS NULL OR o.state = :state)"
            " AND (CAST(:holding AS boolean) IS NULL OR (h.obligation IS NOT NULL) = :holding)"
            " AND (CAST(:overdue AS boolean) IS NULL OR o.overdue = :overdue)"
            " AND (CAST(:suspended AS boolean) IS NULL OR o.suspended = :suspended)"
            " ORDER BY o.obligation LIMIT :limit",
            agency=agency,
            state=state,
            holding=holding,
            overdue=overdue,
            suspended=suspended,
            after=after,
            limit=limit,
        )

    async def unrouted(self, *, after: str, limit: int) -> Sequence[Row]:
        """Cases' measures that have no agency yet, by case, measure and department."""
        key = "o.case_id || '|' || o.measure || '|' || o.department"
        return await self._database.rows(
            f"SELECT {OBLIGATION}, false AS still_holding, {key} AS place FROM {WITH_SUBJECT}"
            f" WHERE o.state = 'unrouted' AND {key} > :after ORDER BY place LIMIT :limit",
            after=after,
            limit=limit,
        )

    async def obligation(self, obligation: str) -> Row | None:
        return await self._database.row(
            f"SELECT {OBLIGATION}, {HELD} FROM {WITH_SUBJECT} LEFT {HOLDER} WHERE o.obligation = :obligation",
            obligation=obligation,
        )

    async def feedback(self, obligations: Sequence[str]) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT id, obligation, agency, epoch, version, answer, reason, document, happened_on, via, received_at,"
            " decided_at, outcome, refusal FROM matcher.feedback_v WHERE obligation = ANY (CAST(:obligations AS text[]))"
            " ORDER BY received_at, id LIMIT 2000",
            obligations=list(obligations),
        )

    async def holding(self, *, agency: str | None) -> Sequence[Row]:
        """One row an agency that still holds, the one that has held longest first."""
        return await self._database.rows(
            "SELECT h.agency, a.name_zh, a.name_en, count(*) AS number,"
            " count(*) FILTER (WHERE h.state = 'lifting') AS lifting,"
            " count(*) FILTER (WHERE h.state = 'suspended') AS suspended, min(h.since) AS oldest,"
            " round((extract(epoch FROM now() - min(h.since)) / 3600)::numeric, 1)::float8 AS hours,"
            " max(h.reminded) AS reminded FROM hub.still_holding_v h LEFT JOIN gateway.agencies a ON a.id = h.agency"
            " WHERE CAST(:agency AS text) IS NULL OR h.agency = :agency"
            " GROUP BY h.agency, a.name_zh, a.name_en ORDER BY oldest, h.agency",
            agency=agency,
        )

    async def catching_up(self) -> bool:
        """Whether a restored hub is still taking up what came since: until then nobody knows who holds."""
        return await self._database.row("SELECT epoch FROM hub.catching_up_v LIMIT 1") is not None
