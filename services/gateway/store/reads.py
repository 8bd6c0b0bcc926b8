"""Understands what the gateway reads of the other services' views: entries, subjects, obligations, what was told."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.store.database import Database, Row

SUBMISSION = (
    "submission, supplier, source, form, file_name, file_digest, received_at, entries, archived, duplicates, waiting,"
    " quarantined"
)
ENTRY = 'submission, index, "row", source, id, supplier, item, state, reasons, record, subject, received_at, decided_at'
RECORD = (
    "record, organisation_code, item, kind, state, version, document, data, supplier, source, id, catalogue, decided_on,"
    " archived_at, ended_at, ended_by, subject_seq"
)
OBLIGATION = (
    "o.obligation, o.case_id, o.record, o.organisation_code, s.unified_code, s.name, o.item, o.measure, o.agency,"
    " o.department, o.round, o.epoch, o.version, o.state, o.suspended, o.due_on, o.mandatory, o.answer, o.answered_at,"
    " o.reason, o.catalogue, o.clause, o.rule, o.created_at, o.updated_at, o.still_holding, o.holding_since"
)
WITH_SUBJECT = "matcher.obligations_v o LEFT JOIN matcher.subjects_v s ON s.organisation_code = o.organisation_code"

# `awaits` is "<scheme>:<value>" of a subject, or "record:<organisation code>:<item>:<folded number>".
AWAITED = (
    "CASE WHEN NOT r.ends THEN split_part(w.awaits, ':', 1) END AS scheme,"
    " CASE WHEN NOT r.ends THEN substr(w.awaits, strpos(w.awaits, ':') + 1) END AS value,"
    " CASE WHEN r.ends THEN split_part(w.awaits, ':', 2) END AS organisation_code,"
    " CASE WHEN r.ends THEN split_part(w.awaits, ':', 3) END AS item,"
    " CASE WHEN r.ends THEN split_part(w.awaits, ':', 4) END AS folded_number"
)


class Submissions:
    """What became of what suppliers sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, *, supplier: str | None, before: str, limit: int) -> Sequence[Row]:
        """Newest first; a supplier of None stands for all of them. Counts are made for this page alone."""
        shown = await self._database.rows(
            "SELECT submission FROM ingest.submissions WHERE submission < :before"
            " AND (CAST(:supplier AS text) IS NULL OR supplier = :supplier) ORDER BY submission DESC LIMIT :limit",
            supplier=supplier,
            before=before,
            limit=limit,
        )
        return await self._database.rows(
            f"SELECT {SUBMISSION} FROM matcher.submissions_v WHERE submission = ANY (CAST(:shown AS text[]))"
            " ORDER BY submission DESC",
            shown=[row["submission"] for row in shown],
        )

    async def find(self, submission: str) -> Row | None:
        return await self._database.row(
            f"SELECT {SUBMISSION} FROM matcher.submissions_v WHERE submission = :submission", submission=submission
        )

    async def entries(self, submission: str, *, after: int, limit: int, states: Sequence[str] | None) -> Sequence[Row]:
        """In their order; `states` of None stands for all."""
        return await self._database.rows(
            f"SELECT {ENTRY} FROM matcher.entry_states_v WHERE submission = :submission AND index > :after"
            " AND (CAST(:states AS text[]) IS NULL OR state = ANY (CAST(:states AS text[])))"
            " ORDER BY index LIMIT :limit",
            submission=submission,
            after=after,
            limit=limit,
            states=None if states is None else list(states),
        )

    async def quarantined(self, submission: str) -> Sequence[Row]:
        """The refused rows of a file that have not been mended and sent again since."""
        return await self._database.rows(
            'SELECT "row", item, reasons, body FROM matcher.quarantine_v WHERE submission = :submission ORDER BY index',
            submission=submission,
        )

    async def decided(self, submissions: Sequence[str]) -> Sequence[Row]:
        """How many entries of each have an outcome."""
        return await self._database.rows(
            "SELECT submission, count(*) AS decided FROM matcher.entry_states_v"
            " WHERE submission = ANY (CAST(:submissions AS text[])) GROUP BY submission",
            submissions=list(submissions),
        )

    async def outcomes(self, submission: str) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT index, state, reasons, record FROM matcher.entry_states_v WHERE submission = :submission",
            submission=submission,
        )

    async def waits_for(self, entries: Sequence[tuple[str, str]]) -> Sequence[Row]:
        """What each waiting (source, id) is waiting for."""
        if not entries:
            return ()
        return await self._database.rows(
            f"SELECT w.source, w.id, {AWAITED}, w.since"
            " FROM matcher.waiting_v w CROSS JOIN LATERAL (SELECT starts_with(w.awaits, 'record:') AS ends) AS r"
            " JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS e (source, id)"
            " ON w.source = e.source AND w.id = e.id",
            sources=[source for source, _ in entries],
            ids=[id_ for _, id_ in entries],
        )

    async def of_entry(self, source: str, id_: str) -> Sequence[Row]:
        """Every time this (source, id) came, oldest first."""
        return await self._database.rows(
            f"SELECT {ENTRY} FROM matcher.entry_states_v WHERE source = :source AND id = :id"
            " ORDER BY decided_at, submission, index LIMIT 1000",
            source=source,
            id=id_,
        )


