"""Understands every transition of design.md §5 on PostgreSQL: each is taken, and each forbidden one refused with its code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from credithub import clock
from credithub.db.engine import text
from credithub.domain.events import CreditEvent
from credithub.domain.notifications import DeliveryReport, Feedback, Notification
from services.matcher.on_due import OnDue
from tests.harness import facts, lives
from tests.integration.life import charts, world
from tests.integration.life.charts import Chart
from tests.integration.life.walk import set_day
from tests.integration.matcher.conftest import Matcher

TAKEN_BACK = {"outcome": "withdrawn-by-filer"}
CITED = {"citation": {"document": "某法", "clause": "一"}}
AWAY = world.THERE


@dataclass
class Stage:
    """One subject with one debtor's listing, brought from state to state."""

    matcher: Matcher
    org: str
    fact: CreditEvent = field(init=False)
    outcome: dict[str, int] = field(default_factory=dict)
    n: int = 0

    async def begin(self) -> None:
        number = f"执{self.org}"
        document = {"number": number, "issuer": "某县法院", "decided_on": "2027-01-01"}
        made = facts.debtor(number, self.org, supplier=world.COURT, source=f"//{world.COURT}/t", document=document)
        self.fact = self._now(made)
        await self.matcher.take(self._now(facts.registration(self.org, supplier=world.REGISTER)), self.fact)

    def _now(self, event: CreditEvent) -> CreditEvent:
        return replace(event, received_at=clock.stamp(), catalogue=world.FIRST)

    async def take(self, event: CreditEvent) -> None:
        self.outcome = await self.matcher.take(self._now(event))

    async def later(self, days: int = 800) -> None:
        """The clock shows that many days later, and all that falls due by then has happened."""
        today = clock.today()
        set_day(today + timedelta(days=days))
        on_due = OnDue(self.matcher.engine, self.matcher.books)
        while await on_due.run_once():
            pass

    async def one(self, sql: str, **values: object) -> Any:
        async with self.matcher.engine.connect() as conn:
            row = (
                await conn.execute(text(sql), {"org": self.org, "record": lives.record_of(self.fact), **values})
            ).first()
        return None if row is None else row[0]

    async def said(self) -> str | None:
        """How the last event ended, where it did not become part of the archive."""
        if self.outcome.get("waiting-record"):
            return "waits"
        if not self.outcome.get("refused"):
            return None
        sql = "SELECT reasons -> 0 ->> 'code' FROM matcher.repeats_seen WHERE outcome = 'refused' AND organisation_code = :org"
        return f"[{await self.one(sql + ' ORDER BY decided_at DESC, received_at DESC LIMIT 1')}]"


Event = Callable[[Any], Awaitable[None]]


def drive(stages: type[Any], chart: Chart) -> Callable[[Matcher], Awaitable[list[str]]]:
    """Plays every cell of the chart, each with a subject of its own; gives those that end otherwise."""

    async def play(matcher: Matcher) -> list[str]:
        wrong: list[str] = []
        rows = [(state, event, after) for state, events in chart.items() for event, after in events.items()]
        for n, (state, event, after) in enumerate(rows):
            set_day(world.BEGINS)
            stage = stages(matcher, f"PDY{950000 + n:06d}")
            await stage.begin()
            for step in stages.WAYS[state]:
                await stage.act(step)
            assert await stage.state() == stages.NAMES.get(state, state), f"on the way to {state}"
            stage.outcome = {}
            await stage.act(event)
            found = await stage.said() or await stage.state()
            if found != after:
                wrong.append(f"{state} · {event} → {found}, must be {after}")
        return wrong

    return play


# ------------------------------------------------------------------------------------------------ record
class RecordStage(Stage):
    NAMES: ClassVar[dict[str, str]] = {}
    WAYS: ClassVar[dict[str, tuple[str, ...]]] = {
        "active": ("applied",), "active+disputed": ("applied", "objected"), "active+shielded": ("applied", "shielded"),
        "withdrawn": ("applied", "withdrawn"), "repaired": ("applied", "granted"), "expired": ("applied", "term-ends"),
        "removed": ("applied", "removed"), "deleted": ("applied", "deleted"),
    }  # fmt: skip

    async def act(self, event: str) -> None:
        self.n += 1
        if event == "term-ends":
            await self.later()
            return
        await self.take(self.made(event))

    def made(self, event: str) -> CreditEvent:
        of = self.fact
        match event:
            case "corrected":
                return lives.corrected(of, {"debtor": {"duty": f"更正{self.n}"}})
            case "foreign":
                return lives.withdrawn(of, by=f"samr-{world.HERE}")
            case "objected":
                return lives.objected(of, f"异{self.org}{self.n}")
            case "settled":
                return lives.settled(of, f"异{self.org}2")
            case "applied":
                return lives.repair_applied(of, f"修{self.org}{self.n}")
            case "granted":
                return lives.repair_decided(of, f"修{self.org}1")
            case "removed":
                document = {
                    "number": f"移{self.org}{self.n}",
                    "issuer": "某县法院",
                    "decided_on": clock.today().isoformat(),
                }
                return facts.removal(of.document["number"], self.org, supplier=world.COURT, document=document)
        return getattr(lives, event)(of)

    async def state(self) -> str:
        return await self.one(
            "SELECT state || CASE WHEN disputed THEN '+disputed' ELSE '' END || CASE WHEN shielded THEN '+shielded' ELSE '' END"
            " FROM matcher.records WHERE record = :record"
        )


