"""Understands credit.events: whose fact it is, whether it is new, and what follows, decided in one transaction a batch.

The order of locks is the same everywhere: (source, id), identifiers, subjects, then all else (interleavings 1, 7, 8).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from credithub import ids
from credithub.consumer import Write
from credithub.db.engine import AsyncConnection
from credithub.db.outbox import current_epoch
from credithub.domain.events import CreditEvent
from credithub.kafka.consumer import Record
from services.matcher.books import Books
from services.matcher.duties import Duties
from services.matcher.rules import filing
from services.matcher.rules.filing import Filed, Subject
from services.matcher.store import archive, register

Repeat = tuple[CreditEvent, str, list[dict[str, object]], str | None, str | None]


@dataclass(slots=True)
class OnEvents:
    books: Books

    async def __call__(self, records: Sequence[Record]) -> Write:
        events = [CreditEvent.from_bytes(record.value) for record in records]
        await self.books.catalogues.have({event.catalogue for event in events})

        async def write(conn: AsyncConnection) -> Mapping[str, int]:
            batch = Batch(conn, self.books)
            await batch.run(events)
            return batch.counts

        return write


@dataclass(slots=True)
class Batch:
    """One batch in one transaction."""

    conn: AsyncConnection
    books: Books
    counts: Counter[str] = field(default_factory=Counter[str])
    subjects: dict[str, Subject] = field(default_factory=dict[str, Subject])
    _seqs: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])  # each entry's place

    async def run(self, events: Sequence[CreditEvent]) -> None:
        filed = [filing.file_event(event, event.organisation_code, ids.record_id) for event in events]
        filed = await self._claim(filed)
        if not filed:
            return
        links = await self._identify(filed)
        filed = await self._resolve(filed, links)
        here = [f for f in filed if f.organisation_code]
        await self._lock(here)
        duties = Duties(self.conn, self.books, await current_epoch(self.conn))
        await self._wait([f for f in filed if not f.organisation_code])
        facts = [f for f in here if f.event.kind not in filing.REGISTER_KINDS]
        await self._archive(facts, duties)
        await self._register([f for f in here if f.event.kind in filing.REGISTER_KINDS], links, duties)
        await duties.emit()

    # ------------------------------------------------------------------------------------------ transport identity
    async def _claim(self, filed: Sequence[Filed]) -> list[Filed]:
        """Keeps what is new by (source, id); files the others as duplicate or conflict."""
        if await archive.claim(self.conn, filed):
            return list(filed)
        known = await archive.known(self.conn, ((f.event.source, f.event.id) for f in filed))
        fresh: list[Filed] = []
        repeats: list[Repeat] = []
        taken: set[tuple[str, str]] = set()
        for one in filed:
            event, before = one.event, known[one.event.source, one.event.id]
            here = (before.submission, before.index) == (event.submission, event.index)
            if before.mine and here and (event.source, event.id) not in taken:
                taken.add((event.source, event.id))
                fresh.append(one)
            elif not here:
                repeats.append(_repeat(event, before.digest, before.record, before.organisation_code))
            # else: the very entry came again (at least once); it has its verdict
        await self._file(repeats)
        return fresh

    async def _file(self, repeats: Sequence[Repeat]) -> None:
        await archive.repeated(self.conn, repeats)
        for _, outcome, *_ in repeats:
            self.counts[outcome] += 1

    # ------------------------------------------------------------------------------------------ who it is about
    async def _identify(self, filed: Sequence[Filed]) -> dict[tuple[str, str], str | None]:
        """Locks every identifier that this batch looks up or links."""
        wanted = [i for f in filed if not f.organisation_code for i in filing.identifiers_of(f.event)]
        wanted += [i for f in filed if f.event.kind in filing.REGISTER_KINDS for i in filing.cross_walk(f.event)]
        return await register.lock_identifiers(self.conn, wanted)

    async def _resolve(self, filed: Sequence[Filed], links: Mapping[tuple[str, str], str | None]) -> list[Filed]:
        """Gives events by an older identifier their subject, where the cross-walk knows it."""
        after: list[Filed] = []
        found: list[Filed] = []
        for one in filed:
            code = one.organisation_code or _linked(one.event, links)
            if code == one.organisation_code:
                after.append(one)
            else:
                found.append(filing.file_event(one.event, code, ids.record_id))
                after.append(found[-1])
        await archive.revise(self.conn, [(f.event, "archived", f.organisation_code, f.record) for f in found])
        return after

    async def _lock(self, filed: Sequence[Filed]) -> None:
        """Locks the subjects, in order, and gives each event its place in its subject's order: that of arrival."""
        wanted: dict[str, tuple[str | None, str | None, int]] = {}
        for one in filed:
            assert one.organisation_code
            unified, name, count = wanted.get(one.organisation_code, (None, None, 0))
            event = one.event
            wanted[one.organisation_code] = (unified or event.unified_code, name or event.name or None, count + 1)
        if wanted:
            self.subjects |= await archive.lock_subjects(self.conn, wanted)
        places = {code: self.subjects[code].seq - count for code, (_, _, count) in wanted.items()}
        for one in filed:
            code = one.organisation_code or ""
            places[code] += 1
            self._seqs[one.event.source, one.event.id] = places[code]

    def _seq(self, filed: Filed) -> int:
        return self._seqs[filed.event.source, filed.event.id]

    async def _wait(self, filed: Sequence[Filed]) -> None:
        """Events whose subject nobody knows yet wait, under each of their identifiers."""
        await register.wait(
            self.conn, [(filing.awaits_subject(i), f.event) for f in filed for i in filing.identifiers_of(f.event)]
        )
        self.counts["waiting-subject"] += len(filed)

    # ------------------------------------------------------------------------------------------ facts
    async def _archive(self, filed: Sequence[Filed], duties: Duties) -> None:
        if not filed:
            return
        entries: list[Filed] = []
        exits: list[tuple[Filed, str]] = []
        for one in filed:
            ends = filing.ends_what(one.event, self.books.catalogue(one.event.catalogue))
            if ends is None:
                entries.append(one)
            else:
                exits.append((one, ends))
        fresh = await self._records(entries, duties)
        live = await self._annul([f for f in fresh if self._triggers(f)])
        await self._exits(exits, duties)
        if live:
            ended = await self._ended_meanwhile(live) if exits else set[str]()
            await duties.trigger([f for f in live if f.record not in ended], self.subjects)

    def _triggers(self, filed: Filed) -> bool:
        return filing.triggers(filed.event, self.books.catalogue(filed.event.catalogue))

    async def _records(self, filed: Sequence[Filed], duties: Duties, by: Sequence[str | None] = ()) -> list[Filed]:
        """Archives facts; gives those that are new. A known fact is a duplicate, a new version, or a conflict."""
        ended = list(by) or [None] * len(filed)
        seqs = [self._seq(f) for f in filed]
        if await archive.archive(self.conn, filed, seqs, ended):
            self.counts["archived"] += len(filed)
            return list(filed)
        held = await archive.held(self.conn, ((f.organisation_code or "", f.record or "") for f in filed))
        fresh = [f for f in filed if _is(f, held[f.organisation_code or "", f.record or ""])]
        self.counts["archived"] += len(fresh)
        for one in filed:
            was = held[one.organisation_code or "", one.record or ""]
            if not _is(one, was):
                await self._known_fact(one, was, duties)
        return fresh

    async def _known_fact(self, one: Filed, was: archive.Held, duties: Duties) -> None:
        event = one.event
        if was.content != event.content and was.supplier == event.supplier and was.state == "active":
            await archive.new_version(self.conn, one)
            await duties.correct([(was.organisation_code, was.record)])
            self.counts["archived"] += 1
            return
        await archive.forget(self.conn, [event])
        same = was.content == event.content or was.state != "active"
        outcome = "duplicate" if same else "refused"
        reasons: list[dict[str, object]] = [] if same else [{"code": "conflict", "value": was.record, "row": event.row}]
        await self._file([(event, outcome, reasons, was.record, was.organisation_code)])

    async def _annul(self, filed: Sequence[Filed]) -> list[Filed]:
        """An end that came before its record annuls it on arrival (interleavings 4). Gives what remains."""
        awaited = {
            filing.awaits_record(f.organisation_code or "", f.event.item, f.event.folded_number): f for f in filed
        }
        live = {f.record: f for f in filed}
        for exit_event in await register.drain(self.conn, awaited):
            one = filing.file_event(exit_event, exit_event.organisation_code, ids.record_id)
            number = filing.ends_what(exit_event, self.books.catalogue(exit_event.catalogue)) or ""
            target = awaited[filing.awaits_record(one.organisation_code or "", exit_event.item, number)]
            await self._lock([one])
            await archive.archive(self.conn, [one], [self._seq(one)], [None])
            await archive.end(self.conn, [_ending(target.organisation_code or "", target.record or "", one)])
            await archive.revise(self.conn, [(exit_event, "archived", one.organisation_code, one.record)])
            self.counts["archived"] += 1
            live.pop(target.record, None)
        return list(live.values())

    async def _ended_meanwhile(self, live: Sequence[Filed]) -> set[str]:
        held = await archive.held(self.conn, ((f.organisation_code or "", f.record or "") for f in live))
        return {record.record for record in held.values() if record.state != "active"}

    async def _exits(self, exits: Sequence[tuple[Filed, str]], duties: Duties) -> None:
        """Ends the listings that these events name; one whose listing is unknown waits for it."""
        if not exits:
            return
        wanted = [(f.organisation_code or "", f.event.item, number) for f, number in exits]
        kinds = {self._entry_kind(f.event) for f, _ in exits}
        found = await archive.by_number(self.conn, wanted, sorted(kinds))
        ready = [(f, found[key]) for (f, _), key in zip(exits, wanted, strict=True) if key in found]
        early = [(f, key) for (f, _), key in zip(exits, wanted, strict=True) if key not in found]
        fresh = {f.record for f in await self._records([f for f, _ in ready], duties)}
        ends = [
            _ending(f.organisation_code or "", record, f)
            for f, targets in ready
            if f.record in fresh
            for record, state in targets
            if state == "active"
        ]
        await archive.end(self.conn, ends)
        await duties.lift([(code, record) for code, record, _, _ in ends])
        await register.wait(self.conn, [(filing.awaits_record(*key), _with_code(f)) for f, key in early])
        await archive.revise(self.conn, [(f.event, "waiting-record", f.organisation_code, None) for f, _ in early])
        self.counts["waiting-record"] += len(early)

    def _entry_kind(self, event: CreditEvent) -> str:
        list_type = self.books.catalogue(event.catalogue).list_type(event.item)
        assert list_type is not None
        return list_type.entry.event

    # ------------------------------------------------------------------------------------------ the register
    async def _register(
        self, filed: Sequence[Filed], links: Mapping[tuple[str, str], str | None], duties: Duties
    ) -> None:
        """Writes the register's words, links older identifiers, and takes up what waited for them."""
        if not filed:
            return
        fresh = await self._records(filed, duties)
        said = {f.organisation_code: filing.registered(f.event, f.organisation_code or "") for f in fresh}
        await register.register(self.conn, list(said.values()))
        for code, words in said.items():
            self.subjects[code or ""] = _with_register(self.subjects[code or ""], words)
        new_links: dict[tuple[str, str], tuple[str, str | None, str]] = {}
        for one in fresh:
            for identifier in filing.cross_walk(one.event):
                if links.get(identifier) is None:
                    since = one.event.data.get("registration", {}).get("effective_on")
                    new_links.setdefault(identifier, (one.organisation_code or "", since, one.record or ""))
        await register.cross_walk(
            self.conn, [(i, code, since, record) for i, (code, since, record) in new_links.items()]
        )
        await duties.route({f.organisation_code or "": self.subjects[f.organisation_code or ""] for f in fresh})
        await self._take_up({i: code for i, (code, _, _) in new_links.items()}, duties)

    async def _take_up(self, new_links: Mapping[tuple[str, str], str], duties: Duties) -> None:
        waiters = await register.drain(self.conn, (filing.awaits_subject(i) for i in new_links))
        if not waiters:
            return
        filed = [
            filing.file_event(e, next(new_links[i] for i in filing.identifiers_of(e) if i in new_links), ids.record_id)
            for e in waiters
        ]
        await self._lock(filed)
        await archive.revise(self.conn, [(f.event, "archived", f.organisation_code, f.record) for f in filed])
        await self._archive(filed, duties)


