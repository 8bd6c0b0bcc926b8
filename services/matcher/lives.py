"""Understands what happens to a record after its entry: changes, objections, repairs, and what falls due.

Events on one record follow one another in the order in which they came: the k-th of each record are taken together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from credithub import clock, ids
from credithub.domain.events import canonical
from services.matcher.batch import Batch
from services.matcher.rules import changes, objections
from services.matcher.rules import life as rules
from services.matcher.rules.filing import Filed, awaits_life, file_event, named_by_id, names
from services.matcher.rules.records import Awaits, Correction, Effect, Life, Refused, Step
from services.matcher.store import archive, entries, moments, opened, register
from services.matcher.store import life as store
from services.matcher.store.life import Change, Key, Named

ROLES = frozenset({"change", "objection", "repair"})
TOLD: tuple[Effect, ...] = ("corrected", "suspended", "resumed", "lifted")  # the order within one step


@dataclass(slots=True)
class Lives:
    """The records of one batch whose lives go on."""

    batch: Batch
    before: dict[Key, Life] = field(default_factory=dict[Key, Life])
    now: dict[Key, Life] = field(default_factory=dict[Key, Life])
    holders: dict[Key, set[str]] = field(default_factory=dict[Key, set[str]])

    async def run(self, filed: Sequence[Filed]) -> None:
        """Takes events whose subjects are locked; one whose record is unknown waits for it."""
        found = await self._found(filed)
        waves: list[list[tuple[Filed, Key]]] = []
        depth: dict[Key, int] = {}
        for one, key in found:
            depth[key] = depth.get(key, 0) + 1
            if depth[key] > len(waves):
                waves.append([])
            waves[depth[key] - 1].append((one, key))
        for wave in waves:
            await self._wave(wave)

    async def meant(self, filed: Sequence[Filed]) -> list[tuple[Filed, Life]]:
        """The events whose record is known, each with it as it stands; the others wait, or are refused."""
        return [(one, self.now[key]) for one, key in await self._found(filed)]

    def suspended(self) -> set[str]:
        """Of the records that were looked at: those that are suspended now."""
        return {life.record for life in self.now.values() if life.open}

    def over(self) -> set[str]:
        """Of the records that were looked at: those that have ended."""
        return {life.record for life in self.now.values() if life.state != "active"}

    # ------------------------------------------------------------------------------------------ which record
    async def _found(self, filed: Sequence[Filed]) -> list[tuple[Filed, Key]]:
        if not filed:
            return []
        found, early, refused = await self._find(filed)
        await self.batch.refuse(refused)
        await self._wait([(awaits_life(f), f) for f in early], "waiting-record")
        await self._load({key for _, key in found})
        return found

    async def _find(
        self, filed: Sequence[Filed]
    ) -> tuple[list[tuple[Filed, Key]], list[Filed], list[tuple[Filed, Refused]]]:
        groups = await register.groups(self.batch.conn, {f.organisation_code or "" for f in filed})
        codes = {
            f.organisation_code or "": [f.organisation_code or "", *groups.get(f.organisation_code or "", ())]
            for f in filed
        }
        by_id = [
            (code, name) for f in filed if (name := named_by_id(f.event)) for code in codes[f.organisation_code or ""]
        ]
        by_number = [(code, *n[1:]) for f in filed if (n := names(f)) for code in codes[n[0]]]
        known = await archive.held(self.batch.conn, by_id) if by_id else {}
        named: dict[tuple[str, str, str], list[Named]] = {}
        for row in await store.named(self.batch.conn, by_number):
            named.setdefault((row.organisation_code, row.item, row.folded_number), []).append(row)
        found: list[tuple[Filed, Key]] = []
        early: list[Filed] = []
        refused: list[tuple[Filed, Refused]] = []
        for one in filed:
            keys = [(code, named_by_id(one.event) or "") for code in codes[one.organisation_code or ""]]
            meant = [key for key in keys if key in known] or _meant(one, named, codes[one.organisation_code or ""])
            if len(meant) == 1:
                own = meant[0][0] == one.organisation_code
                found.append((one if own else await self.batch.refile(one, meant[0][0]), meant[0]))
            elif meant:
                refused.append((one, Refused(code="record-unclear", field="record", value=str(len(meant)))))
            else:
                early.append(one)
        return found, early, refused

    async def _wait(self, waiters: Sequence[tuple[str, Filed]], outcome: str) -> None:
        if waiters:
            kept = [(what, replace(f.event, organisation_code=f.organisation_code)) for what, f in waiters]
            await register.wait(self.batch.conn, kept)
            await entries.revise(self.batch.conn, [(f.event, outcome, f.organisation_code, None) for _, f in waiters])
            self.batch.counts[outcome] += len(waiters)

    async def _load(self, keys: Iterable[Key]) -> None:
        fresh = [key for key in keys if key not in self.now]
        if fresh:
            loaded = await store.lives(self.batch.conn, fresh)
            self.before |= loaded
            self.now |= loaded
            self.holders |= await store.holders(self.batch.conn, fresh)
            await self.batch.books.catalogues.have({life.catalogue for life in loaded.values()})

    # ------------------------------------------------------------------------------------------ one step each
    async def _wave(self, wave: Sequence[tuple[Filed, Key]]) -> None:
        steps: list[tuple[Filed, Step]] = []
        refused: list[tuple[Filed, Refused]] = []
        waiting: list[tuple[str, Filed]] = []
        taken = await opened.taken(self.batch.conn, [n for one, key in wave if (n := _opens(one, key))])
        for one, key in wave:
            match rules.live(self.now[key], one.event, self._world(one, key)):
                case Refused() as refusal:
                    refused.append((one, refusal))
                case Awaits(what=what):
                    waiting.append((f"{what}:{one.organisation_code}", one))
                case Step() if (number := _opens(one, key)) and taken.setdefault(number, key[1]) != key[1]:
                    refused.append((one, Refused(code="conflict", field="number", value=number[1])))
                case Step() as step:
                    steps.append((one, step))
        await self.batch.refuse(refused)
        await self._wait(waiting, "waiting-record")
        await self._taken(steps)
        await self._follow([one for one, _ in steps])

    async def _taken(self, steps: Sequence[tuple[Filed, Step]]) -> None:
        """What events did is written; each became part of the archive under the record it speaks of."""
        conn, batch = self.batch.conn, self.batch
        await self._settle(
            [
                (step, Change(life=step.life, n=batch.seq(f), at=f.event.received_at, change=step.change,
                              source=f.event.source, id=f.event.id, reason=step.reason))
                for f, step in steps
            ]
        )  # fmt: skip
        await entries.revise(
            conn, [(f.event, "archived", step.life.organisation_code, step.life.record) for f, step in steps]
        )
        batch.counts["archived"] += len(steps)
        await store.settle(conn, [(step.life.key, f.event.supplier) for f, step in steps if step.settles])

    async def _settle(self, done: Sequence[tuple[Step, Change]]) -> None:
        """Writes how records stand after one step each, what falls due, and tells those who must know."""
        if not done:
            return
        conn = self.batch.conn
        corrections: list[tuple[Key, Correction]] = [(s.life.key, s.correction) for s, _ in done if s.correction]
        await store.correct(conn, corrections)
        await opened.keep_open(conn, [(self.now[s.life.key], s.life) for s, _ in done])
        await store.stand(conn, [(s.life, change.at) for s, change in done])
        await store.remember(conn, [change for _, change in done])
        self.now |= {s.life.key: s.life for s, _ in done}
        moved = [(s.life.organisation_code, m.kind, m.ref, m.fires_on) for s, _ in done for m in s.moments]
        await moments.drop(conn, [(code, kind, ref) for code, kind, ref, day in moved if day is None])
        await moments.put(conn, [(code, kind, ref, day) for code, kind, ref, day in moved if day is not None])
        for effect in TOLD:
            await self._tell(effect, [s for s, _ in done if effect in s.effects])

    async def _tell(self, effect: Effect, steps: Sequence[Step]) -> None:
        """Those who hold obligations of these records hear of it; records with the same reason are told together."""
        duties = self.batch.duties
        tell = {
            "corrected": duties.correct, "suspended": duties.suspend, "resumed": duties.resume, "lifted": duties.lift,
        }[effect]  # fmt: skip
        together: dict[bytes, list[Step]] = {}
        for step in steps:
            together.setdefault(canonical(step.reason), []).append(step)
        for same in together.values():
            await tell([step.life.key for step in same], same[0].reason)

    async def _follow(self, taken: Sequence[Filed]) -> None:
        """An objection or application that has come takes up what waited for it."""
        come = {f"{number}:{f.organisation_code}" for f in taken if (number := rules.opens(f.event))}
        if waiters := await register.drain(self.batch.conn, come):
            filed = [file_event(event, event.organisation_code, ids.record_id) for event in waiters]
            await self.batch.lock(filed)
            await self.run(filed)

    def _world(self, one: Filed, key: Key) -> rules.World:
        version = self.now[key].catalogue
        return rules.World(
            on=_day(one.event.received_at),
            due=lambda period, start: self.batch.books.last_day(version, period, start),
            catalogue=self.batch.books.catalogue(version),
            holders=frozenset(self.holders.get(key, ())),
        )

    # ------------------------------------------------------------------------------------------ what falls due
    async def fell_due(self, due: Sequence[opened.Due]) -> int:
        """Works (organisation code, kind, ref) whose day has come; subjects are locked, rows re-read, and deleted by
        the caller. A record whose term is over leaves display and use by itself."""
        owners = await opened.owners(self.batch.conn, due)
        await self._load(set(owners.values()))
        at = clock.stamp()
        left: list[opened.Due] = [row for row in due if row in owners]
        while left:  # one moment of each record at a time
            firsts = {owners[row]: row for row in reversed(left)}
            await self._settle([done for key, row in firsts.items() if (done := self._over(key, row, at))])
            left = [row for row in left if firsts[owners[row]] != row]
        late = [row for row in due if row in owners and self._is_late(row, self.now[owners[row]])]
        await opened.escalate(self.batch.conn, late)
        return len(due)

    def _over(self, key: Key, row: opened.Due, at: str) -> tuple[Step, Change] | None:
        step = _due_step(self.now[key], row[1], row[2], at)
        if step is None:
            return None
        seq = self.batch.subjects[key[0]].seq
        return step, Change(life=step.life, n=seq, at=at, change=step.change, source=None, id=None, reason=step.reason)

    def _is_late(self, row: opened.Due, life: Life) -> bool:
        if row[1] == "repair-due":
            repair = life.repairs.get(row[2])
            return repair is not None and repair.state == "applied"
        number, _, who = row[2].rpartition("|")
        return row[1] == "verify-due" and objections.late(life, number, who)


def _opens(one: Filed, key: Key) -> tuple[str, str] | None:
    """The number under which the event opens an objection or an application: each is one of its subject's."""
    number = rules.opens(one.event)
    return (key[0], number) if number else None


def _due_step(life: Life, kind: str, ref: str, at: str) -> Step | None:
    if kind in ("display-ends", "term-ends") and life.may_become("expired"):
        return changes.ended(life, "expired", changes.because("expired"))
    number = ref.partition("|")[2]
    if kind == "shield-ends" and ("shielding", number) in life.open:
        return changes.end_shield(life, number, at)
    return None


def _meant(one: Filed, named: Mapping[tuple[str, str, str], list[Named]], codes: Sequence[str]) -> list[Key]:
    """The records that the event may speak of, under any code of its subject."""
    target = one.event.target or {}
    issuer, decided = target.get("issuer"), target.get("decided_on")
    wanted = names(one)
    return [
        (row.organisation_code, row.record)
        for code in (codes if wanted else ())
        for row in named.get((code, *wanted[1:]) if wanted else ("", "", ""), ())
        if issuer in (None, row.issuer) and decided in (None, row.decided_on)
    ]


def _day(stamp: str) -> date:
    return datetime.fromisoformat(stamp).astimezone(clock.CHINA).date()