# ------------------------------------------------------------------------------------------------ listing
class ListingStage(Stage):
    NAMES: ClassVar[dict[str, str]] = {"noticed": "noticed"}
    WAYS: ClassVar[dict[str, tuple[str, ...]]] = {
        "-": (), "noticed": ("noticed",), "active": ("noticed", "entered"), "removed": ("noticed", "entered", "removed"),
        "expired": ("noticed", "entered", "term-ends"), "withdrawn": ("noticed", "entered", "withdrawn"),
    }  # fmt: skip

    async def begin(self) -> None:
        self.fact = self._entry("2027-01-03")

    def _entry(self, listed_on: str) -> CreditEvent:
        document = {"number": f"列{self.org}", "issuer": "某人社局", "decided_on": listed_on}
        made = lives.listed(
            self.org, world.LIST, document["number"], notice_number=f"告{self.org}", said={"listed_on": listed_on}
        )
        return self._now(replace(made, supplier=world.OWNER, source=f"//{world.OWNER}/t", document=document))

    async def act(self, event: str) -> None:
        self.n += 1
        if event == "term-ends":
            await self.later()
        elif event == "counted":
            many = [
                facts.fact("penalty.imposed", world.PENALTY, org=self.org, data={"penalty": {"offence": f"第{n}次"}})
                for n in range(9)
            ]
            await self.matcher.take(*(self._now(one) for one in many))
        else:
            await self.take(self._event(event))

    def _event(self, event: str) -> CreditEvent:
        match event:
            case "noticed":
                made = lives.notice(self.org, world.LIST, f"告{self.org}", "2026-12-28", supplier=world.OWNER)
                return replace(made, document={**made.document, "issuer": "某人社局"})
            case "entered":
                return self.fact
            case "entered-again":
                return replace(self.fact, id=f"again{self.org}{self.n}", submission=f"sub_again{self.org}{self.n}")
            case "entered-at-once":
                return self._entry("2027-01-02")
            case "removed":
                document = {
                    "number": f"移{self.org}{self.n}",
                    "issuer": "某人社局",
                    "decided_on": clock.today().isoformat(),
                }
                return replace(lives.delisted(self.fact, supplier=world.OWNER), document=document)
        return lives.withdrawn(self.fact)

    async def state(self) -> str:
        listed = await self.one(
            "SELECT state FROM matcher.records WHERE organisation_code = :org AND kind = 'list.entered'"
        )
        noticed = await self.one("SELECT 'noticed' FROM matcher.notices WHERE organisation_code = :org")
        return listed or noticed or "-"


# ------------------------------------------------------------------------------------------------ objection
class ObjectionStage(Stage):
    NAMES: ClassVar[dict[str, str]] = {"half": "open", "verified": "open"}
    WAYS: ClassVar[dict[str, tuple[str, ...]]] = {
        "-": (), "open": ("opened",), "half": ("opened", "supplier"), "verified": ("opened", "supplier", "collector"),
        "refused": ("opened", "supplier", "collector", "refused"), "withdrawn-by-filer": ("opened", "taken-back"),
        "upheld-corrected": ("opened", "corrected"), "closed-early": ("taken-back",),
    }  # fmt: skip

    async def act(self, event: str) -> None:
        await self.take(self._event(event))

    def _event(self, event: str) -> CreditEvent:
        of, number = self.fact, f"异{self.org}"
        match event:
            case "opened":
                return lives.objected(of, number)
            case "by-nobody":
                return lives.objected(of, number, by=f"sasac-{world.HERE}", who="agency")
            case "by-holder":
                return lives.objected(of, number, by=f"mof-{world.HERE}", who="agency")
            case "supplier" | "collector":
                return lives.verified(of, number, who=event)
            case "by-another":
                return lives.verified(of, number, by=f"samr-{world.HERE}")
            case "as-collector":
                return lives.verified(of, number, who="collector", by=world.COURT)
            case "corrected":
                return lives.settled(of, number, "upheld-corrected", said={"debtor": {"duty": "核实"}})
        outcome = {"refused": "refused", "withdrawn": "upheld-withdrawn", "taken-back": "withdrawn-by-filer"}[event]
        return lives.settled(of, number, outcome, by=world.COURT)

    async def state(self) -> str:
        known = await self.one("SELECT state FROM matcher.objections WHERE organisation_code = :org")
        early = await self.one(
            "SELECT 'closed-early' FROM matcher.holds WHERE organisation_code = :org AND opened_at IS NULL"
        )
        return known or early or "-"