def _linked(event: CreditEvent, links: Mapping[tuple[str, str], str | None]) -> str | None:
    known = (links[i] for i in filing.identifiers_of(event) if i[0] != "name" and links.get(i))
    return next(known, None)


def _is(one: Filed, held: archive.Held) -> bool:
    """Whether the archive's record was made by this very event, just now."""
    return held.mine and (held.source, held.id) == (one.event.source, one.event.id) and held.version == 1


def _repeat(event: CreditEvent, digest: str, record: str | None, code: str | None) -> Repeat:
    if digest == event.digest:
        return (event, "duplicate", [], record, code)
    return (event, "refused", [{"code": "conflict", "field": "id", "value": event.id, "row": event.row}], record, code)


def _ending(code: str, record: str, by: Filed) -> tuple[str, str, str, str]:
    return (code, record, "removed", by.record or "")


def _with_code(filed: Filed) -> CreditEvent:
    """An exit that waits keeps the subject that was found for it."""
    return replace(filed.event, organisation_code=filed.organisation_code)


def _with_register(subject: Subject, said: filing.Registered) -> Subject:
    return replace(
        subject,
        unified_code=said.unified_code or subject.unified_code,
        name=said.name or subject.name,
        kind=said.kind or subject.kind,
        seat=said.seat or subject.seat,
        status=said.status or subject.status,
    )
