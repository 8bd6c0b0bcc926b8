"""Understands the archive as the gateway reads it: subjects with the codes they are linked to, records, cases."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.store.database import Database, Row

SUBJECT = "organisation_code, unified_code, name, kind, seat, status, registered, registered_on"
RECORD = (
    "record, organisation_code, item, kind, state, version, document, data, supplier, source, id, catalogue, decided_on,"
    " archived_at, ended_at, ended_by, subject_seq, severity, disputed, shielded, in_conflict, tolerated, notes,"
    " display_until, repairable_from, term_until, end_reason"
)
# Codes that are one subject: re-coded or merged, and not taken back. A split makes several of one; they stay several.
GROUP = (
    "WITH RECURSIVE g (code) AS (SELECT CAST(:code AS text) UNION"
    " SELECT CASE WHEN l.from_code = g.code THEN l.to_code ELSE l.from_code END FROM g"
    " JOIN matcher.subject_links_v l ON (l.from_code = g.code OR l.to_code = g.code)"
    " AND l.kind IN ('recoded', 'merged') AND l.reverted_at IS NULL)"
)


class Archive:
    """Subjects, records and cases, as they stand now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def subject(self, code: str, schemes: Sequence[str]) -> Row | None:
        """By unified code, organisation code or any other identifier of theirs."""
        return await self._database.row(
            f"SELECT {SUBJECT} FROM matcher.subjects_v WHERE organisation_code = :code"
            f" UNION ALL SELECT {SUBJECT} FROM matcher.subjects_v WHERE unified_code = :code"
            f" UNION ALL SELECT {SUBJECT} FROM matcher.subjects_v WHERE organisation_code IN (SELECT organisation_code"
            "  FROM matcher.identifiers_v WHERE value = :code AND scheme = ANY (CAST(:schemes AS text[]))) LIMIT 1",
            code=code,
            schemes=list(schemes),
        )

    async def links(self, code: str) -> Sequence[Row]:
        """What joins this organisation code with others, directly or through them; splits of any of these too."""
        return await self._database.rows(
            f"{GROUP} SELECT DISTINCT l.from_code, l.to_code, l.kind, l.effective_on FROM matcher.subject_links_v l"
            " JOIN g ON l.from_code = g.code OR l.to_code = g.code WHERE l.reverted_at IS NULL"
            " ORDER BY l.effective_on, l.from_code, l.to_code LIMIT 200",
            code=code,
        )

    async def identifiers(self, codes: Sequence[str]) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT scheme, value, organisation_code, since FROM matcher.identifiers_v"
            " WHERE organisation_code = ANY (CAST(:codes AS text[])) ORDER BY scheme, value LIMIT 100",
            codes=list(codes),
        )

    async def records(self, codes: Sequence[str], *, supplier: str | None) -> Sequence[Row]:
        return await self._database.rows(
            f"SELECT {RECORD} FROM matcher.records_v WHERE organisation_code = ANY (CAST(:codes AS text[]))"
            " AND (CAST(:supplier AS text) IS NULL OR supplier = :supplier)"
            " ORDER BY archived_at, organisation_code, subject_seq LIMIT 1000",
            codes=list(codes),
            supplier=supplier,
        )

    async def record(self, subject: str, record: str) -> Row | None:
        return await self._database.row(
            f"SELECT {RECORD} FROM matcher.records_v WHERE organisation_code = :subject AND record = :record",
            subject=subject,
            record=record,
        )

    async def record_of(self, record: str) -> Row | None:
        """By its id alone, with the codes and the name of its subject."""
        columns = ", ".join(f"r.{name.strip()}" for name in RECORD.split(","))
        return await self._database.row(
            f"SELECT {columns}, s.unified_code, s.name FROM matcher.records_v r"
            " LEFT JOIN matcher.subjects_v s ON s.organisation_code = r.organisation_code WHERE r.record = :record",
            record=record,
        )

    async def cases(self, subject: str, record: str) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT case_id, item, opened_at, closed_at FROM matcher.cases_v"
            " WHERE organisation_code = :subject AND record = :record ORDER BY opened_at, case_id",
            subject=subject,
            record=record,
        )

    async def case(self, case: str) -> Row | None:
        return await self._database.row(
            "SELECT case_id, organisation_code, record, item, opened_at, closed_at FROM matcher.cases_v"
            " WHERE case_id = :case",
            case=case,
        )

    async def scopes(self, subject: str, case: str) -> Sequence[Row]:
        """The regions that were asked to join a case, and what each answered."""
        return await self._database.rows(
            "SELECT division, state, initiated_by, reason, asked_at, answered_by, answer_reason, answered_at"
            " FROM matcher.scopes_v WHERE organisation_code = :subject AND case_id = :case ORDER BY division",
            subject=subject,
            case=case,
        )