class Archive:
    """Subjects, records, cases and obligations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def subject(self, code: str, schemes: Sequence[str]) -> Row | None:
        """By unified code, organisation code or any other identifier of theirs."""
        columns = "organisation_code, unified_code, name, kind, seat, status, registered, registered_on"
        return await self._database.row(
            f"SELECT {columns} FROM matcher.subjects_v WHERE organisation_code = :code"
            f" UNION ALL SELECT {columns} FROM matcher.subjects_v WHERE unified_code = :code"
            f" UNION ALL SELECT {columns} FROM matcher.subjects_v WHERE organisation_code IN (SELECT organisation_code"
            "  FROM matcher.identifiers_v WHERE value = :code AND scheme = ANY (CAST(:schemes AS text[]))) LIMIT 1",
            code=code,
            schemes=list(schemes),
        )

    async def identifiers(self, subject: str) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT scheme, value, since FROM matcher.identifiers_v WHERE organisation_code = :subject"
            " ORDER BY scheme, value LIMIT 100",
            subject=subject,
        )

    async def records(self, subject: str, *, supplier: str | None) -> Sequence[Row]:
        return await self._database.rows(
            f"SELECT {RECORD} FROM matcher.records_v WHERE organisation_code = :subject"
            " AND (CAST(:supplier AS text) IS NULL OR supplier = :supplier) ORDER BY subject_seq LIMIT 1000",
            subject=subject,
            supplier=supplier,
        )

    async def record(self, subject: str, record: str) -> Row | None:
        return await self._database.row(
            f"SELECT {RECORD} FROM matcher.records_v WHERE organisation_code = :subject AND record = :record",
            subject=subject,
            record=record,
        )

    async def cases(self, subject: str, record: str) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT case_id, item, opened_at, closed_at FROM matcher.cases_v"
            " WHERE organisation_code = :subject AND record = :record ORDER BY opened_at, case_id",
            subject=subject,
            record=record,
        )

    async def obligations_of(self, subject: str, *, record: str | None, agency: str | None) -> Sequence[Row]:
        return await self._database.rows(
            f"SELECT {OBLIGATION} FROM {WITH_SUBJECT} WHERE o.organisation_code = :subject"
            " AND (CAST(:record AS text) IS NULL OR o.record = :record)"
            " AND (CAST(:agency AS text) IS NULL OR o.agency = :agency)"
            " ORDER BY o.created_at, o.measure, o.agency LIMIT 2000",
            subject=subject,
            record=record,
            agency=agency,
        )

    async def obligations(
        self, *, agency: str | None, state: str | None, holding: bool | None, after: str, limit: int
    ) -> Sequence[Row]:
        """By id. Those without an agency have none: `unrouted` lists them."""
        return await self._database.rows(
            f"SELECT {OBLIGATION} FROM {WITH_SUBJECT} WHERE o.obligation > :after"
            " AND (CAST(:agency AS text) IS NULL OR o.agency = :agency)"
            " AND (CAST(:state AS text) IS NULL OR o.state = :state)"
            " AND (CAST(:holding AS boolean) IS NULL OR o.still_holding = :holding)"
            " ORDER BY o.obligation LIMIT :limit",
            agency=agency,
            state=state,
            holding=holding,
            after=after,
            limit=limit,
        )

    async def unrouted(self, *, after: str, limit: int) -> Sequence[Row]:
        """Cases' measures that have no agency yet, by case, measure and department."""
        key = "o.case_id || '|' || o.measure || '|' || o.department"
        return await self._database.rows(
            f"SELECT {OBLIGATION}, {key} AS place FROM {WITH_SUBJECT} WHERE o.state = 'unrouted' AND {key} > :after"
            " ORDER BY place LIMIT :limit",
            after=after,
            limit=limit,
        )

    async def obligation(self, obligation: str) -> Row | None:
        return await self._database.row(
            f"SELECT {OBLIGATION} FROM {WITH_SUBJECT} WHERE o.obligation = :obligation", obligation=obligation
        )

    async def feedback(self, obligations: Sequence[str]) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT id, obligation, agency, epoch, version, answer, reason, document, happened_on, via, received_at,"
            " decided_at, outcome, refusal FROM matcher.feedback_v WHERE obligation = ANY (CAST(:obligations AS text[]))"
            " ORDER BY received_at, id LIMIT 2000",
            obligations=list(obligations),
        )


