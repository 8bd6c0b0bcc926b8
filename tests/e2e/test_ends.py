"""An end is proven to have arrived: 200 obligations, 40 agencies, ten of them away, and who holds at every moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, TypeVar

import asyncpg
import pytest

from tests.e2e import papers
from tests.e2e.desks import Barrier, Desk, each, until_all
from tests.harness.eventually import eventually_so
from tests.harness.hub import Holder, Hub

T = TypeVar("T")
# Together they have 25 pairs of measure and department: two records in each of four counties are 200 obligations.
DEPARTMENTS = ("nfra", "pboc", "cpd", "ccc", "gacc", "samr", "miit", "mem", "moj", "nfga")
COUNTIES, RECORDS, AGENCIES, OBLIGATIONS = 4, 2, 40, 200
# Who holds, worked out from what is written down elsewhere: holds, records, attempts, answers. One statement sees one moment.
MOMENT = """
    WITH held AS (
        SELECT obligation || ' ' || state AS one FROM hub.still_holding_v WHERE agency = ANY($1)
    ), should AS (
        SELECT o.obligation || CASE WHEN r.state = 'active' THEN ' suspended' ELSE ' lifting' END AS one
          FROM matcher.obligations o JOIN matcher.records r USING (organisation_code, record)
         WHERE o.agency = ANY($1)
           AND (r.state <> 'active' OR EXISTS (
               SELECT FROM matcher.holds h WHERE h.organisation_code = o.organisation_code AND h.record = o.record
                  AND h.opened_at IS NOT NULL AND h.closed_at IS NULL))
           AND EXISTS (
               SELECT FROM notifier.notifications n JOIN notifier.attempts a ON a.agency = n.agency AND a.message = n.message
                WHERE n.agency = o.agency AND n.obligation = o.obligation)
           AND NOT EXISTS (
               SELECT FROM matcher.feedback f
                WHERE f.obligation = o.obligation AND (f.epoch, f.version) = (o.epoch, o.version) AND f.outcome = 'accepted'
                  AND f.answer = CASE WHEN r.state = 'active' THEN 'suspension-confirmed' ELSE 'lift-confirmed' END)
    )
    SELECT ARRAY(SELECT split_part(one, ' ', 1) FROM held) AS held,
           ARRAY(SELECT one FROM held EXCEPT SELECT one FROM should) AS too_many,
           ARRAY(SELECT one FROM should EXCEPT SELECT one FROM held) AS missing