# ------------------------------------------------------------------------------------------------ repair
class RepairStage(Stage):
    NAMES: ClassVar[dict[str, str]] = {}
    WAYS: ClassVar[dict[str, tuple[str, ...]]] = {
        "-": (), "applied": ("applied",), "granted": ("applied", "granted"), "refused": ("applied", "refused"),
        "overtaken": ("applied", "withdrawn"),
    }  # fmt: skip

    async def act(self, event: str) -> None:
        of, number = self.fact, f"修{self.org}"
        if event == "term-ends":
            await self.later()
            return
        if event in ("too-early", "never"):
            of = await self._other(event)
        said: dict[str, dict[str, Any]] = {
            "duty-undone": {"duty_done_on": None},
            "no-commitment": {"commitment": False},
        }
        made: dict[str, Callable[[], CreditEvent]] = {
            "granted": lambda: lives.repair_decided(of, number), "uncited": lambda: lives.repair_decided(of, number,
                "refused"),
            "refused": lambda: lives.repair_decided(of, number, "refused", said=CITED),
            "by-another": lambda: lives.repair_decided(of, number, by=f"samr-{world.HERE}"),
            "another": lambda: lives.repair_applied(of, f"{number}再"), "withdrawn": lambda: lives.withdrawn(of),
            "deleted": lambda: lives.deleted(of), "removed": lambda: facts.removal(of.document["number"], self.org,
                supplier=world.COURT),
        }  # fmt: skip
        await self.take(made[event]() if event in made else lives.repair_applied(of, number, said=said.get(event, {})))

    async def _other(self, event: str) -> CreditEvent:
        """A record whose rule says no: a listing of yesterday, or a serious penalty."""
        if event == "never":
            data = {"penalty": {"offence": "某行为", "severity": "serious"}}
            made = facts.fact("penalty.imposed", world.PENALTY, org=self.org, data=data)
        else:
            notice = lives.notice(self.org, world.LIST, f"告{self.org}", "2026-12-20", supplier=world.OWNER)
            await self.matcher.take(self._now(notice))
            made = lives.listed(
                self.org, world.LIST, f"列{self.org}", notice_number=f"告{self.org}", said={"listed_on": "2027-01-03"}
            )
        await self.matcher.take(self._now(made))
        return made

    async def state(self) -> str:
        sql = "SELECT state FROM matcher.repairs WHERE organisation_code = :org ORDER BY applied_at DESC LIMIT 1"
        return await self.one(sql) or "-"


# ------------------------------------------------------------------------------------------------ case
class CaseStage(Stage):
    NAMES: ClassVar[dict[str, str]] = {"closed": "closed"}
    WAYS: ClassVar[dict[str, tuple[str, ...]]] = {
        "-": (), "asked": ("initiated",), "accepted": ("initiated", "accepted"), "declined": ("initiated", "declined"),
        "closed": ("initiated", "ended"),
    }  # fmt: skip

    async def act(self, event: str) -> None:
        of = self.fact
        if event == "unlisted":
            of = self._now(facts.fact(org=self.org))
            await self.matcher.take(of)
        made: dict[str, Callable[[], CreditEvent]] = {
            "ended": lambda: lives.withdrawn(of), "accepted": lambda: lives.answered_scope(of, AWAY),
            "declined": lambda: lives.answered_scope(of, AWAY, "declined", reason="无相关事项"),
            "unsaid": lambda: lives.answered_scope(of, AWAY, "declined"),
            "not-mine": lambda: lives.answered_scope(of, AWAY, by=f"ndrc-{world.HERE}"),
            "by-another": lambda: lives.initiated(of, [AWAY], by=f"samr-{world.HERE}"),
            "nowhere": lambda: lives.initiated(of, ["999999"]),
        }  # fmt: skip
        await self.take(made[event]() if event in made else lives.initiated(of, [AWAY]))

    async def state(self) -> str:
        closed = await self.one(
            "SELECT 'closed' FROM matcher.cases WHERE organisation_code = :org AND closed_at IS NOT NULL"
        )
        return closed or await self.one("SELECT state FROM matcher.scopes WHERE organisation_code = :org") or "-"


