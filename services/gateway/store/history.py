"""Understands what records were at earlier moments: each change with its reason, and what was known at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.gateway.store.database import Database, Row

# The state that the last change up to the moment left; of a record older than the list of changes, what its own row
# tells. Its content is that of the version then current: an older one is found under its number.
AS_OF = """
    SELECT r.record, r.organisation_code, r.item, r.kind, r.supplier, r.catalogue, r.decided_on, r.archived_at,
           known.version, known.state, known.disputed, known.shielded, known.why, known.since,
           CASE WHEN known.version = r.version THEN r.document ELSE v.document END AS document,
           CASE WHEN known.version = r.version THEN r.data ELSE v.data END AS data
      FROM matcher.records_v r
      LEFT JOIN LATERAL (
            SELECT c.version, c.state, c.disputed, c.shielded, c.reason, c.at FROM matcher.record_changes_v c
             WHERE c.organisation_code = r.organisation_code AND c.record = r.record AND c.at <= :moment
             ORDER BY c.n DESC, c.version DESC, c.at DESC LIMIT 1) AS c ON true
      LEFT JOIN LATERAL (
            SELECT min(o.version) AS version FROM matcher.record_versions_v o
             WHERE o.organisation_code = r.organisation_code AND o.record = r.record AND o.replaced_at > :moment) AS o ON true
     CROSS JOIN LATERAL (SELECT
            coalesce(c.version, o.version, r.version) AS version,
            coalesce(c.state, CASE WHEN r.ended_at <= :moment THEN r.state ELSE 'active' END) AS state,
            coalesce(c.disputed, false) AS disputed, coalesce(c.shielded, false) AS shielded, c.reason AS why,
            coalesce(c.at, r.archived_at) AS since) AS known
      LEFT JOIN matcher.record_versions_v v
            ON v.organisation_code = r.organisation_code AND v.record = r.record AND v.version = known.version
     WHERE r.organisation_code = ANY (CAST(:codes AS text[])) AND (CAST(:record AS text) IS NULL OR r.record = :record)
       AND (CAST(:supplier AS text) IS NULL OR r.supplier = :supplier)
       AND (c.at IS NOT NULL OR r.archived_at <= :moment AND NOT EXISTS (
            SELECT FROM matcher.record_changes_v n WHERE n.organisation_code = r.organisation_code AND n.record = r.record
                AND n.change = 'entered'))
     ORDER BY r.archived_at, r.organisation_code, r.subject_seq LIMIT 1000
"""


class History:
    """The past of records, for those whom it is open to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes(self, subject: str, record: str) -> Sequence[Row]:
        """Oldest first."""
        return await self._database.rows(
            "SELECT at, change, source, id, version, state, disputed, shielded, reason AS why"
            " FROM matcher.record_changes_v WHERE organisation_code = :subject AND record = :record"
            " ORDER BY n, version, at LIMIT 1000",
            subject=subject,
            record=record,
        )

    async def versions(self, subject: str, record: str) -> Sequence[Row]:
        """What it said before it was corrected, oldest first."""
        return await self._database.rows(
            "SELECT version, document, data, source, id, archived_at, replaced_at FROM matcher.record_versions_v"
            " WHERE organisation_code = :subject AND record = :record ORDER BY version LIMIT 1000",
            subject=subject,
            record=record,
        )

    async def witnesses(self, subject: str, record: str) -> Sequence[Row]:
        """Other sources of the same fact, and whether what they say differs and is settled."""
        return await self._database.rows(
            "SELECT supplier, source, id, agrees, document, data, seen_at, settled_at, settled_by"
            " FROM matcher.witnesses_v WHERE organisation_code = :subject AND record = :record ORDER BY seen_at LIMIT 100",
            subject=subject,
            record=record,
        )

    async def as_of(
        self, codes: Sequence[str], moment: datetime, *, record: str | None = None, supplier: str | None = None
    ) -> Sequence[Row]:
        """The records of these codes as they were known at that moment; those that came later are not among them."""
        return await self._database.rows(AS_OF, codes=list(codes), moment=moment, record=record, supplier=supplier)

    async def received(self, submission: str, codes: Sequence[str], record: str | None) -> Row | None:
        """The moment at which this submission's entries about the record, or about the subject, had been decided."""
        return await self._database.row(
            "SELECT max(decided_at) AS at FROM matcher.entry_states_v WHERE submission = :submission"
            " AND subject = ANY (CAST(:codes AS text[])) AND (CAST(:record AS text) IS NULL OR record = :record)"
            " HAVING max(decided_at) IS NOT NULL",
            submission=submission,
            codes=list(codes),
            record=record,
        )