"""


@dataclass(slots=True)
class Watch:
    """Looks at the view again and again, beside everything that happens."""

    url: str
    agencies: list[str]
    looks: int = 0
    held: frozenset[str] = frozenset()
    sizes: set[int] = field(default_factory=set[int])
    wrong: list[tuple[list[str], list[str]]] = field(default_factory=list[tuple[list[str], list[str]]])

    @contextmanager
    def watching(self) -> Generator[None]:
        enough = Event()
        thread = Thread(target=lambda: asyncio.run(self._until(enough)))
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()

    async def _until(self, enough: Event) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            while not enough.wait(0.05):
                row = await connection.fetchrow(MOMENT, self.agencies)
                assert row
                self.held = frozenset(row["held"])
                self.looks += 1
                self.sizes.add(len(self.held))
                if row["too_many"] or row["missing"]:
                    self.wrong.append((row["too_many"], row["missing"]))
        finally:
            await connection.close()


@dataclass(slots=True)
class Story:
    """What happens to eight records, and who must be holding by what the agencies were told and have confirmed."""

    hub: Hub
    desks: list[Desk]
    never: Desk  # pulls, and has never asked: it was never told anything
    court: Holder
    register: Holder
    counties: list[str]
    watch: Watch
    of: dict[str, set[str]] = field(default_factory=dict[str, set[str]])  # obligations by record
    ended_or_in_doubt: set[str] = field(default_factory=set[str])
    confirmed: set[str] = field(default_factory=set[str])

    @property
    def away(self) -> list[Desk]:
        return [desk for desk in self.desks if not desk.here]

    @property
    def here(self) -> list[Desk]:
        return [desk for desk in self.desks if desk.here]

    # ------------------------------------------------------------------------------------------ what happens
    def list_all(self) -> tuple[list[str], list[str]]:
        """Two listings in each county; gives the numbers of the first ones, and of the second."""
        cases: list[list[str]] = []
        for county in self.counties:
            who = self.hub.organisation()
            event = self.register.event(
                "subject.registered", papers.registration(who, county), self.hub.id("registration")
            )
            assert self.register.states(event) == ["archived"]
            cases.append([papers.case_number(who.number + n) for n in range(RECORDS)])
            listings = [papers.listing(papers.subject(who), case) for case in cases[-1]]
            made = [self.court.event("judgment-debtor.listed", one, self.hub.id("listing")) for one in listings]
            assert self.court.states(*made) == ["archived"] * RECORDS
        return [first for first, _ in cases], [second for _, second in cases]

    def object_to(self, records: Sequence[str]) -> list[str]:
        """Gives the numbers of the objections."""

        def file(record: str) -> str:
            said = {"record": record, "ground": "facts", "statement": "该笔债务已履行"}
            return str(self._act("/v1/objections", said)["objection"])

        self._changed(records)
        return self._at_once(file, records)

    def refuse(self, numbers: Sequence[str], records: Sequence[str]) -> None:
        def close(number: str) -> None:
            for by in (self.hub.operator, self.court):
                self._act(
                    f"/v1/objections/{number}/verifications", {"finding": "correct", "statement": "经核实无误"}, by
                )
            self._act(f"/v1/objections/{number}/closing", {"outcome": "refused", "reason": "经核实无误"})

        self._at_once(close, numbers)
        self._changed(records)
        self.ended_or_in_doubt -= set(records)

    def repair(self, records: Sequence[str]) -> None:
        def grant(record: str) -> None:
            asked = {"record": record, "commitment": True, "duty_done_on": "2026-11-10", "duty_document": "结案通知书"}
            number = self._act("/v1/repairs", asked)["repair"]
            paper = papers.document(self.hub.id("修决"), papers.COURT, "2026-11-20")
            decided = {"outcome": "granted", "reason": "条件具备", "document": paper}
            self._act(f"/v1/repairs/{number}/decision", decided, self.court)

        self._at_once(grant, records)
        self._changed(records)

    def _at_once(self, act: Callable[[str], T], each: Sequence[str]) -> list[T]:
        with ThreadPoolExecutor(len(each)) as hands:
            return list(hands.map(act, each))

    def _act(self, path: str, content: dict[str, Any], by: Holder | None = None) -> Any:
        holder = by or self.hub.operator
        told = holder.call("POST", path, content=content).ok(201, 202)
        path = f"/v1/submissions/{told['submission']}"
        decided = eventually_so(lambda: holder.get(path), lambda found: found["state"] == "decided", within=30)
        assert [entry["state"] for entry in decided["results"]] == ["archived"], decided
        return told

    def _changed(self, records: Sequence[str]) -> None:
        self.ended_or_in_doubt |= set(records)
        self.confirmed -= set[str]().union(*(self.of[record] for record in records))

    def confirm(self, desks: Sequence[Desk], records: Iterable[str]) -> None:
        done: list[set[str]] = []
        each(desks, lambda desk: done.append(desk.confirm(records)))
        self.confirmed |= set[str]().union(*done)

    # ------------------------------------------------------------------------------------------ what must be so
    def must_hold(self) -> set[str]:
        doubtful = set[str]().union(*(self.of[record] for record in self.ended_or_in_doubt)) if self.of else set[str]()
        return doubtful - self.confirmed

    def holds(self, number: int) -> None:
        """The view names those of whom the story says so, that many; and the door says the same."""
        wanted = self.must_hold()
        assert len(wanted) == number
        looks = self.watch.looks + 1  # one may be under way
        why = f"{number} obligations still held"
        eventually_so(
            lambda: self.watch.looks > looks and self.watch.held, lambda held: held == wanted, within=60, why=why
        )
        mine = {desk.name for desk in (*self.desks, self.never)}
        rows = [row for row in self.hub.operator.get("/v1/holding")["holding"] if row["agency"] in mine]
        assert sum(row["number"] for row in rows) == number
        assert self.never.name not in {row["agency"] for row in rows}

    def all_know(self, desks: Sequence[Desk], records: Iterable[str], version: int, why: str) -> None:
        wanted = set(records)

        def know(desk: Desk) -> bool:
            newest = [told for told in desk.newest().values() if told.record in wanted]
            return bool(newest) and all(told.version >= version for told in newest)

        until_all(desks, know, why=why)

    def state_of(self, desk: Desk) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in self.hub.operator.get("/v1/obligations", agency=desk.name, limit=1000)["obligations"]:
            found[one["state"]] = found.get(one["state"], 0) + 1
        return found


@pytest.fixture
def story(hub: Hub) -> Generator[Story]:
    """Twenty agencies read topics, twelve pull, eight do both."""
    counties = [hub.county() for _ in range(COUNTIES)]
    kinds = [("kafka",)] * 20 + [("pull",)] * 12 + [("kafka", "pull")] * 8
    names = [f"{department}-{county}" for department in DEPARTMENTS for county in counties]
    desks = [Desk(hub.agency(name, *kind), kind) for name, kind in zip(names, kinds, strict=True)]
    never = Desk(hub.agency(f"safe-{counties[0]}", "pull"), ("pull",))
    made = Story(
        hub, desks, never, hub.supplier(f"spc-{counties[0]}", "judgment-debtor"),
        hub.supplier(f"aab-{counties[0]}", "registration"), counties,
        Watch(hub.running.infra.postgres.url("credithub_admin").replace("+asyncpg", ""), [*names, never.name]),
    )  # fmt: skip
    yield made
    each(desks, Desk.close)


@pytest.mark.timeout(400)
@pytest.mark.requirement("R213", "R220")
def test_all_forty_hear_suspend_then_lift_and_who_still_holds_is_exact_at_every_moment(hub: Hub, story: Story) -> None:
    away = [*story.desks[:4], *story.desks[20:24], *story.desks[32:34]]
    failing = Barrier(hub.running.infra, away[:2])
    with story.watch.watching():
        first, second = triggered(story)
        go_away(away, failing)
        numbers = suspended(story, [*first, *second])
        back_for_a_while(story, away, failing, [*first, *second])
        go_away(away, failing)
        in_doubt_again(story, numbers[COUNTIES:], second)
        repaired(story, [*first, *second])
        back_for_good(story, away, failing, [*first, *second])
    assert not story.watch.wrong, story.watch.wrong[:3]
    assert story.watch.looks > 100
    assert {0, OBLIGATIONS} <= story.watch.sizes
    heard_in_order(story, away, first, second)
    assert set(story.state_of(story.never)) == {"cancelled"}
    assert all(set(story.state_of(desk)) == {"lifted"} for desk in story.desks)


def triggered(story: Story) -> tuple[list[str], list[str]]:
    """Everybody is told of their obligations; gives the first record of each county, and the second."""
    first, second = story.list_all()
    eventually_so(lambda: _read_all(story), lambda n: n == OBLIGATIONS, within=60, why="200 obligations are told of")
    records: dict[str, str] = {}
    for told in (told for desk in story.desks for told in desk.heard):
        records[told.number] = told.record
        story.of.setdefault(told.record, set()).add(told.obligation)
    assert all(told.state == "triggered" for desk in story.desks for told in desk.heard)
    story.holds(0)
    return [records[number] for number in first], [records[number] for number in second]


def _read_all(story: Story) -> int:
    each(story.desks, Desk.read)
    return sum(len(desk.newest()) for desk in story.desks)


def go_away(away: Sequence[Desk], failing: Barrier) -> None:
    failing.up()
    for desk in away:
        desk.here = False


def come_back(away: Sequence[Desk], failing: Barrier) -> None:
    failing.down()
    for desk in away:
        desk.here = True


def suspended(story: Story, records: Sequence[str]) -> list[str]:
    """An objection to each record: those who are here hear of it, some confirm at once and some later."""
    numbers = story.object_to(records)
    story.holds(OBLIGATIONS)
    story.all_know(story.here, records, 2, "those who are here hear of the suspension")
    assert all(told.state == "suspended" for desk in story.here for told in desk.newest().values())
    swift, slow = story.here[:15], story.here[15:]
    story.confirm(swift, records)
    story.holds(_held_by([*slow, *story.away]))
    story.confirm(slow, records)
    story.holds(_held_by(story.away))
    return numbers


def _held_by(desks: Sequence[Desk]) -> int:
    return sum(len(desk.newest()) for desk in desks)


def back_for_a_while(story: Story, away: Sequence[Desk], failing: Barrier, records: Sequence[str]) -> None:
    """The ten hear what they missed; half of them confirm before they go again."""
    come_back(away, failing)
    story.all_know(away, records, 2, "the ten hear of the suspension when they return")
    story.holds(_held_by(away))
    story.confirm(away[::2], records)
    story.holds(_held_by(away[1::2]))


def in_doubt_again(story: Story, numbers: Sequence[str], records: Sequence[str]) -> None:
    """The second records are cleared, then objected to anew, while the ten hear nothing."""
    story.refuse(numbers, records)
    story.all_know(story.here, records, 3, "those who are here hear that it is in force again")
    story.holds(_held_by(story.away[1::2]) - sum(len(_of(desk, records)) for desk in story.away[1::2]))
    story.object_to(records)
    story.all_know(story.here, records, 4, "and that it is in doubt anew")
    unconfirmed = sum(len(_of(desk, records)) for desk in story.desks)
    story.holds(unconfirmed + sum(len(desk.newest()) - len(_of(desk, records)) for desk in story.away[1::2]))


def _of(desk: Desk, records: Sequence[str]) -> set[str]:
    return {told.obligation for told in desk.newest().values() if told.record in records}


def repaired(story: Story, records: Sequence[str]) -> None:
    story.repair(records)
    story.holds(OBLIGATIONS)
    story.all_know(story.here, records, 3, "those who are here hear that it has ended")
    until_all(story.here, lambda d: all(t.state == "lifted" for t in d.newest().values()), why="all lifted")
    story.confirm(story.here, records)
    story.holds(_held_by(story.away))


def back_for_good(story: Story, away: Sequence[Desk], failing: Barrier, records: Sequence[str]) -> None:
    come_back(away, failing)
    until_all(away, lambda d: all(t.state == "lifted" for t in d.newest().values()), why="the ten hear of the end")
    story.holds(_held_by(away))
    story.confirm(away, records)
    story.holds(0)


def heard_in_order(story: Story, away: Sequence[Desk], first: Sequence[str], second: Sequence[str]) -> None:
    """Suspend, then lift. Who was away through a doubt that was over by then hears its end alone (interleavings 12, 29)."""
    once = [(2, "suspended"), (3, "lifted")]
    twice, ended = [(2, "suspended"), (4, "suspended"), (5, "lifted")], [(2, "suspended"), (5, "lifted")]
    for desk in story.desks:
        for place in desk.channels:
            missed = desk in away and (place == "pull" or desk in away[:2])
            for obligation in _of(desk, first):
                assert desk.ends_of(obligation, place) == once, (desk.name, place)
            for obligation in _of(desk, second):
                assert desk.ends_of(obligation, place) == (ended if missed else twice), (desk.name, place)
    assert all(desk.voids for desk in away if "pull" in desk.channels), "their numbers say that something was missed"
