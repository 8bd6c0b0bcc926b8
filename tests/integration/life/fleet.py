"""Understands the agencies of the walk with the notifier before them: what each was told, holds, and answers.

Written from design.md §5 and interleavings 10-13, 16, 32, 33: the two lanes overtake one another, a message may come
late or twice, a receiver keeps the highest version, a lift is final.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from credithub.domain.notifications import DeliveryReport, Feedback, Notification
from tests.integration.life import world

Ended = frozenset({"lifting", "lifted", "cancelled"})
RANK = {"triggered": 0, "delivered": 1, "acknowledged": 2, "declined": 3, "executed": 3}


@dataclass
class Told:
    """An obligation as it was told: every version, and what its agency said of it."""

    first: Notification
    last: Notification
    versions: int = 0
    state: str = "triggered"
    suspended: bool = False
    confirmed: bool = False
    executed: bool = False
    messages: dict[str, bytes] = field(default_factory=dict)
    # the notifier's row, and the agency's
    seen: int = 0
    begun: bool = False
    void: bool = False  # lifted before any attempt was begun
    held: int = 0  # highest version that the agency has
    held_state: str = ""

    @property
    def over(self) -> bool:
        return self.state in Ended

    @property
    def owing(self) -> bool:
        """Whether its agency may hold what it has to let go of."""
        open_ = self.state == "lifting" or (self.suspended and not self.over and not self.confirmed)
        return open_ and self.begun and not self.void


class Fleet:
    def __init__(self, reasons: frozenset[str]) -> None:
        self.all: dict[str, Told] = {}
        self.lanes: dict[str, list[Notification]] = {"ends": [], "rest": []}
        self.reports: list[DeliveryReport] = []
        self.reasons = reasons
        self.said = 0
        self.answers: dict[str, tuple[str, str | None]] = {}  # answer: outcome, refusal, as they must be
        self.early: dict[str, list[Feedback]] = {}
        self.dirty: set[str] = set()
        self.written: set[str] = set()  # notifier rows to write

    # ------------------------------------------------------------------------------------------ what the hub says
    def hear(self, told: Notification) -> None:
        """One row of the outbox, in its order."""
        if told.kind in ("feedback-refused", "escalated"):
            return
        self.lanes[told.lane].append(told)
        one = self.all.get(told.obligation)
        if one is None:
            one = self.all[told.obligation] = Told(first=told, last=told)
        self.dirty.add(told.obligation)
        if told.kind == "reminder":
            return
        one.last, one.versions = told, one.versions + 1
        partner = told.agency in world.PARTNERS
        if told.state == "lifted":
            one.state, one.suspended, one.confirmed = "lifted" if partner else "lifting", False, False
        else:
            one.suspended = told.state == "suspended"
            one.confirmed = one.suspended and partner

    def take_early(self, obligation: str) -> None:
        """Answers that came before their obligation are taken up with it."""
        for answer in self.early.pop(obligation, ()):
            self.answers[answer.id] = self._judge(answer)

    # ------------------------------------------------------------------------------------------ the notifier
    def deliver(self, random: Random, most: int) -> None:
        """Takes some of what waits: ends first, most of the time; of the rest any part."""
        ends, rest = self.lanes["ends"], self.lanes["rest"]
        count = len(ends) if random.random() < 0.8 else random.randrange(len(ends) + 1)
        for told in ends[:count]:
            self._take(told, random)
        del ends[:count]
        count = min(len(rest), random.randrange(most))
        for told in rest[:count]:
            self._take(told, random)
        del rest[:count]

    def _take(self, told: Notification, random: Random) -> None:
        one = self.all[told.obligation]
        self.written.add(told.obligation)
        if told.version < one.seen or (told.version == one.seen and told.kind != "reminder") or one.void:
            return
        one.seen = told.version
        if told.state == "lifted" and not one.begun:
            one.void = True
            self._report(told, "cancelled")
            return
        one.begun = True
        for _ in range(random.choice((0, 1, 1, 1, 2))):  # an attempt may fail, or be made twice
            self._arrive(one, told)

    def _arrive(self, one: Told, told: Notification) -> None:
        if told.version < one.held or one.held_state == "lifted":
            return
        one.held, one.held_state = told.version, told.state
        if told.kind != "reminder":
            self._report(told, "delivered")

    def _report(self, told: Notification, outcome: str) -> None:
        self.reports.append(
            DeliveryReport(agency=told.agency, obligation=told.obligation, epoch=told.epoch, version=told.version,
                           outcome=outcome, channel="kafka", at="2027-01-04T00:00:00.000000Z")  # type: ignore[arg-type]
        )  # fmt: skip

    def report(self, reports: list[DeliveryReport]) -> None:
        """What the matcher must make of the notifier's reports."""
        for report in reports:
            one = self.all[report.obligation]
            self.dirty.add(report.obligation)
            if report.outcome == "cancelled" and one.state == "lifting" and report.version == one.last.version:
                one.state = "cancelled"
            elif report.outcome == "delivered" and one.state == "triggered":
                one.state = "delivered"

    # ------------------------------------------------------------------------------------------ the agencies
    def answer(self, one: Told, said: str, random: Random, at: str, wrong: str = "") -> Feedback:
        """What an agency says of what it has, right or wrong in one way."""
        self.said += 1
        version = one.held or 1
        answer = Feedback(
            id=f"fbk_{self.said}", agency=one.first.agency, obligation=one.first.obligation, epoch=one.first.epoch,
            version=version, answer=said, reason=random.choice(sorted(self.reasons)) if said == "declined" else None,
            document=None, happened_on=None, received_at=at, via="http",
        )  # type: ignore[arg-type] # fmt: skip
        match wrong:
            case "version":
                return replace(answer, version=one.last.version + 1)
            case "old":
                return replace(answer, version=max(1, version - 1))
            case "agency":
                return replace(answer, agency=f"sasac-{world.HERE}")
            case "reason":
                return replace(answer, reason="because")
            case "no-reason":
                return replace(answer, reason=None)
            case "unknown":
                return replace(answer, obligation=f"obl_unknown_{self.said}")
        return answer

    def judge(self, answers: list[Feedback]) -> None:
        for answer in answers:
            if answer.id not in self.answers:
                self.answers[answer.id] = self._judge(answer)

    def _judge(self, answer: Feedback) -> tuple[str, str | None]:
        one = self.all.get(answer.obligation)
        if one is None:
            self.early.setdefault(answer.obligation, []).append(answer)
            return ("waiting", None)
        self.dirty.add(answer.obligation)
        refusal = self._refusal(one, answer)
        if refusal:
            return ("refused", refusal)
        self._accept(one, answer)
        return ("accepted", None)

    def _refusal(self, one: Told, answer: Feedback) -> str | None:
        if answer.agency != one.first.agency or one.state == "cancelled":  # it was never told
            return "obligation-unknown"
        if answer.version > one.last.version:
            return "version-unknown"
        old = answer.version < one.last.version
        if answer.answer == "lift-confirmed":
            if one.state == "lifted":
                return None
            return "nothing-to-confirm" if one.state != "lifting" else "version-old" if old else None
        if answer.answer == "suspension-confirmed":
            return "nothing-to-confirm" if not one.suspended else "version-old" if old else None
        if answer.answer == "declined" and answer.reason not in self.reasons:
            return "reason-unknown" if answer.reason else "reason-required"
        return None

    def _accept(self, one: Told, answer: Feedback) -> None:
        said = answer.answer
        if said == "lift-confirmed":
            one.state = "lifted"
        elif said == "suspension-confirmed":
            one.confirmed = True
        elif said == "executed" and one.over:  # a truthful late answer: the lift is owed
            one.executed, one.state = True, "lifting"
        elif not one.over and RANK[said] >= RANK[one.state]:
            one.state, one.executed = said, one.executed or said == "executed"
        elif said == "executed":
            one.executed = True