# ------------------------------------------------------------------------------------------------ obligation
class ObligationStage(Stage):
    NAMES: ClassVar[dict[str, str]] = {}
    WAYS: ClassVar[dict[str, tuple[str, ...]]] = {
        "triggered": (), "delivered": ("arrived",), "acknowledged": ("acknowledged",), "executed": ("executed",),
        "declined": ("declined",), "triggered+suspended": ("objected",), "lifting": ("ended",), "lifted": ("ended", "let-go"),
        "cancelled": ("ended", "void"),
    }  # fmt: skip
    ANSWERS: ClassVar[dict[str, tuple[str, dict[str, Any]]]] = {
        "let-go": ("lift-confirmed", {}), "let-go-late": ("lift-confirmed", {"version": 1}),
            "paused": ("suspension-confirmed", {}),
        "paused-late": ("suspension-confirmed", {"version": 1}), "unexplained": ("declined", {}),
        "explained-wrongly": ("declined", {"reason": "because"}), "declined": ("declined", {"reason": "not-competent"}),
        "ahead": ("executed", {"version": 9}), "stranger": ("executed", {"agency": f"sasac-{world.HERE}"}),
    }  # fmt: skip
    refusal: str | None = None

    async def act(self, event: str) -> None:
        self.n += 1
        self.refusal = None
        if event in ("arrived", "void"):
            await self._reported("delivered" if event == "arrived" else "cancelled")
        elif event == "due":
            await self.later(40)
        elif event in ("objected", "settled", "ended", "corrected"):
            number = f"异{self.org}"
            made = {"objected": lambda: lives.objected(self.fact, number), "settled": lambda: lives.settled(self.fact,
                number),
                    "ended": lambda: lives.withdrawn(self.fact),
                    "corrected": lambda: lives.corrected(self.fact, {"debtor": {"duty": f"{self.n}"}})}[event]()  # fmt: skip
            await self.matcher.take(self._now(made))
        else:
            await self._answered(event)

    async def _told(self) -> Notification:
        rows = await self.matcher.rows(
            "SELECT o.obligation, o.agency, o.version, o.epoch FROM matcher.obligations o"
            f" WHERE o.organisation_code = '{self.org}' AND o.measure = 'P64-12' AND o.department = 'mof'"
        )
        return next(n for n in reversed(await self.matcher.told()) if n.obligation == rows[0]["obligation"])

    async def _reported(self, outcome: str) -> None:
        told = await self._told()
        await self.matcher.reported(DeliveryReport(
            agency=told.agency, obligation=told.obligation, epoch=told.epoch, version=told.version, outcome=outcome,
                 # type: ignore[arg-type]
            channel="kafka", at=clock.stamp()))  # fmt: skip

    async def _answered(self, event: str) -> None:
        told = await self._told()
        said, changed = self.ANSWERS.get(event, (event, {}))
        values: dict[str, Any] = {
            "id": f"fbk_{self.org}_{self.n}", "agency": told.agency, "obligation": told.obligation, "epoch": told.epoch,
            "version": told.version, "answer": said, "reason": None, "document": None, "happened_on": None,
            "received_at": clock.stamp(), "via": "http",
        }  # fmt: skip
        answer = Feedback(**(values | changed))
        await self.matcher.hear(answer)
        refusal = await self.one("SELECT refusal FROM matcher.feedback WHERE id = :id", id=answer.id)
        self.refusal = f"[{refusal}]" if refusal else None

    async def said(self) -> str | None:
        return self.refusal

    async def state(self) -> str:
        return await self.one(
            "SELECT state || CASE WHEN suspended THEN '+suspended' ELSE '' END FROM matcher.obligations"
            " WHERE organisation_code = :org AND measure = 'P64-12' AND department = 'mof'"
        )


# ------------------------------------------------------------------------------------------------ all of them
CHARTS: dict[str, tuple[type[Stage], Chart]] = {
    "record": (RecordStage, charts.RECORD), "listing": (ListingStage, charts.LISTING),
    "objection": (ObjectionStage, charts.OBJECTION), "repair": (RepairStage, charts.REPAIR), "case": (CaseStage, charts.CASE),
    "obligation": (ObligationStage, charts.OBLIGATION),
}  # fmt: skip


@pytest.mark.timeout(600)
@pytest.mark.parametrize("chart", CHARTS)
async def test_every_transition_is_taken_and_every_forbidden_one_refused_with_its_code(
    matcher: Matcher, chart: str
) -> None:
    stage, table = CHARTS[chart]
    assert await drive(stage, table)(matcher) == []


def test_the_record_chart_says_what_every_event_does_to_every_ended_state() -> None:
    """No cell of an ended state is left to chance."""
    events = {event for row in charts.RECORD.values() for event in row} - {"settled"}
    for state, row in charts.RECORD.items():
        if "+" not in state and state != "active":
            assert events - row.keys() <= {"term-ends", "removed"}, state
