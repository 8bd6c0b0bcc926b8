"""Understands the entries that suppliers sent: what became of each, and what a waiting one waits for."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.store.database import Database, Row

SUBMISSION = (
    "submission, supplier, source, form, file_name, file_digest, received_at, entries, archived, duplicates, waiting,"
    " quarantined"
)
ENTRY = 'submission, index, "row", source, id, supplier, item, state, reasons, record, subject, received_at, decided_at'

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
