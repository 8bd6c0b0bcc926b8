"""Understands which obligations a record calls for, and what each is at its first version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from credithub import clock, ids
from credithub.domain.catalogue import Catalogue, Measure
from credithub.domain.catalogue.change import standing_plans, subject_kind
from credithub.domain.catalogue.layers import JOIN, merged
from credithub.domain.events import CreditEvent
from credithub.domain.routing import NO_AFFILIATION, Affiliation, Planned, obligations_for
from services.matcher.books import Books
from services.matcher.rules import moves
from services.matcher.rules.filing import Filed, Subject
from services.matcher.rules.moves import Obligation
from services.matcher.store.unrouted import Unrouted

WITH_THE_FACT = frozenset({"decision", "listing"})  # periods that begin when it was decided, not when it was told


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an obligation begins, besides its plan. `term_until`: its measure's own last day."""

    round: int = 1
    suspended: bool = False
    term_until: str | None = None
    scope: str | None = None  # the region that took the case over; None: by the subject's seat


FIRST = Place()


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans by the books, for one moment."""

    books: Books
    epoch: int
    at: datetime

    def plans(self, version: str, item: str, subject: Subject) -> tuple[Planned, ...]:
        """By the version that the record came under, with the local ones of its seat; nothing whose basis has ended."""
        today, agencies, seat = clock.today(), self.books.agencies, subject.seat
        own, edition = self.books.catalogue(version.partition(JOIN)[0]), self.books.catalogues.in_force(today)
        if edition is None:
            return obligations_for(own, item, seat, agencies, subject_kind(subject.kind), _of(own, item, subject))
        own = merged(own, edition.local, seat) if edition.local else own
        of = _of(own, item, subject)
        return standing_plans(own, edition.at(seat), item, seat, agencies, subject.kind, today, of)

    def plan_of(self, row: Unrouted | Obligation, subject: Subject) -> Planned | None:
        """How this pair of measure and department is planned today."""
        plans = self.plans(row.catalogue, row.item, subject)
        return next((p for p in plans if p.measure_id == row.measure and p.department == row.department), None)

    def asked(self, agency: str) -> bool:
        """Whether it owes answers; a partner is informed and owes none."""
        return agency not in self.books.partners

    def first(self, row: Unrouted, plan: Planned, place: Place = FIRST) -> Obligation:
        """The obligation at its first version, now that its agency is known."""
        assert plan.agency is not None
        measure, asked = self.measure(row), self.asked(plan.agency)
        mandatory = measure.mandatory and asked
        due_on = self.due_on(row.catalogue, measure) if mandatory and not place.suspended else None
        return Obligation(
            organisation_code=row.organisation_code,
            obligation=ids.obligation_id(row.case_id, row.measure, plan.agency, place.round),
            case_id=row.case_id, record=row.record, item=row.item, measure=row.measure, department=row.department,
            agency=plan.agency, round=place.round, epoch=self.epoch, version=1, state="triggered",
            suspended=place.suspended, executed=False, mandatory=mandatory, due_on=due_on, answer=None, reason=None,
            catalogue=row.catalogue, explain=moves.measure_as_told(measure, plan),
            confirmed=place.suspended and not asked, suspended_at=self.at if place.suspended else None,
            term_until=place.term_until, scope=place.scope,
        )  # fmt: skip

    def measure(self, row: Unrouted | Obligation) -> Measure:
        measure = self.books.catalogue(row.catalogue).measure(row.measure)
        assert measure is not None
        return measure

    def due_on(self, version: str, measure: Measure) -> str | None:
        return self.books.answer_due_on(version, measure)

    def term_until(self, row: Unrouted, since: date | None) -> str | None:
        """The last day of the measure's own term; None where it ends with the fact. `since`: when that was decided."""
        term = self.measure(row).term
        period = self.books.catalogue(row.catalogue).period(term) if term else None
        if period is None or period.maximum is None:
            return None
        start = since if since is not None and period.starts in WITH_THE_FACT else clock.today()
        last = self.books.last_day(row.catalogue, period.id, start)
        return last.isoformat() if last else None


def _of(own: Catalogue, item: str, subject: Subject) -> Affiliation:
    """What the subject is part of, where that matters: all others share what is kept of their plans."""
    return subject.affiliation if own.notices_for(item, subject.subject_class) else NO_AFFILIATION


def unrouted(filed: Filed, case: str, plan: Planned) -> Unrouted:
    assert filed.organisation_code
    assert filed.record
    return Unrouted(
        filed.organisation_code, case, filed.record, filed.event.item, plan.measure_id, plan.department, plan.catalogue,
    )  # fmt: skip


def of_obligation(obligation: Obligation) -> Unrouted:
    """What remains of an obligation when its agency is taken away."""
    return Unrouted(
        obligation.organisation_code, obligation.case_id, obligation.record, obligation.item, obligation.measure,
        obligation.department, obligation.catalogue,
    )  # fmt: skip


def begun_on(event: CreditEvent) -> date | None:
    """When the fact began by its own words: the day of its listing, else of its decision."""
    said = event.data.get("listing", {}).get("listed_on") or event.document.get("decided_on")
    return date.fromisoformat(said) if said else None


def received_on(event: CreditEvent) -> date:
    """A term is judged at the moment its input was received (interleavings 35)."""
    return datetime.fromisoformat(event.received_at).astimezone(clock.CHINA).date()
