"""Understands how facts enter the archive: new, known, from another source, annulled on arrival, or ending a listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from credithub import clock, ids
from credithub.domain.catalogue import Catalogue
from credithub.domain.events import CreditEvent
from services.matcher.batch import Batch, Repeat
from services.matcher.lives import Lives
from services.matcher.rules import filing, listings
from services.matcher.rules.changes import because
from services.matcher.rules.filing import Filed
from services.matcher.rules.records import Refused
from services.matcher.rules.terms import Terms, terms_of
from services.matcher.store import archive, entries, moments, notices, opened, register, witnesses
from services.matcher.store.archive import Ending, Entered, Held

Number = tuple[str, str, str]  # (organisation code, item, folded number)
Listed = tuple[str, str]  # (record, state)


@dataclass(slots=True)
class Facts:
    """The facts of one batch; subjects are locked."""

    batch: Batch
    lives: Lives
    renewed: list[Filed] = field(default_factory=list[Filed])  # what their owners said anew
    cases: list[Filed] = field(default_factory=list[Filed])  # what waited for a case that is open now: for the caller

    async def run(self, filed: Sequence[Filed]) -> None:
        """Archives facts, listings, notices and exits, and opens the cases of those that call upon someone."""
        entries: list[Filed] = []
        exits: list[tuple[Filed, str]] = []
        for one in filed:
            number = filing.ends_what(one.event, self.batch.books.catalogue(one.event.catalogue))
            if number is None:
                entries.append(one)
            else:
                exits.append((one, number))
        fresh = await self.archive(await self._listed(entries))
        await self._notices([f for f in fresh if f.event.role == "notice"])
        over = await self._waited_for(fresh)
        await self._exits(exits)
        await self._trigger([f for f in fresh if f.record not in over], look=bool(exits))

    async def _trigger(self, fresh: Sequence[Filed], *, look: bool) -> None:
        live = [f for f in fresh if self._acts(f)]
        if live and look:
            held = await archive.held(self.batch.conn, ((f.organisation_code or "", f.record or "") for f in live))
            live = [f for f in live if held[f.organisation_code or "", f.record or ""].state == "active"]
        if live:
            await self.batch.duties.trigger(live, self.batch.subjects, suspended=self.lives.suspended())

    def _acts(self, one: Filed) -> bool:
        catalogue = self.batch.books.catalogue(one.event.catalogue)
        subject = self.batch.subjects[one.organisation_code or ""]
        if not filing.triggers(one.event, catalogue, subject.subject_class):
            return False
        terms = self._terms(one)
        return terms.acts and terms.state_on(_day(one.event)) == "active"

    def _terms(self, one: Filed) -> Terms:
        return terms_of(one.event, self.batch.books.catalogue(one.event.catalogue))

    # ------------------------------------------------------------------------------------------ new or known
    async def archive(self, filed: Sequence[Filed]) -> list[Filed]:
        """Archives facts; gives those that are new. A known fact is a duplicate, a new version, or a conflict."""
        if not filed:
            return []
        filed = await self._keyed_once(filed)
        entered = [Entered(filed=f, seq=self.batch.seq(f), terms=self._terms(f), on=_day(f.event)) for f in filed]
        if await archive.archive(self.batch.conn, entered):
            fresh = list(filed)
        else:
            held = await archive.held(self.batch.conn, ((f.organisation_code or "", f.record or "") for f in filed))
            fresh = [f for f in filed if _is(f, held[f.organisation_code or "", f.record or ""])]
            await self._known([(f, held[f.organisation_code or "", f.record or ""]) for f in filed if f not in fresh])
        self.batch.counts["archived"] += len(fresh)
        await self._fall_due(fresh)
        return fresh

    async def _fall_due(self, fresh: Sequence[Filed]) -> None:
        rows = [
            (f.organisation_code or "", kind, f.record or "", day)
            for f in fresh
            if (terms := self._terms(f)).state_on(_day(f.event)) == "active"
            for kind, day in terms.moments()
        ]
        await moments.put(self.batch.conn, rows)

    async def _keyed_once(self, filed: Sequence[Filed]) -> list[Filed]:
        """A fact that is held under another code of the same subject keeps the key it has (nothing is keyed twice)."""
        groups = await register.groups(self.batch.conn, {f.organisation_code or "" for f in filed})
        if not groups:
            return list(filed)
        await self.batch.lock_others(sorted({other for others in groups.values() for other in others}))
        again = {
            (other, twin.record or ""): (f, twin)
            for f in filed
            for other in groups.get(f.organisation_code or "", ())
            for twin in (filing.file_event(f.event, other, ids.record_id),)
        }
        held = await archive.held(self.batch.conn, again)
        moved = {(again[key][0].event.source, again[key][0].event.id): again[key][1] for key in held}
        await entries.revise(
            self.batch.conn, [(twin.event, "archived", twin.organisation_code, twin.record) for twin in moved.values()]
        )
        return [moved.get((f.event.source, f.event.id), f) for f in filed]

    async def _known(self, known: Sequence[tuple[Filed, Held]]) -> None:
        """Facts that the archive has: said again, said anew by their owner, or said by somebody else."""
        older = await archive.older_contents(self.batch.conn, {(w.organisation_code, w.record) for _, w in known})
        repeats: list[Repeat] = []
        seen: list[tuple[Filed, bool]] = []
        for one, was in known:
            stale = one.event.content in older.get((was.organisation_code, was.record), ())
            match filing.said_again(one.event, content=was.content, supplier=was.supplier, active=was.state == "active",
                                    stale=stale):  # fmt: skip
                case "version":
                    await archive.new_version(self.batch.conn, one)
                    self.renewed.append(one)
                    await self.batch.duties.correct(
                        [(was.organisation_code, was.record)], because("corrected", one.event)
                    )
                    self.batch.counts["archived"] += 1
                case "duplicate":
                    repeats.append((one.event, "duplicate", [], was.record, was.organisation_code))
                case "witness":
                    seen.append((one, True))
                    repeats.append((one.event, "duplicate", [], was.record, was.organisation_code))
                case "conflict":
                    seen.append((one, False))
                    reason = {"code": "conflict", "value": was.record, "row": one.event.row}
                    repeats.append((one.event, "refused", [reason], was.record, was.organisation_code))
        await entries.forget(self.batch.conn, [event for event, *_ in repeats])
        await self.batch.file(repeats)
        await witnesses.heard(self.batch.conn, seen)

    # ------------------------------------------------------------------------------------------ lists
    async def _listed(self, entries: Sequence[Filed]) -> list[Filed]:
        """Refuses an entry on a list that demands a notice and had none, or whose waiting time was not over."""
        asked = [f for f in entries if listings.demands_notice(f.event, self._catalogue(f.event))]
        if not asked:
            return list(entries)
        wanted = [listings.notice_of(f.organisation_code or "", f.event, f.issuer) for f in asked]
        open_from = await notices.open_from(self.batch.conn, wanted)
        here = {  # given in this very batch, or it will be archived with it
            listings.notice_key(f.organisation_code or "", f.event, f.issuer): self._open_from(f.event)
            for f in entries
            if f.event.role == "notice"
        }
        refused: list[tuple[Filed, Refused]] = []
        for one, notice in zip(asked, wanted, strict=True):
            refusal = listings.too_early(one.event, open_from.get(notice) or here.get(notice))
            if refusal is not None:
                refused.append((one, refusal))
        await self.batch.refuse(refused)
        gone = {id(f) for f, _ in refused}
        return [f for f in entries if id(f) not in gone]

    async def _notices(self, given: Sequence[Filed]) -> None:
        await notices.put(
            self.batch.conn,
            [
                (listings.notice_key(f.organisation_code or "", f.event, f.issuer), f.event, self._open_from(f.event))
                for f in given
            ],
        )

    def _open_from(self, event: CreditEvent) -> date:
        list_type = self._catalogue(event).list_type_of(event.item)
        period = list_type.waiting if list_type else None
        given = listings.given_on(event)
        return self.batch.books.last_day(event.catalogue, period, given) or given if period else given

    def _catalogue(self, event: CreditEvent) -> Catalogue:
        return self.batch.books.catalogue(event.catalogue)

    # ------------------------------------------------------------------------------------------ what waited
    async def _waited_for(self, fresh: Sequence[Filed]) -> set[str]:
        """What waited for these records happens to them now (interleavings 4). Gives those that have ended by it."""
        if not fresh or not await register.any_waits_for_a_record(self.batch.conn):
            return set()
        groups = await register.groups(self.batch.conn, {f.organisation_code or "" for f in fresh})
        awaited = {
            filing.awaits_record(code, f.event.item, f.event.folded_number)
            for f in fresh
            for code in (f.organisation_code or "", *groups.get(f.organisation_code or "", ()))
        } | {filing.awaits_record_id(f.record or "") for f in fresh}
        waiters = [
            filing.file_event(event, event.organisation_code, ids.record_id)
            for event in await register.drain(self.batch.conn, awaited)
        ]
        if not waiters:
            return set()
        await self.batch.lock(waiters)
        await entries.revise(self.batch.conn, [(f.event, "archived", f.organisation_code, f.record) for f in waiters])
        exits = [
            (f, number) for f in waiters if (number := filing.ends_what(f.event, self._catalogue(f.event))) is not None
        ]
        ended = await self._exits(exits)
        self.cases += [f for f in waiters if f.event.role == "case"]
        apart = {id(f) for f, _ in exits} | {id(f) for f in self.cases}
        await self.lives.run([f for f in waiters if id(f) not in apart])
        return ended | self.lives.over()

    async def _exits(self, exits: Sequence[tuple[Filed, str]]) -> set[str]:
        """Ends the listings that these events name; one whose listing is unknown waits for it. Gives the ended."""
        if not exits:
            return set()
        conn = self.batch.conn
        wanted = [(f.organisation_code or "", f.event.item, number) for f, number in exits]
        kinds = {self._entry_kind(f.event) for f, _ in exits}
        found = await archive.by_number(conn, wanted, sorted(kinds))
        exits, wanted = await self._under_other_codes(exits, wanted, found, sorted(kinds))
        ready = [(f, found[key]) for (f, _), key in zip(exits, wanted, strict=True) if key in found]
        early = [(f, key) for (f, _), key in zip(exits, wanted, strict=True) if key not in found]
        fresh = {f.record: f for f in await self.archive([f for f, _ in ready])}
        ends = [
            Ending(organisation_code=f.organisation_code or "", record=record, state="removed", by=f.record or "",
                   reason=because("removed", f.event, said=f.event.data.get("removal", {}).get("reason")),
                   at=f.event.received_at, source=f.event.source, id=f.event.id, n=self.batch.seq(f))
            for f, targets in ready
            if f.record in fresh
            for record, state in targets
            if state == "active"
        ]  # fmt: skip
        await archive.end(conn, ends)
        await moments.drop(
            conn, [(e.organisation_code, kind, e.record) for e in ends for kind in ("display-ends", "term-ends")]
        )
        await moments.drop(conn, await opened.overtake(conn, [(e.organisation_code, e.record) for e in ends]))
        for end in ends:
            await self.batch.duties.lift([(end.organisation_code, end.record)], end.reason)
        await self._wait_for_listing(early)
        return {end.record for end in ends}

    async def _under_other_codes(
        self,
        exits: Sequence[tuple[Filed, str]],
        wanted: list[Number],
        found: dict[Number, list[Listed]],
        kinds: list[str],
    ) -> tuple[Sequence[tuple[Filed, str]], list[Number]]:
        """A listing that is held under another code of its subject is ended under that; adds it to `found`."""
        lost = {key[0] for key in wanted if key not in found}
        groups = await register.groups(self.batch.conn, lost) if lost else {}
        if not groups:
            return exits, wanted
        elsewhere = {key: [(code, *key[1:]) for code in groups.get(key[0], ())] for key in wanted if key not in found}
        found |= await archive.by_number(self.batch.conn, [n for numbers in elsewhere.values() for n in numbers], kinds)
        after: list[tuple[Filed, str]] = []
        for (one, number), key in zip(exits, wanted, strict=True):
            there = next((each for each in elsewhere.get(key, ()) if each in found), None)
            moved = await self.batch.refile(one, there[0]) if there else one
            after.append((moved, number))
        moves = [(f.event, "archived", f.organisation_code, f.record) for f, _ in after]
        await entries.revise(self.batch.conn, moves)
        return after, [(f.organisation_code or "", f.event.item, number) for f, number in after]

    async def _wait_for_listing(self, early: Sequence[tuple[Filed, tuple[str, str, str]]]) -> None:
        conn = self.batch.conn
        kept = [
            (filing.awaits_record(*key), replace(f.event, organisation_code=f.organisation_code)) for f, key in early
        ]
        await register.wait(conn, kept)
        await entries.revise(conn, [(f.event, "waiting-record", f.organisation_code, None) for f, _ in early])
        self.batch.counts["waiting-record"] += len(early)

    def _entry_kind(self, event: CreditEvent) -> str:
        list_type = self._catalogue(event).list_type_of(event.item)
        assert list_type is not None
        return list_type.entry.event


def _is(one: Filed, held: Held) -> bool:
    """Whether the archive's record was made by this very event, just now."""
    return held.mine and (held.source, held.id) == (one.event.source, one.event.id) and held.version == 1


def _day(event: CreditEvent) -> date:
    return datetime.fromisoformat(event.received_at).astimezone(clock.CHINA).date()
