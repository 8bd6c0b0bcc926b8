"""Understands what agencies were told: each notification, its deliveries, its attempts, and what they pull."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.store.database import Database, Row


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
