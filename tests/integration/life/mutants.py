"""Understands planted faults: for each law ways in which a natural implementation breaks it, and acts that bring it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from credithub.domain.catalogue import Catalogue
from services.matcher import duties, facts, lives, on_due, planning, telling
from services.matcher.rules import answers, changes, falling, filing, listings, moves, objections, records
from services.matcher.store import archive, moments, register, routing, unrouted
from tests.harness import lives as made
from tests.integration.life import world

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Mutant:
    """`laws`: those that it may break first. `likely`: events that bring it out."""

    laws: tuple[str, ...]
    patch: Patch
    likely: Sequence[str]
    steps: int = 30
    seed: int = 1  # tried first
    only: Sequence[str] = ("events", "answers", "days")


# --------------------------------------------------------------------------------------- 1 and 2: nothing lost, nothing twice
def waits_for_nothing(patch: pytest.MonkeyPatch) -> None:
    async def wait(conn: Any, waiters: Any) -> None:
        del conn, waiters

    patch.setattr(register, "wait", wait)


def nobody_is_told(patch: pytest.MonkeyPatch) -> None:
    told = telling.Telling.of

    def of(self: Any, obligations: Any, kind: str, reason: Any = None) -> None:
        told(self, [o for o in obligations if kind != "triggered" or o.department != "ndrc"], kind, reason)  # type: ignore[arg-type]

    patch.setattr(telling.Telling, "of", of)


def said_again_is_new(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(filing, "said_again", lambda *_, **__: "version")


def codes_are_strangers(patch: pytest.MonkeyPatch) -> None:
    async def groups(conn: Any, codes: Any) -> dict[str, list[str]]:
        del conn, codes
        return {}

    patch.setattr(register, "groups", groups)


def ended_acts_again(patch: pytest.MonkeyPatch) -> None:
    said = filing.said_again
    patch.setattr(filing, "said_again", lambda event, **known: said(event, **{**known, "active": True}))


# --------------------------------------------------------------------------------------- 3: order
def lane_by_kind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(moves, "lane_of", lambda state: "ends" if state == "lifted" else "rest")


def a_lift_keeps_the_version(patch: pytest.MonkeyPatch) -> None:
    lifted = moves.lifted

    def same(obligation: Any, *args: Any, **more: Any) -> Any:
        after = lifted(obligation, *args, **more)
        return replace(after, version=obligation.version)

    patch.setattr(moves, "lifted", same)


def rounds_are_reopened(patch: pytest.MonkeyPatch) -> None:
    async def rounds(conn: Any, cases: Any) -> dict[tuple[str, str, str], int]:
        del conn, cases
        return {}

    patch.setattr(routing, "rounds", rounds)


def every_room_in_turn(patch: pytest.MonkeyPatch) -> None:
    from services.matcher import on_events

    patch.setattr(on_events, "_turns", lambda here, others: [[one for one, _ in here]])


# --------------------------------------------------------------------------------------- 4: nothing outside
def what_cannot_be_executed_is(patch: pytest.MonkeyPatch) -> None:
    def every(self: Catalogue, item: str) -> tuple[Any, ...]:
        return tuple((m, d) for m in self.measures if item in m.triggers for d in m.departments)

    patch.setattr(Catalogue, "measures_for", every)


def without_citation(patch: pytest.MonkeyPatch) -> None:
    plans = planning.Planner.plans

    def more(self: Any, version: str, item: str, subject: Any) -> tuple[Any, ...]:
        found = plans(self, version, item, subject)
        return (*found, replace(found[0], measure_id="P64-47")) if found else found

    patch.setattr(planning.Planner, "plans", more)


def a_notice_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(listings, "demands_notice", lambda *_: False)


# --------------------------------------------------------------------------------------- 5: an end reaches everyone
def doubt_suspends_nothing(patch: pytest.MonkeyPatch) -> None:
    for module in (records, changes, objections):
        patch.setattr(module, "suspending", lambda before, after: ())


def born_in_force(patch: pytest.MonkeyPatch) -> None:
    first = planning.Planner.first
    patch.setattr(planning.Planner, "first", lambda self, row, plan, place=planning.FIRST: first(
        self, row, plan, replace(place, suspended=False)))  # fmt: skip


def one_outcome_ends_all_doubt(patch: pytest.MonkeyPatch) -> None:
    def flag(self: Any) -> frozenset[Any]:
        return frozenset() if any(h.closed_at for h in self.holds.values()) else frozenset(self.holds)

    patch.setattr(records.Life, "open", property(flag))


def due_though_suspended(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(moves.Obligation, "owed", property(lambda self: self.mandatory and self.state in moves.UNANSWERED))
    suspended = moves.suspended
    patch.setattr(moves, "suspended", lambda o, *args, **more: replace(suspended(o, *args, **more), due_on=o.due_on))


def the_clock_forgets(patch: pytest.MonkeyPatch) -> None:
    async def nothing(batch: Any, kind: str, fell: Any) -> None:
        del batch, kind, fell

    patch.setitem(on_due.HANDLERS, "term-ends", nothing)  # type: ignore[arg-type]


def the_clock_does_not_look_again(patch: pytest.MonkeyPatch) -> None:
    """What has been answered meanwhile falls due all the same."""
    patch.setattr(moves, "late", lambda o, epoch: replace(o, epoch=epoch, version=o.version + 1, overdue=True))
    patch.setattr(
        falling, "answer_due", lambda o: falling.date.fromisoformat(o.due_on) + falling._DAY if o.due_on else None
    )


def a_confirmation_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answers, "_suspension_confirmed", lambda obligation, feedback: obligation)


def any_version_confirms(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answers, "_current", lambda obligation, feedback: True)


def late_truth_is_dropped(patch: pytest.MonkeyPatch) -> None:
    executed = answers._executed
    patch.setattr(answers, "_executed", lambda o, *args: o if o.over else executed(o, *args))


def the_unrouted_outlive_their_record(patch: pytest.MonkeyPatch) -> None:
    async def keep(conn: Any, records_: Any) -> None:
        del conn, records_

    patch.setattr(unrouted, "drop_records", keep)


def nobody_is_reminded(patch: pytest.MonkeyPatch) -> None:
    put = moments.put

    async def some(conn: Any, rows: Any) -> None:
        await put(conn, [row for row in rows if row[1] != "remind"])

    patch.setattr(moments, "put", some)


def the_seat_is_not_followed(patch: pytest.MonkeyPatch) -> None:
    async def stay(self: Any, subjects: Any) -> int:
        del self, subjects
        return 0

    patch.setattr(duties.Duties, "route", stay)


# --------------------------------------------------------------------------------------- 6 to 10
def counting_lists(patch: pytest.MonkeyPatch) -> None:
    """Somebody who was penalised twice is put on the list."""
    archived, seen = facts.Facts.archive, dict[str, int]()

    async def and_count(self: Any, filed: Any) -> Any:
        fresh = await archived(self, filed)
        for one in [f for f in fresh if f.event.kind == "penalty.imposed"]:
            code = one.organisation_code
            seen[code] = seen.get(code, 0) + 1
            if seen[code] == 2:
                entry = replace(made.listed(code, world.LIST, f"计{code}"), catalogue=one.event.catalogue)
                again = filing.file_event(entry, code, facts.ids.record_id)
                await archived(self, [await self.batch.refile(again, code)])
        return fresh

    patch.setattr(facts.Facts, "archive", and_count)


def the_hub_executes(patch: pytest.MonkeyPatch) -> None:
    first = planning.Planner.first
    patch.setattr(planning.Planner, "first", lambda *args: replace(first(*args), state="executed", executed=True))


def a_person_in_the_reason(patch: pytest.MonkeyPatch) -> None:
    because = changes.because
    for module in (changes, objections, facts):
        patch.setattr(module, "because", lambda *args, **more: because(*args, **more, who="11010519491231002X"))


def grants_are_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(telling, "_granted", lambda books, obligation, fact: {**fact.record, "data": fact.data})


def a_version_without_its_message(patch: pytest.MonkeyPatch) -> None:
    told = telling.Telling.of

    def of(self: Any, obligations: Any, kind: str, reason: Any = None) -> None:
        told(self, [] if kind == "resumed" else obligations, kind, reason)  # type: ignore[arg-type]

    patch.setattr(telling.Telling, "of", of)


def an_obligation_that_cannot_say_why(patch: pytest.MonkeyPatch) -> None:
    told = moves.measure_as_told

    def silent(measure: Any, plan: Any) -> dict[str, Any]:
        said = told(measure, plan)
        return {**said, "measure": {**said["measure"], "clause": ""}}

    patch.setattr(moves, "measure_as_told", silent)


def a_code_of_its_own(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(objections, "Refused", lambda **said: records.Refused(**{**said, "code": "not-so"}))
    patch.setattr(changes, "Refused", lambda **said: records.Refused(**{**said, "code": "not-so"}))


def an_old_catalogue_is_exchanged(patch: pytest.MonkeyPatch) -> None:
    new_version = archive.new_version

    async def moved(conn: Any, filed: Any) -> None:
        await new_version(conn, filed)
        sql = "UPDATE matcher.records SET catalogue = :c WHERE record = :r"
        await conn.execute(archive.text(sql), {"c": world.SECOND, "r": filed.record})

    patch.setattr(archive, "new_version", moved)


def repairs_outlive_their_record(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lives.changes, "ended", lives.changes.ended)
    ended = changes.ended

    def keep(life: Any, *args: Any, **more: Any) -> Any:
        step = ended(life, *args, **more)
        return replace(step, life=replace(step.life, repairs=life.repairs))

    patch.setattr(changes, "ended", keep)


LIFE = ("debtor", "registered", "objected", "verified", "settled")
MUTANTS: dict[str, Mutant] = {
    "waits_for_nothing": Mutant(("1",), waits_for_nothing, ("debtor", "early", "exit"), 25),
    "nobody_is_told": Mutant(("1",), nobody_is_told, ("debtor", "registered"), 25),
    "said_again_is_new": Mutant(("1", "2"), said_again_is_new, ("debtor", "again"), 25),
    "ended_acts_again": Mutant(("1", "2"), ended_acts_again, ("debtor", "again", "withdrawn"), 40),
    "codes_are_strangers": Mutant(("1", "2", "4"), codes_are_strangers, ("licence", "again", "linked", "debtor"), 40, 7),
    "lane_by_kind": Mutant(("3",), lane_by_kind, LIFE, 30, 3),
    "a_lift_keeps_the_version": Mutant(("3",), a_lift_keeps_the_version, ("debtor", "registered", "withdrawn"), 30, 2),
    "rounds_are_reopened": Mutant(("3", "5"), rounds_are_reopened, ("debtor", "registered"), 40, 12),
    "every_room_in_turn": Mutant(("1", "2", "3"), every_room_in_turn, ("debtor", "withdrawn", "exit", "objected"), 60, 5),
    "what_cannot_be_executed_is": Mutant(("4",), what_cannot_be_executed_is, ("debtor", "registered"), 25),
    "without_citation": Mutant(("4",), without_citation, ("debtor", "registered"), 25),
    "a_notice_is_not_asked_for": Mutant(("1",), a_notice_is_not_asked_for, ("entry", "notice"), 25),
    "doubt_suspends_nothing": Mutant(("5",), doubt_suspends_nothing, LIFE, 30, 7),
    "born_in_force": Mutant(("5",), born_in_force, ("debtor", "registered", "objected"), 40, 5),
    "one_outcome_ends_all_doubt": Mutant(("2", "5"), one_outcome_ends_all_doubt, LIFE, 60, 2),
    "due_though_suspended": Mutant(("5",), due_though_suspended, LIFE, 30, 7),
    "the_clock_forgets": Mutant(("2", "5"), the_clock_forgets, ("debtor", "entry", "notice"), 40, 9, ("events", "years")),
    "the_clock_does_not_look_again": Mutant(("5",), the_clock_does_not_look_again, ("debtor", "registered"), 40, 3,
        ("events", "answers", "days", "months")),
    "a_confirmation_is_not_kept": Mutant(("5",), a_confirmation_is_not_kept, LIFE, 40, 3),
    "any_version_confirms": Mutant(("5",), any_version_confirms, LIFE, 40, 1, ("events", "stale")),
    "late_truth_is_dropped": Mutant(("5", "6", "9"), late_truth_is_dropped, ("debtor", "registered", "withdrawn"), 40, 3),
    "the_unrouted_outlive_their_record": Mutant(("5",), the_unrouted_outlive_their_record, ("debtor", "withdrawn"), 30),
    "nobody_is_reminded": Mutant(("5",), nobody_is_reminded, LIFE, 30, 3),
    "the_seat_is_not_followed": Mutant(("5",), the_seat_is_not_followed, ("debtor", "registered"), 30),
    "counting_lists": Mutant(("6",), counting_lists, ("penalty",), 25),
    "the_hub_executes": Mutant(("6",), the_hub_executes, ("debtor", "registered"), 25),
    "a_person_in_the_reason": Mutant(("7",), a_person_in_the_reason, ("debtor", "registered", "withdrawn"), 25),
    "grants_are_ignored": Mutant(("8",), grants_are_ignored, ("debtor", "registered"), 25),
    "a_version_without_its_message": Mutant(("9",), a_version_without_its_message, LIFE, 60, 5),
    "an_obligation_that_cannot_say_why": Mutant(("10",), an_obligation_that_cannot_say_why, ("debtor", "registered"), 25),
    "a_code_of_its_own": Mutant(("10",), a_code_of_its_own, (*LIFE, "withdrawn"), 40, 7),
    "an_old_catalogue_is_exchanged": Mutant(("2",), an_old_catalogue_is_exchanged, ("debtor", "again"), 30),
    "repairs_outlive_their_record": Mutant(("1",), repairs_outlive_their_record, ("debtor", "withdrawn", "applied",
        "decided"), 60, 5),
}  # fmt: skip
