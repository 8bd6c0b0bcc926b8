"""Understands credit.submissions: each entry becomes a canonical event, or a quarantine row that says why not.

Deterministic and at least once: the same entry under the same stamps always ends in the same way, so a batch that
was sent but not committed is simply handled again. Content is never an exception.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from credithub import topics
from credithub.consumer import Write
from credithub.crashpoints import crashpoint
from credithub.db.catalogues import Catalogues
from credithub.db.engine import AsyncConnection
from credithub.domain.events import SUBMISSIONS_CONTEXT, CreditEvent, SubmittedEntry
from credithub.errors import Unavailable
from credithub.kafka.consumer import Record
from credithub.kafka.producer import Producer
from credithub.vault import Vault
from services.ingest import store
from services.ingest.judge import Judge, Quarantined


@dataclass(slots=True)
class OnSubmissions:
    vault: Vault
    producer: Producer
    catalogues: Catalogues
    judge: Judge

    async def __call__(self, records: Sequence[Record]) -> Write:
        entries = [SubmittedEntry.from_bytes(self.vault.decrypt(r.value, SUBMISSIONS_CONTEXT)) for r in records]
        await self.catalogues.have({entry.catalogue for entry in entries})
        events: list[tuple[bytes, bytes]] = []
        quarantined: list[Quarantined] = []
        for record, entry in zip(records, entries, strict=True):
            if entry.form == "manifest":
                continue
            match self.judge(entry, self.catalogues[entry.catalogue]):
                case CreditEvent() as event:
                    events.append((record.key, event.to_bytes()))
                case refused:
                    quarantined.append(refused)
        await self._send(events)
        counts = Counter({"normalised": len(events), "quarantined": len(quarantined)})

        async def write(conn: AsyncConnection) -> Mapping[str, int]:
            await store.submissions(conn, entries)
            await store.quarantine(conn, quarantined)
            return counts

        return write

    async def _send(self, events: Sequence[tuple[bytes, bytes]]) -> None:
        """All of them, or the batch is handled again: the matcher knows repeats."""
        if not events:
            return
        if not all(await self.producer.send_all(topics.EVENTS.name, events)):
            raise Unavailable("Kafka did not acknowledge all events of the batch")
        crashpoint("ingest.after_send_before_commit")
