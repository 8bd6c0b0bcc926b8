"""Understands objections and applications for repair, as the gateway reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.gateway.store.database import Database, Row

OBJECTION = (
    "x.objection, x.organisation_code, s.unified_code, s.name, x.record, r.item, x.by, x.filed_by, x.ground, x.statement,"
    " x.document, x.state, x.opened_at, x.determining, x.supplier_due_on, x.supplier_finding, x.supplier_statement,"
    " x.supplier_at, x.collector_due_on, x.collector_finding, x.collector_statement, x.collector_at, x.escalated,"
    " x.closed_at, x.reason"
)
REPAIR = (
    "x.repair, x.organisation_code, s.unified_code, s.name, x.record, r.item, x.filed_by, x.determining, x.statement,"
    " x.commitment, x.duty_done_on, x.duty_document, x.document, x.state, x.applied_at, x.due_on, x.escalated,"
    " x.decided_at, x.reason, x.citation"
)
AROUND = (
    " LEFT JOIN matcher.subjects_v s ON s.organisation_code = x.organisation_code"
    " LEFT JOIN matcher.records_v r ON r.organisation_code = x.organisation_code AND r.record = x.record"
)
WANTED = (
    " WHERE (CAST(:state AS text) IS NULL OR x.state = :state) AND (CAST(:record AS text) IS NULL OR x.record = :record)"
    " AND (CAST(:subjects AS text[]) IS NULL OR x.organisation_code = ANY (CAST(:subjects AS text[])))"
    " AND (CAST(:party AS text) IS NULL OR x.determining = :party OR x.filed_by = :party)"
)
TO_VERIFY = (
    "x.state = 'open' AND CASE WHEN CAST(:own AS text) IS NULL THEN x.collector_at ELSE x.supplier_at END IS NULL"
)
LATE = (
    "x.state = 'open' AND (x.supplier_at IS NULL AND x.supplier_due_on < :on"
    " OR x.collector_at IS NULL AND x.collector_due_on < :on)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cases to list. `party`: whose they must be, as the one who filed or who determined; None for all."""

    on: date
    party: str | None = None
    state: str | None = None
    record: str | None = None
    subjects: Sequence[str] | None = None  # the codes of one subject
    mine: str | None = None  # to-verify | late
    after: str = ""
    limit: int = 100


class Life:
    """What is under way about records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def objections(self, wanted: Wanted) -> Sequence[Row]:
        """By number and subject. To verify: the department's own part, or the collector's where nobody is asked for."""
        more = {"to-verify": f" AND {TO_VERIFY}", "late": f" AND {LATE}"}.get(wanted.mine or "", "")
        if wanted.mine == "to-verify":
            more += " AND (CAST(:own AS text) IS NULL OR x.determining = :own)"
        place = "x.objection || '|' || x.organisation_code"
        return await self._database.rows(
            f"SELECT {OBJECTION}, {place} AS place FROM matcher.objections_v x{AROUND}{WANTED}{more}"
            f" AND {place} > :after ORDER BY place LIMIT :limit",
            **_values(wanted),
        )

    async def objection(self, number: str) -> Sequence[Row]:
        """A number is its filer's own: two may have used the same one about different subjects."""
        return await self._database.rows(
            f"SELECT {OBJECTION} FROM matcher.objections_v x{AROUND} WHERE x.objection = :number"
            " ORDER BY x.organisation_code LIMIT 100",
            number=number,
        )

    async def repairs(self, wanted: Wanted) -> Sequence[Row]:
        """By number and subject. To decide: what waits for the determining department."""
        more = {
            "to-decide": " AND x.state = 'applied' AND (CAST(:own AS text) IS NULL OR x.determining = :own)",
            "late": " AND x.state = 'applied' AND x.due_on < :on",
        }.get(wanted.mine or "", "")
        place = "x.repair || '|' || x.organisation_code"
        return await self._database.rows(
            f"SELECT {REPAIR}, {place} AS place FROM matcher.repairs_v x{AROUND}{WANTED}{more}"
            f" AND {place} > :after ORDER BY place LIMIT :limit",
            **_values(wanted),
        )

    async def repair(self, number: str) -> Sequence[Row]:
        return await self._database.rows(
            f"SELECT {REPAIR} FROM matcher.repairs_v x{AROUND} WHERE x.repair = :number"
            " ORDER BY x.organisation_code LIMIT 100",
            number=number,
        )


def _values(wanted: Wanted) -> dict[str, object]:
    names = ("on", "party", "state", "record", "after", "limit")
    return {
        **{name: getattr(wanted, name) for name in names},
        "own": wanted.party,
        "subjects": None if wanted.subjects is None else list(wanted.subjects),
    }
