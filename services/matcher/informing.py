"""Understands what a subject's class changes: notices that nobody owes any more end, those that follow from now on begin."""

from __future__ import annotations

from collections.abc import Sequence

from credithub import ids
from credithub.domain.catalogue.change import calls_upon
from credithub.domain.routing import Planned
from services.matcher.duties import Duties
from services.matcher.rules.filing import Subject
from services.matcher.rules.moves import JsonObject, Obligation
from services.matcher.store import routing, unrouted
from services.matcher.store.unrouted import Unrouted

RECLASSED: JsonObject = {
    "code": "rerouted",
    "text_zh": "主体类别已变更，不再通报",
    "text_en": "the subject is of another class now: no notice is owed any more",
}
Told = tuple[str, str, str]  # (record, measure, department)


async def reclassed(duties: Duties, subjects: Sequence[Subject]) -> None:
    """The register said another class of these subjects, locked: their records in force are told to whom it names."""
    if not subjects:
        return
    named = {subject.organisation_code: subject for subject in subjects}
    records = await routing.in_force(duties.conn, named)
    live = await routing.live(duties.conn, named)
    waiting = await unrouted.unrouted_of(duties.conn, named)
    await duties.books.catalogues.have({row.catalogue for row in (*records, *live, *waiting)})
    over = {_told(row) for row in (*live, *waiting) if _over(duties, row, named[row.organisation_code])}
    await duties.lift_some([o for o in live if _told(o) in over], RECLASSED)
    await unrouted.routed(duties.conn, [row for row in waiting if _told(row) in over])
    known = {_told(row) for row in (*live, *waiting)} - over
    wanted = [pair for record in records for pair in _notices(duties, record, named[record.organisation_code])]
    await duties.adopt([(row, plan) for row, plan in wanted if _told(row) not in known])


def _over(duties: Duties, row: Obligation | Unrouted, subject: Subject) -> bool:
    """Whether it is a notice, and none that the class of its subject still calls for."""
    return duties.planner.measure(row).by_notice and duties.planner.plan_of(row, subject) is None


def _notices(duties: Duties, record: routing.InForce, subject: Subject) -> list[tuple[Unrouted, Planned]]:
    catalogue = duties.books.catalogue(record.catalogue)
    if not catalogue.notices_for(record.item, subject.subject_class):
        return []
    if not calls_upon(catalogue, record.item, record.event):
        return []
    rows = ((_row(record, plan), plan) for plan in duties.planner.plans(record.catalogue, record.item, subject))
    return [(row, plan) for row, plan in rows if duties.planner.measure(row).by_notice]


def _row(record: routing.InForce, plan: Planned) -> Unrouted:
    return Unrouted(
        record.organisation_code, ids.case_id(record.record), record.record, record.item, plan.measure_id,
        plan.department, plan.catalogue,
    )  # fmt: skip


def _told(row: Obligation | Unrouted) -> Told:
    return row.record, row.measure, row.department
