"""Understands credit.events: whose fact it is, whether it is new, and what follows, decided in one transaction a batch.

The order of locks is the same everywhere: (source, id), identifiers, subjects, then all else (interleavings 1, 7, 8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from credithub import ids
from credithub.consumer import Write
from credithub.db.engine import AsyncConnection
from credithub.db.outbox import current_epoch
from credithub.domain.events import CreditEvent
from credithub.kafka.consumer import Record
from services.matcher.batch import Batch, Repeat
from services.matcher.books import Books
from services.matcher.cases import Cases
from services.matcher.duties import Duties
from services.matcher.facts import Facts
from services.matcher.lives import ROLES, Lives
from services.matcher.registering import Identifier, Registering
from services.matcher.rules import filing
from services.matcher.rules.filing import Filed
from services.matcher.rules.records import Refused
from services.matcher.store import entries, register

REGISTER_ROLES = frozenset({"register", "link"})
ROOMS = ("fact", "exit", "register", "life", "case", "identity")  # in the order in which those of one turn are handled


@dataclass(slots=True)
class OnEvents:
    books: Books

    async def __call__(self, records: Sequence[Record]) -> Write:
        events = [CreditEvent.from_bytes(record.value) for record in records]
        await self.books.catalogues.have({event.catalogue for event in events})

        async def write(conn: AsyncConnection) -> Mapping[str, int]:
            batch = Batch(conn, self.books, Duties(conn, self.books, await current_epoch(conn)))
            await Arrival(batch).run(events)
            return batch.counts

        return write


@dataclass(slots=True)
class Arrival:
    """The way of one batch: claimed, identified, locked, then handled by what each event does."""

    batch: Batch

    async def run(self, events: Sequence[CreditEvent]) -> None:
        filed = [filing.file_event(event, event.organisation_code, ids.record_id) for event in events]
        filed = await self._claim(filed)
        if not filed:
            return
        links = await self._identify(filed)
        filed = await self._resolve(filed, links)
        here = [f for f in filed if f.organisation_code]
        await self.batch.lock(here)
        await self._wait([f for f in filed if not f.organisation_code])
        await self._handle(here, links)
        await self.batch.duties.emit()

    async def _handle(self, here: Sequence[Filed], links: Mapping[Identifier, str | None]) -> None:
        others = await register.groups(self.batch.conn, {f.organisation_code or "" for f in here})
        for turn in _turns([(one, self._place(one)) for one in here], others):
            await self._turn(turn, links)

    def _place(self, one: Filed) -> int:
        """When it is handled within its turn: by its room, and what ends a listing after all other facts."""
        ends = filing.ends_what(one.event, self.batch.books.catalogue(one.event.catalogue)) is not None
        return ROOMS.index("exit" if ends else _room(one))

    async def _turn(self, here: Sequence[Filed], links: Mapping[Identifier, str | None]) -> None:
        """Facts first, then what the register says, then what happens to records and cases."""
        by_role: dict[str, list[Filed]] = {}
        for one in here:
            by_role.setdefault(_room(one), []).append(one)
        lives = Lives(self.batch)
        facts = Facts(self.batch, lives)
        await facts.run(by_role.get("fact", ()))
        linked = await Registering(self.batch, facts).run(by_role.get("register", ()), links)
        await lives.run(by_role.get("life", ()))
        await Cases(self.batch, lives).run([*facts.cases, *by_role.get("case", ())])
        await self._take_up(linked, await self._confirmed(by_role.get("identity", ())), links)

    # ------------------------------------------------------------------------------------------ transport identity
    async def _claim(self, filed: Sequence[Filed]) -> list[Filed]:
        """Keeps what is new by (source, id); files the others as duplicate or conflict."""
        if await entries.claim(self.batch.conn, filed):
            return list(filed)
        known = await entries.known(self.batch.conn, ((f.event.source, f.event.id) for f in filed))
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
        await self.batch.file(repeats)
        return fresh

    # ------------------------------------------------------------------------------------------ who it is about
    async def _identify(self, filed: Sequence[Filed]) -> dict[Identifier, str | None]:
        """Locks every identifier that this batch looks up or links."""
        wanted = [i for f in filed if not f.organisation_code for i in filing.identifiers_of(f.event)]
        wanted += [i for f in filed if f.event.kind in filing.REGISTER_KINDS for i in filing.cross_walk(f.event)]
        return await register.lock_identifiers(self.batch.conn, wanted)

    async def _resolve(self, filed: Sequence[Filed], links: Mapping[Identifier, str | None]) -> list[Filed]:
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
        await entries.revise(self.batch.conn, [(f.event, "archived", f.organisation_code, f.record) for f in found])
        return after

    async def _wait(self, filed: Sequence[Filed]) -> None:
        """Events whose subject nobody knows yet wait, under each of their identifiers."""
        await register.wait(
            self.batch.conn,
            [(filing.awaits_subject(i), f.event) for f in filed for i in filing.identifiers_of(f.event)],
        )
        self.batch.counts["waiting-subject"] += len(filed)

    async def _confirmed(self, filed: Sequence[Filed]) -> dict[tuple[str, str], str]:
        """A person said whose an event is that gave a name alone: (source, id) to the organisation code."""
        said: dict[tuple[str, str], str] = {}
        for one in filed:
            identity = one.event.data["identity"]
            entry = (str(identity["source"]), str(identity["id"]))
            if entry in said or not await register.waits_by_name(self.batch.conn, *entry):
                await self.batch.refuse([(one, Refused(code="nothing-waits", field="identity.id", value=entry[1]))])
                continue
            if identity["decision"] == "confirmed":
                said[entry] = one.organisation_code or ""
            await entries.revise(self.batch.conn, [(one.event, "archived", one.organisation_code, None)])
            self.batch.counts["archived"] += 1
        return said

    async def _take_up(
        self,
        linked: Mapping[Identifier, str],
        confirmed: Mapping[tuple[str, str], str],
        links: Mapping[Identifier, str | None],
    ) -> None:
        """Events that waited for a subject which is known now go the way they would have gone."""
        if not linked and not confirmed:
            return
        waiters = await register.drain(self.batch.conn, (filing.awaits_subject(i) for i in linked))
        waiters += await register.take_out(self.batch.conn, list(confirmed))
        if not waiters:
            return
        filed = [filing.file_event(e, _whose(e, linked, confirmed), ids.record_id) for e in waiters]
        await self.batch.lock(filed)
        await entries.revise(self.batch.conn, [(f.event, "archived", f.organisation_code, f.record) for f in filed])
        await self._handle(filed, links)


def _turns(here: Sequence[tuple[Filed, int]], others: Mapping[str, Sequence[str]]) -> list[list[Filed]]:
    """Events cut so that each subject's are handled in the order of its archive, whichever batch they came in.

    `others`: the other codes of a subject. A link may concern anybody: it has a turn of its own.
    """
    turns: list[list[Filed]] = []
    reached: dict[str, tuple[int, int]] = {}  # subject: its turn, and the room it came to in it
    barrier = 0
    for one, room in here:
        code = min([one.organisation_code or "", *others.get(one.organisation_code or "", ())])
        link = one.event.role == "link"
        turn, last = max(reached.get(code, (0, 0)), (barrier, 0))
        turn = len(turns) if link else turn + (room < last)
        turns.extend([] for _ in range(turn + 1 - len(turns)))
        turns[turn].append(one)
        reached[code] = (turn, room)
        barrier = turn + 1 if link else barrier
    return turns


def _room(one: Filed) -> str:
    """Who handles an event: by its role; one of an earlier version of the hub has none but its kind."""
    role = one.event.role
    if role in ROLES:
        return "life"
    if role in REGISTER_ROLES or one.event.kind in filing.REGISTER_KINDS:
        return "register"
    return role if role in ("case", "identity") else "fact"


def _whose(event: CreditEvent, linked: Mapping[Identifier, str], confirmed: Mapping[tuple[str, str], str]) -> str:
    said = confirmed.get((event.source, event.id))
    return said or next(linked[i] for i in filing.identifiers_of(event) if i in linked)


def _linked(event: CreditEvent, links: Mapping[Identifier, str | None]) -> str | None:
    known = (links[i] for i in filing.identifiers_of(event) if i[0] != "name" and links.get(i))
    return next(known, None)


def _repeat(event: CreditEvent, digest: str, record: str | None, code: str | None) -> Repeat:
    if digest == event.digest:
        return (event, "duplicate", [], record, code)
    return (event, "refused", [{"code": "conflict", "field": "id", "value": event.id, "row": event.row}], record, code)
