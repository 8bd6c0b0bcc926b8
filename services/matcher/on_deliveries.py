"""Understands credit.deliveries: what the notifier says became of an obligation's notification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from credithub import clock
from credithub.consumer import Write
from credithub.db.engine import AsyncConnection
from credithub.domain.notifications import DeliveryReport
from credithub.kafka.consumer import Record
from services.matcher.rules import answers
from services.matcher.rules.moves import Obligation
from services.matcher.store import duties as store
from services.matcher.store import moments


@dataclass(slots=True)
class OnDeliveries:
    async def __call__(self, records: Sequence[Record]) -> Write:
        reports = [DeliveryReport.from_bytes(record.value) for record in records]

        async def write(conn: AsyncConnection) -> Mapping[str, int]:
            known = await store.locked(conn, (r.obligation for r in reports))
            changed: dict[str, Obligation] = {}
            for report in reports:
                if (obligation := known.get(report.obligation)) is None:
                    continue
                after = answers.reported(obligation, report)
                if after != obligation:
                    known[report.obligation] = changed[report.obligation] = after
            await store.change(conn, list(changed.values()), clock.now())
            cancelled = [o for o in changed.values() if o.state == "cancelled"]
            await moments.drop(conn, [(o.organisation_code, "remind", o.obligation) for o in cancelled])
            return {"reported": len(reports)}

        return write