class Told:
    """What agencies were told, on which channels, and how each try ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def notifications(self, pairs: Sequence[tuple[str, str]], *, payload: bool = False) -> Sequence[Row]:
        """Of (agency, obligation) pairs, in the order in which they were issued."""
        if not pairs:
            return ()
        return await self._database.rows(
            "SELECT n.agency, n.obligation, n.lane, n.number, n.epoch, n.message, n.version, n.kind, n.state,"
            f" n.issued_at, n.void{', n.payload' if payload else ''} FROM notifier.notifications_v n"
            " JOIN unnest(CAST(:agencies AS text[]), CAST(:obligations AS text[])) AS p (agency, obligation)"
            " ON n.agency = p.agency AND n.obligation = p.obligation ORDER BY n.issued_at, n.message LIMIT 2000",
            agencies=[agency for agency, _ in pairs],
            obligations=[obligation for _, obligation in pairs],
        )

    async def deliveries(self, messages: Sequence[tuple[str, str]]) -> Sequence[Row]:
        """Of (agency, message) pairs."""
        return await self._database.rows(
            "SELECT d.agency, d.message, d.channel, d.state, d.attempts, d.next_attempt_at, d.delivered_at, d.last_error"
            " FROM notifier.deliveries_v d JOIN unnest(CAST(:agencies AS text[]), CAST(:messages AS text[]))"
            " AS p (agency, message) ON d.agency = p.agency AND d.message = p.message ORDER BY d.message, d.channel",
            agencies=[agency for agency, _ in messages],
            messages=[message for _, message in messages],
        )

    async def attempts(self, messages: Sequence[tuple[str, str]]) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT a.agency, a.message, a.channel, a.started_at, a.finished_at, a.outcome, a.detail"
            " FROM notifier.attempts_v a JOIN unnest(CAST(:agencies AS text[]), CAST(:messages AS text[]))"
            " AS p (agency, message) ON a.agency = p.agency AND a.message = p.message"
            " ORDER BY a.started_at LIMIT 5000",
            agencies=[agency for agency, _ in messages],
            messages=[message for _, message in messages],
        )

    async def pull(self, agency: str, epoch: int | None, ends: int, rest: int, limit: int) -> Sequence[Row]:
        """What the agency asks for, written down as an attempt before it is sent (interleavings 30)."""
        return await self._database.called(
            "SELECT lane, number, message, payload, kind, epoch FROM notifier.pull("
            "CAST(:agency AS text), CAST(:epoch AS integer), CAST(:ends AS bigint), CAST(:rest AS bigint),"
            " CAST(:limit AS integer))",
            agency=agency,
            epoch=epoch,
            ends=ends,
            rest=rest,
            limit=limit,
        )


async def business_date(database: Database) -> Row:
    """The date in China by the business clock, and the epoch."""
    found = await database.row(
        "SELECT ((now() + c.ahead) AT TIME ZONE 'Asia/Shanghai')::date AS today, e.epoch FROM hub.clock c, hub.epoch e"
    )
    assert found is not None, "hub.clock and hub.epoch have one row each"
    return found
