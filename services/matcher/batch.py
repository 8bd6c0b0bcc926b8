"""Understands one transaction of the matcher: what it has locked, whose turn it is, how each entry ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from credithub import ids
from credithub.db.engine import AsyncConnection
from credithub.domain.events import CreditEvent, JsonObject
from services.matcher.books import Books
from services.matcher.duties import Duties
from services.matcher.rules.filing import Filed, Subject, file_event
from services.matcher.rules.records import Refused
from services.matcher.store import entries, subjects

Repeat = tuple[CreditEvent, str, list[JsonObject], str | None, str | None]


@dataclass(slots=True)
class Batch:
    """Everything that follows from one batch of events is decided and written through this."""

    conn: AsyncConnection
    books: Books
    duties: Duties
    counts: Counter[str] = field(default_factory=Counter[str])
    subjects: dict[str, Subject] = field(default_factory=dict[str, Subject])
    _seqs: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])  # each entry's place

    async def lock(self, filed: Sequence[Filed]) -> None:
        """Locks the subjects, in order, and gives each event its place in its subject's order: that of arrival."""
        wanted: dict[str, tuple[str | None, str | None, int]] = {}
        for one in filed:
            assert one.organisation_code
            unified, name, count = wanted.get(one.organisation_code, (None, None, 0))
            event = one.event
            wanted[one.organisation_code] = (unified or event.unified_code, name or event.name or None, count + 1)
        if wanted:
            self.subjects |= await subjects.lock_subjects(self.conn, wanted)
        places = {code: self.subjects[code].seq - count for code, (_, _, count) in wanted.items()}
        for one in filed:
            code = one.organisation_code or ""
            places[code] += 1
            self._seqs[one.event.source, one.event.id] = places[code]

    async def lock_others(self, codes: Sequence[str]) -> None:
        """Locks subjects of which no event is in this batch; they get no place."""
        fresh = [code for code in codes if code not in self.subjects]
        if fresh:
            self.subjects |= await subjects.lock_subjects(self.conn, dict.fromkeys(fresh, (None, None, 0)))

    async def refile(self, filed: Filed, code: str) -> Filed:
        """The same event under another code of its subject, in whose order it takes its place."""
        moved = file_event(filed.event, code, ids.record_id)
        await self.lock([moved])
        return moved

    def seq(self, filed: Filed) -> int:
        return self._seqs[filed.event.source, filed.event.id]

    async def file(self, repeats: Sequence[Repeat]) -> None:
        """Files entries that did not become part of the archive."""
        await entries.repeated(self.conn, repeats)
        for _, outcome, *_ in repeats:
            self.counts[outcome] += 1

    async def refuse(self, refusals: Sequence[tuple[Filed, Refused]]) -> None:
        """Takes back the claim of entries that only the archive can refuse; their supplier reads why."""
        if refusals:
            await entries.forget(self.conn, [f.event for f, _ in refusals])
            await self.file(
                [(f.event, "refused", [_reason(f.event, r)], None, f.organisation_code) for f, r in refusals]
            )


def _reason(event: CreditEvent, refused: Refused) -> JsonObject:
    return {"code": refused.code, "field": refused.field, "value": refused.value, "hint": None, "row": event.row}
