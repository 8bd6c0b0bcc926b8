"""The rules in any order of events: a machine that takes, tries, pulls, forgets answers and changes channels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from credithub.domain.notifications import Notification, message_id
from services.notifier.rules import PULL, Backoff, Batch, Counter, Key, Task, Times, Try, Version, conclude, may_begin
from tests.harness.told import AGENCY, lift, notification, suspension

NOW = datetime(2026, 7, 1, tzinfo=UTC)
OBLIGATIONS = ("obl_one", "obl_two")
CHANNEL_SETS = st.sampled_from([{"kafka"}, {PULL}, {"kafka", PULL}, {"kafka", "webhook", PULL}])
Place = tuple[str, str]  # (message, channel)


class Notifier(RuleBasedStateMachine):
    """Tables as dictionaries; one agency that keeps the highest version of each obligation."""

    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.issued: dict[str, list[Notification]] = {obligation: [] for obligation in OBLIGATIONS}
        self.log: list[Notification] = []
        self.reminders = 0
        self.tasks: dict[Key, Task] = {}
        self.counters: dict[str, Counter] = {}
        self.ledger: dict[str, tuple[str, int]] = {}
        self.states: dict[Place, str] = {}
        self.told: dict[str, Notification] = {}
        self.open: set[Place] = set()
        self.channels: frozenset[str] = frozenset({"kafka", PULL})
        self.receiver: dict[str, Notification] = {}

    # ---------------------------------------------------------------------------------------- the matcher
    @rule(
        obligation=st.sampled_from(OBLIGATIONS),
        kind=st.sampled_from(["corrected", "resumed", "due", "suspended", "lifted"]),
    )
    def issue(self, obligation: str, kind: str) -> None:
        mine = self.issued[obligation]
        if mine and mine[-1].state == "lifted":
            return
        version = len(mine) + 1
        make = {"suspended": suspension, "lifted": lift}.get(kind, notification) if mine else notification
        mine.append(make(version, obligation=obligation, **({"kind": kind} if mine else {})))
        self.log.append(mine[-1])

    @rule(obligation=st.sampled_from(OBLIGATIONS))
    def remind(self, obligation: str) -> None:
        """The newest version once more, under an id of its own: only of what is to be confirmed."""
        mine = self.issued[obligation]
        if mine and mine[-1].state in ("suspended", "lifted"):
            self.reminders += 1
            message = f"{mine[-1].message}.r{self.reminders}"
            self.log.append(replace(mine[-1], kind="reminder", message=message))

    # ---------------------------------------------------------------------------------------- taking
    @rule(data=st.data())
    def take_some(self, data: st.DataObject) -> None:
        """Any of what was issued, in any order, again or for the first time: more than two lanes could do."""
        if self.log:
            self.take(data.draw(st.lists(st.sampled_from(self.log), min_size=1, max_size=4)))

    def take(self, many: list[Notification]) -> None:
        batch = Batch(
            times=Times(epoch=1), tasks=dict(self.tasks), counters=dict(self.counters),
            enabled={AGENCY: self.channels}, known={(AGENCY, message) for message in self.ledger},
        )  # fmt: skip
        batch.take_all(many)
        self.tasks, self.counters = batch.tasks, batch.counters
        for (_, obligation), (version, state) in batch.ended.items():
            for place, was in self.states.items():
                one = self.told[place[0]]
                if one.obligation == obligation and one.version < version[1] and was in ("due", "failed", "parked"):
                    self.states[place] = state
        for entry in batch.entries:
            self.ledger[entry.told.message] = (entry.lane, entry.number)
            self.told[entry.told.message] = entry.told
        self.states |= {(row.entry.told.message, row.channel): row.state for row in batch.deliveries}

    # ---------------------------------------------------------------------------------------- trying
    @rule(data=st.data(), target=attempts)
    def begin(self, data: st.DataObject) -> Place | None:
        ready = sorted(place for place, state in self.states.items() if state in ("due", "failed") and place[1] != PULL)
        if not ready:
            return None
        return self.try_to_begin(data.draw(st.sampled_from(ready)))

    def try_to_begin(self, place: Place) -> Place | None:
        one = self.told[place[0]]
        key, version = (AGENCY, one.obligation), (one.epoch, one.version)
        verdict = may_begin(version, self.tasks[key], older_open=self.older_open(one))
        if verdict == "superseded":
            self.states[place] = "superseded"
        if verdict != "begin":
            return None
        assert version == self.tasks[key].seen, "an attempt of an older version begins"
        self.note_begun(one, place[1])
        self.states[place] = "in-flight"
        self.open.add(place)
        return place

    def older_open(self, one: Notification) -> bool:
        others = (self.told[message] for message, channel in self.open if channel != PULL)
        return any(other.obligation == one.obligation and other.version < one.version for other in others)

    def note_begun(self, one: Notification, channel: str) -> None:
        key = (AGENCY, one.obligation)
        task = self.tasks[key]
        self.tasks[key] = Task(seen=task.seen, begun=task.begun | {channel}, cancelled=task.cancelled, old=task.old)

    @rule(place=attempts, outcome=st.sampled_from(["delivered", "failed", "unknown"]), arrives=st.booleans())
    def end(self, place: Place | None, outcome: str, arrives: bool) -> None:
        """A failed or unknown attempt may have arrived all the same."""
        if place in self.open:
            self.open.discard(place)
            if outcome == "delivered" or arrives:
                self.receive(self.told[place[0]])
            self.conclude(place, outcome)

    def conclude(self, place: Place, outcome: str) -> None:
        one = self.told[place[0]]
        version: Version = (one.epoch, one.version)
        trial = Try(outcome=outcome, version=version, attempts=1, made_at=NOW)  # type: ignore[arg-type]
        after = conclude(trial, self.tasks[AGENCY, one.obligation], Backoff(first=timedelta(0)), NOW, 0.0)
        self.states[place] = after.state

    # ---------------------------------------------------------------------------------------- pulling
    @rule(lost=st.booleans())
    def pull(self, lost: bool) -> None:
        """Asks from the beginning; the answer is an attempt even if it is lost on the road."""
        for (message, channel), state in list(self.states.items()):
            one = self.told[message]
            task = self.tasks[AGENCY, one.obligation]
            fit = may_begin((one.epoch, one.version), task, older_open=False) == "begin"
            if channel == PULL and fit and state in ("due", "in-flight", "delivered"):
                self.note_begun(one, PULL)
                self.states[message, channel] = "in-flight" if lost else "delivered"
                if not lost:
                    self.receive(one)

    @rule(channels=CHANNEL_SETS)
    def switch(self, channels: set[str]) -> None:
        self.channels = frozenset(channels)

    # ---------------------------------------------------------------------------------------- the agency, and what holds
    def receive(self, one: Notification) -> None:
        assert not self.tasks[AGENCY, one.obligation].cancelled, "cancelled, and the agency receives it"
        known = self.receiver.get(one.obligation)
        if known is None or one.version > known.version:
            self.receiver[one.obligation] = one

    @invariant()
    def numbers_have_no_gap(self) -> None:
        for lane in ("ends", "rest"):
            numbers = sorted(number for where, number in self.ledger.values() if where == lane)
            assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def every_message_taken_has_a_row(self) -> None:
        assert {message for message, _ in self.states} == set(self.ledger)

    @invariant()
    def who_holds_is_not_forgotten(self) -> None:
        for obligation, held in self.receiver.items():
            task = self.tasks[AGENCY, obligation]
            assert task.begun
            assert held.version <= task.seen[1]

    def teardown(self) -> None:
        """When all that was issued is taken and all attempts succeed, agency and hub agree."""
        self.take(list(chain.from_iterable(self.issued.values())))
        for place in sorted(self.open):
            self.end(place, "failed", arrives=False)
        for _ in range(3):
            for place in sorted(self.states):
                if self.states[place] in ("due", "failed") and place[1] != PULL and self.try_to_begin(place):
                    self.end(place, "delivered", arrives=True)
        self.pull(lost=False)
        for obligation, versions in self.issued.items():
            if versions:
                self.agrees(obligation, versions[-1])

    def agrees(self, obligation: str, newest: Notification) -> None:
        task, held = self.tasks[AGENCY, obligation], self.receiver.get(obligation)
        assert task.seen == (1, newest.version)
        if task.cancelled:
            assert held is None
            assert newest.state == "lifted"
        else:
            assert held is not None
            assert (held.version, held.state) == (newest.version, newest.state), (held, self.states)
            if held.kind != "reminder":  # one that overtakes its version tells all of it
                assert (message_id(obligation, 1, newest.version), "-") not in self.states


TestNotifier = Notifier.TestCase
TestNotifier.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
