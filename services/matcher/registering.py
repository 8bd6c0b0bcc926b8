"""Understands the register's words: who a subject is, which older identifiers are its own, whose successor it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.matcher import informing
from services.matcher.batch import Batch
from services.matcher.facts import Facts
from services.matcher.regions import Regions
from services.matcher.rules import filing, linking
from services.matcher.rules.filing import Filed, Registered, Subject
from services.matcher.rules.records import Refused
from services.matcher.store import links as store
from services.matcher.store import register

Identifier = tuple[str, str]


@dataclass(slots=True)
class Registering:
    """The register's events of one batch; subjects are locked."""

    batch: Batch
    facts: Facts

    async def run(self, filed: Sequence[Filed], known: Mapping[Identifier, str | None]) -> dict[Identifier, str]:
        """Writes the register's words. Gives the identifiers that were linked just now, for which events may wait."""
        words = [f for f in filed if f.event.role == "register" or f.event.kind in filing.REGISTER_KINDS]
        linked = await self._registered(words, known)
        await self._links([f for f in filed if f.event.role == "link"])
        return linked

    async def _registered(
        self, filed: Sequence[Filed], known: Mapping[Identifier, str | None]
    ) -> dict[Identifier, str]:
        if not filed:
            return {}
        batch = self.batch
        new_ones = await self.facts.archive(filed)
        come = {(f.event.source, f.event.id): f for f in (*new_ones, *self.facts.renewed)}
        fresh = [come[name] for f in filed if (name := (f.event.source, f.event.id)) in come]
        said = {f.organisation_code or "": filing.registered(f.event, f.organisation_code or "") for f in fresh}
        await register.register(batch.conn, list(said.values()))
        before = {code: batch.subjects[code] for code in said}
        for code, words in said.items():
            batch.subjects[code] = _with_register(batch.subjects[code], words)
        new: dict[Identifier, tuple[str, str | None, str]] = {}
        for one in fresh:
            for identifier in filing.cross_walk(one.event):
                if known.get(identifier) is None:
                    since = one.event.data.get("registration", {}).get("effective_on")
                    new.setdefault(identifier, (one.organisation_code or "", since, one.record or ""))
        await register.cross_walk(batch.conn, [(i, code, since, record) for i, (code, since, record) in new.items()])
        await self._seated_with_their_heirs(sorted(said))
        await self._route(set(said))
        await informing.reclassed(
            batch.duties,
            [s for c, was in before.items() if (s := batch.subjects[c]).subject_class != was.subject_class],
        )
        return {i: code for i, (code, _, _) in new.items()}

    async def _seated_with_their_heirs(self, codes: Sequence[str]) -> None:
        """A late word of the register on a code that was taken over moves nothing away from who answers for it."""
        if not await register.groups(self.batch.conn, codes):
            return
        homes = await store.homes(self.batch.conn, codes)
        taken = {code: home for code, home in homes.items() if home != code}
        seats = await store.seats_said(self.batch.conn, sorted(set(taken.values())))
        self.batch.subjects |= {
            code: replace(self.batch.subjects[code], seat=seats.get(home)) for code, home in taken.items()
        }
        await store.reseat(self.batch.conn, {code: self.batch.subjects[code].seat for code in taken})

    async def _route(self, codes: set[str]) -> None:
        """What was open for these subjects goes where they are seated now; those that they took over go with them."""
        await self._routed({code: self.batch.subjects[code] for code in sorted(codes)})
        followers = await store.followers(self.batch.conn, codes)
        if followers:
            await self.batch.lock_others([code for code, _ in followers])
            moved = {
                old: replace(self.batch.subjects[old], seat=self.batch.subjects[new].seat) for old, new in followers
            }
            await store.reseat(self.batch.conn, {code: subject.seat for code, subject in moved.items()})
            self.batch.subjects |= moved
            await self._routed(moved)

    async def _routed(self, subjects: Mapping[str, Subject]) -> None:
        await self.batch.duties.route(subjects)
        await Regions(self.batch.duties).settle(subjects)

    # ------------------------------------------------------------------------------------------ links
    async def _links(self, filed: Sequence[Filed]) -> None:
        """Codes that belong together, or no longer: re-coded, merged, split, or such a link reverted."""
        for one in filed:  # rare, and each looks at what the one before it linked
            link = linking.read(one)
            await self.batch.lock_others(sorted(link.codes))
            if link.reverts:
                if not await store.revert(self.batch.conn, link):
                    await self.batch.refuse([(one, Refused(code="subject-code-unknown", field="reversal.with"))])
                    continue
            elif one.organisation_code in link.others:
                await self.batch.refuse(
                    [(one, Refused(code="conflict", field=f"{link.group}", value=one.organisation_code))]
                )
                continue
            if await self.facts.archive([one]) and not link.reverts:
                await store.link(self.batch.conn, link, one.record or "")
            await self._moved(link)

    async def _moved(self, link: linking.Link) -> None:
        """The cases of codes that were taken over are routed by the seat of whoever answers for them now."""
        if link.kind == "split":
            return
        conn, subjects = self.batch.conn, self.batch.subjects
        codes = sorted({*link.others, *(old for old, _ in await store.followers(conn, link.others))})
        await self.batch.lock_others(codes)
        homes = await store.homes(conn, codes)
        seats = await store.seats_said(conn, sorted(set(homes.values())))
        moved = {code: replace(subjects[code], seat=seats.get(homes[code])) for code in codes}
        await store.reseat(conn, {code: subject.seat for code, subject in moved.items()}, link.others, link.status)
        self.batch.subjects |= moved
        await self._routed(moved)


def _with_register(subject: Subject, said: Registered) -> Subject:
    return replace(
        subject,
        unified_code=said.unified_code or subject.unified_code,
        name=said.name or subject.name,
        kind=said.kind or subject.kind,
        seat=said.seat or subject.seat,
        status=said.status or subject.status,
        subject_class=said.subject_class or subject.subject_class,
        superior=said.superior or subject.superior,
    )
