"""Understands the regions that have joined a case: their own offices act, as long as the record is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from credithub import clock
from services.matcher.duties import REROUTED, Duties
from services.matcher.planning import Place
from services.matcher.rules.filing import Subject
from services.matcher.rules.moves import Obligation
from services.matcher.store import routing
from services.matcher.store import scopes as store
from services.matcher.store.unrouted import Unrouted


@dataclass(frozen=True, slots=True)
class Regions:
    """What is due in the regions, of subjects that are locked. Asked after every change of seat or agencies."""

    duties: Duties

    async def settle(self, subjects: Mapping[str, Subject]) -> int:
        """Ends what an agency that acts no more had there, and begins what is lacking; gives how many were begun.

        Who has the duty already, for the subject's own seat or for another region, is not given it twice.
        """
        conn, duties = self.duties.conn, self.duties
        joined = await store.joined(conn, subjects)
        if not joined:
            return 0
        left = [o for o in await routing.in_regions(conn, subjects) if o.agency in duties.books.retired]
        await duties.lift_some(left, REROUTED)
        cases = [(each.organisation_code, each.case_id) for each in joined]
        acting, rounds = await routing.acting(conn, cases), await routing.rounds(conn, cases)
        new: list[Obligation] = []
        for each in joined:
            for row, place, agency in await self._due(each, subjects[each.organisation_code]):
                key = (row.case_id, row.measure, agency)
                if key in acting:
                    continue
                acting.add(key)
                plan = duties.planner.plan_of(row, _seated(subjects[each.organisation_code], each.division))
                assert plan
                new.append(duties.planner.first(row, plan, replace(place, round=rounds.get(key, 0) + 1)))
        await duties.begin(new)
        return len(new)

    async def _due(self, joined: store.Joined, subject: Subject) -> list[tuple[Unrouted, Place, str]]:
        planner = self.duties.planner
        await self.duties.books.catalogues.have({joined.catalogue})
        due: list[tuple[Unrouted, Place, str]] = []
        for plan in planner.plans(joined.catalogue, joined.item, _seated(subject, joined.division)):
            row = Unrouted(
                joined.organisation_code, joined.case_id, joined.record, joined.item, plan.measure_id, plan.department,
                joined.catalogue,
            )  # fmt: skip
            until = planner.term_until(row, joined.begun_on)
            if plan.agency and not (until and until < clock.today().isoformat()):
                place = Place(suspended=joined.suspended, term_until=until, scope=joined.division)
                due.append((row, place, plan.agency))
        return due


def _seated(subject: Subject, division: str) -> Subject:
    """Notices go out once, wherever the case goes: the region has none by the subject's class."""
    return replace(subject, seat=division, subject_class=None)
