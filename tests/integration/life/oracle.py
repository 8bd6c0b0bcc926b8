"""Understands what must become of every event: design.md and interleavings.md in plain Python, one event after another.

It knows no table and no handler. What the hub answers to the same events is held against it after every step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from credithub.domain.events import CreditEvent
from tests.harness.lives import record_of
from tests.integration.life import world
from tests.integration.life.world import DEBTOR, LIST, Terms

JsonObject = dict[str, Any]
Place = tuple[str, int]  # (submission, index)
ENTRIES = {"judgment-debtor.listed": DEBTOR, "list.entered": LIST}
EXITS = {
    "judgment-debtor.removed": ("case_number", "judgment-debtor.listed"),
    "list.removed": ("number", "list.entered"),
}
ENDS = frozenset({"withdrawn", "repaired", "expired", "removed", "deleted"})
AGAIN = {"withdrawn": ENDS - {"withdrawn", "deleted"}, "deleted": ENDS - {"deleted"}}  # what may end once more


@dataclass
class Hold:
    opened: bool = False
    closed: bool = False
    outcome: str = ""
    until: date | None = None


@dataclass
class Objection:
    state: str = "open"
    said: set[str] = field(default_factory=set)


@dataclass
class Rec:
    code: str
    id: str
    event: CreditEvent
    supplier: str
    catalogue: str
    content: str
    received: date
    terms: Terms
    acts: bool
    version: int = 1
    state: str = "active"
    older: set[str] = field(default_factory=set)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    objections: dict[str, Objection] = field(default_factory=dict)
    repairs: dict[str, str] = field(default_factory=dict)
    differing: dict[str, str] = field(default_factory=dict)  # supplier: content that differs, not settled
    regions: dict[str, str] = field(default_factory=dict)
    joining: set[str] = field(default_factory=set)  # regions that accepted just now
    added: set[tuple[str, str]] = field(default_factory=set)  # pairs that a turn of the catalogue added

    @property
    def kind(self) -> str:
        return self.event.kind

    @property
    def open(self) -> set[tuple[str, str]]:
        return {name for name, hold in self.holds.items() if hold.opened and not hold.closed}


@dataclass
class Entry:
    event: CreditEvent
    outcome: str
    codes: frozenset[str] = frozenset()
    waits: str = ""


Outcome = tuple[str, frozenset[str]]
ARCHIVED: Outcome = ("archived", frozenset())
DUPLICATE: Outcome = ("duplicate", frozenset())


def refused(*codes: str) -> Outcome:
    return ("refused", frozenset(codes))


def department(supplier: str) -> tuple[str, str]:
    name, _, division = supplier.rpartition("-")
    return (name, division) if name else (supplier, "")


def determines(rec: Rec, supplier: str) -> bool:
    """The organ that determined the record, or its superior in the same department."""
    mine, theirs = department(supplier), department(rec.supplier)
    return mine[0] == theirs[0] and mine[1] in world.places(theirs[1])


class Oracle:
    def __init__(self) -> None:
        self.today = world.BEGINS
        self.records: dict[str, Rec] = {}
        self.entries: dict[Place, Entry] = {}
        self.known: dict[tuple[str, str], Place] = {}  # transport identities that are archived or wait
        self.waiting: dict[str, list[Entry]] = {}
        self.seats: dict[str, str] = {}  # as the register itself said
        self.legacy: dict[tuple[str, str], str] = {}
        self.links: dict[tuple[str, str, str], bool] = {}  # (from, to, kind): it stands
        self.notices: dict[tuple[str, str, str], date] = {}  # (code, list, number): the last day of its waiting time
        self.touched: set[str] = set()  # records that a step may have changed
        self.changed: set[Place] = set()
        self.listings = 0
        self.holders: Callable[[str], set[str]] = lambda record: set()
        self.taken: Counter[tuple[str, str, str, str]] = Counter()  # (chart, state, event, what followed)
        self.standing: Callable[[date], str] = lambda day: (
            world.FIRST
        )  # the version in force on a day; "" where none is
        self.born: list[Rec] = []

    # ------------------------------------------------------------------------------------------ codes that belong together
    def group(self, code: str) -> list[str]:
        """The code itself first, then all that were re-coded or merged with it."""
        found, ahead = [code], [code]
        while ahead:
            here = ahead.pop()
            for (old, new, kind), stands in self.links.items():
                other = new if old == here else old if new == here else None
                if stands and kind != "split" and other and other not in found:
                    found.append(other)
                    ahead.append(other)
        return found

    def seat(self, code: str) -> str | None:
        """Of whoever answers for the code now."""
        seen = {code}
        while True:
            into = [
                new for (old, new, kind), stands in self.links.items() if stands and kind != "split" and old == code
            ]
            if not into or into[-1] in seen:
                return self.seats.get(code)
            code = into[-1]
            seen.add(code)

    # ------------------------------------------------------------------------------------------ an entry
    def take(self, event: CreditEvent) -> None:
        place = (event.submission, event.index)
        before = self.known.get((event.source, event.id))
        if before == place:
            return
        if before is not None:
            same = self.entries[before].event.digest == event.digest
            self._enter(place, Entry(event, "duplicate") if same else Entry(event, "refused", frozenset({"conflict"})))
            return
        entry = Entry(event, "")
        self._enter(place, entry)
        self._judge(entry)

    def _enter(self, place: Place, entry: Entry) -> None:
        self.entries[place] = entry
        self.changed.add(place)

    def _judge(self, entry: Entry) -> None:
        """Gives an entry its outcome; one that opens a door lets in who waited behind it."""
        event = entry.event
        place = (event.submission, event.index)
        self.changed.add(place)
        entry.outcome, entry.codes = self._outcome(entry)
        if entry.outcome in ("archived", "waiting-subject", "waiting-record"):
            self.known[event.source, event.id] = place
        else:
            self.known.pop((event.source, event.id), None)

    def _outcome(self, entry: Entry) -> Outcome:
        event = entry.event
        if event.organisation_code is None:
            return self._unnamed(entry)
        role = event.role
        if event.kind in EXITS:
            return self._exit(entry)
        if event.kind == "subject.registered":
            return self._registered(entry)
        if role == "link":
            return self._linked(event)
        if role in ("change", "objection", "repair", "case"):
            return self._life(entry)
        if role == "identity":
            return self._identity(event)
        if event.kind == "list.entered" and (refusal := self._listing(event)):
            return refusal
        return self._fact(entry)

    def _wait(self, entry: Entry, key: str, outcome: str = "waiting-record") -> Outcome:
        self.waiting.setdefault(key, []).append(entry)
        entry.waits = key
        return (outcome, frozenset())

    def _wait_of(self, rec: Rec, entry: Entry, key: str) -> Outcome:
        """Its record is known; whatever becomes of links between codes, it is that record's."""
        entry.event = replace(entry.event, organisation_code=rec.code)
        return self._wait(entry, key)

    def _let_in(self, *keys: str) -> None:
        come = [entry for key in keys for entry in self.waiting.pop(key, ())]
        order = {place: n for n, place in enumerate(self.entries)}  # what waits for a case comes after what makes it
        for entry in sorted(come, key=lambda e: (e.event.role == "case", order[e.event.submission, e.event.index])):
            self._judge(entry)

    # ------------------------------------------------------------------------------------------ whose it is
    def _unnamed(self, entry: Entry) -> Outcome:
        event = entry.event
        code = next((self.legacy[name] for name in event.legacy if name in self.legacy), None)
        if code is None:
            return self._wait(entry, f"legacy:{event.legacy[0]}" if event.legacy else f"name:{event.source} {event.id}",
                              "waiting-subject")  # fmt: skip
        return self._named(entry, code)

    def _named(self, entry: Entry, code: str) -> Outcome:
        entry.event = replace(entry.event, organisation_code=code)
        return self._outcome(entry)

    def _identity(self, event: CreditEvent) -> Outcome:
        said = event.data["identity"]
        key = f"name:{said['source']} {said['id']}"
        if key not in self.waiting:
            return refused("nothing-waits")
        if said["decision"] == "confirmed":
            (entry,) = self.waiting.pop(key)
            entry.event = replace(entry.event, organisation_code=event.organisation_code)
            self._judge(entry)
        return ARCHIVED

    def _registered(self, entry: Entry) -> Outcome:
        event = entry.event
        outcome = self._fact(entry)
        if outcome == ARCHIVED:
            said = event.data["registration"]
            self.seats[event.organisation_code or ""] = said["seat"]
            for row in said["legacy"]:
                name = (row["scheme"], row["value"])
                if self.legacy.setdefault(name, event.organisation_code or "") == event.organisation_code:
                    self._let_in_legacy(name)
            self._moved()
        return outcome

    def _let_in_legacy(self, name: tuple[str, str]) -> None:
        for entry in self.waiting.pop(f"legacy:{name}", ()):
            self._judge(entry)

    def _moved(self) -> None:
        self.touched |= set(self.records)

    def _linked(self, event: CreditEvent) -> Outcome:
        data, kind = event.data, event.kind.removeprefix("subject.")
        into = event.organisation_code or ""
        if kind == "link-reverted":
            said = data["reversal"]
            rows = [
                (into, o, said["kind"]) if said["kind"] == "split" else (o, into, said["kind"]) for o in said["with"]
            ]
            if not all(self.links.get(row) for row in rows):
                return refused("subject-code-unknown")
            self.links.update(dict.fromkeys(rows, False))
        else:
            group = {"recoded": "recoding", "merged": "merger", "split": "division"}[kind]
            others = (
                [data[group]["from"]] if kind == "recoded" else data[group]["absorbed" if kind == "merged" else "into"]
            )
            if into in others:
                return refused("conflict")
            rows = [(into, o, kind) if kind == "split" else (o, into, kind) for o in others]
            for row in rows:
                self.links.pop(row, None)  # the last word on who took over is the last in the dictionary
                self.links[row] = True
        self._moved()
        return self._fact_of(event)

    def _fact_of(self, event: CreditEvent) -> Outcome:
        return self._fact(Entry(event, ""))

    # ------------------------------------------------------------------------------------------ facts
    def _fact(self, entry: Entry) -> Outcome:
        event = entry.event
        twins = [replace(event, organisation_code=code) for code in self.group(event.organisation_code or "")]
        held = next((rec for twin in twins if (rec := self.records.get(record_of(twin)))), None)
        if held is None:
            return self._new(event)
        return self._known(held, event)

    def _new(self, event: CreditEvent) -> Outcome:
        terms = world.terms(event.item, event.data, date.fromisoformat(event.document["decided_on"]))
        tolerated = event.data.get("tolerance", {}).get("ground")
        acts = event.kind in ENTRIES and not tolerated
        rec = Rec(event.organisation_code or "", record_of(event), event, event.supplier, event.catalogue, event.content,
                  self.today, terms, acts)  # fmt: skip
        if terms.until and self.today > terms.until:
            rec.state = "expired"
        self.taken["record", "-", event.kind, rec.state] += 1
        if event.kind in ENTRIES:
            self.listings += 1
            self.taken["listing", "-", event.kind, rec.state] += 1
        if event.kind == "list.notice-given":
            said = event.data["listing"]
            last = date.fromordinal(date.fromisoformat(said["given_on"]).toordinal() + 5)
            self.notices.setdefault((rec.code, event.item, event.folded_number), last)
        self.records[rec.id] = rec
        self.born.append(rec)
        self.touched.add(rec.id)
        self._let_in(
            f"id:{rec.id}", *(f"number:{code}:{event.item}:{event.folded_number}" for code in self.group(rec.code))
        )
        return ARCHIVED

    def _known(self, rec: Rec, event: CreditEvent) -> Outcome:
        self.touched.add(rec.id)
        if rec.state != "active":
            return DUPLICATE
        if event.supplier == rec.supplier:
            if event.content == rec.content or event.content in rec.older:
                return DUPLICATE
            self._version(rec, event.content)
            return ARCHIVED
        if event.content == rec.content:
            rec.differing.pop(event.supplier, None)
            return DUPLICATE
        rec.differing[event.supplier] = event.content
        return refused("conflict")

    def _version(self, rec: Rec, content: str) -> None:
        rec.older.add(rec.content)
        rec.version, rec.content = rec.version + 1, content

    def _listing(self, event: CreditEvent) -> Outcome | None:
        said = event.data["listing"]
        number = (event.organisation_code or "", event.item, said.get("notice_number") or "")
        last = self.notices.get(number)
        self.taken["listing", "noticed" if last else "unnoticed", "list.entered", "judged"] += 1
        if last is None:
            return refused("listing-notice-missing")
        return refused("listing-notice-too-early") if said["listed_on"] <= last.isoformat() else None

    def _exit(self, entry: Entry) -> Outcome:
        event = entry.event
        name, kind = EXITS[event.kind]
        said = event.data["removal"]
        number = _folded(said[name])
        group = self.group(event.organisation_code or "")
        named = [r for code in group for r in self._numbered(code, event.item, number) if r.kind == kind]
        if not named:
            return self._wait(entry, f"number:{event.organisation_code}:{event.item}:{number}")
        outcome = self._fact_of(replace(event, organisation_code=named[0].code))
        if outcome == ARCHIVED:
            for rec in named:
                if rec.state == "active":
                    self.taken["listing", "active", event.kind, "removed"] += 1
                    self._end(rec, "removed", event.kind)
        return outcome

    def _numbered(self, code: str, item: str, number: str) -> Iterator[Rec]:
        return (
            r for r in self.records.values() if (r.code, r.event.item, r.event.folded_number) == (code, item, number)
        )

    # ------------------------------------------------------------------------------------------ lives
    def _life(self, entry: Entry) -> Outcome:
        event = entry.event
        meant, key = self._meant(event)
        if len(meant) > 1:
            return refused("record-unclear")
        if not meant:
            return self._wait(entry, key)
        rec = meant[0]
        self.touched.add(rec.id)
        chart, name = _chart(event)
        before = _state(rec, chart, event)
        outcome = getattr(self, "_" + event.kind.replace(".", "_").replace("-", "_"))(rec, entry)
        after = _state(rec, chart, event) if outcome == ARCHIVED else "|".join(sorted(outcome[1])) or outcome[0]
        self.taken[chart, before, name, after] += 1
        return outcome

    def _meant(self, event: CreditEvent) -> tuple[list[Rec], str]:
        target = event.target or {}
        group = self.group(event.organisation_code or "")
        if "id" in target:
            rec = self.records.get(target["id"])
            return ([rec] if rec and rec.code in group else []), f"id:{target['id']}"
        item, number = target["item"], target["folded_number"]
        return [
            r for code in group for r in self._numbered(code, item, number)
        ], f"number:{event.organisation_code}:{item}:{number}"

    def _end(self, rec: Rec, state: str, by: str) -> None:
        if state != "active":
            self.taken["record", rec.state, by, state] += 1
        rec.state = state
        rec.repairs = {number: "overtaken" if was == "applied" else was for number, was in rec.repairs.items()}
        self.touched.add(rec.id)

    def _record_corrected(self, rec: Rec, entry: Entry) -> Outcome:
        if not determines(rec, entry.event.supplier):
            return refused("not-determining-department")
        if rec.state in ("withdrawn", "deleted"):
            return refused("record-ended")
        self._version(rec, entry.event.data["correction"]["content"])
        rec.differing.clear()
        return ARCHIVED

    def _record_withdrawn(self, rec: Rec, entry: Entry) -> Outcome:
        return self._over(rec, entry, "withdrawn")

    def _record_deleted(self, rec: Rec, entry: Entry) -> Outcome:
        return self._over(rec, entry, "deleted")

    def _over(self, rec: Rec, entry: Entry, state: str) -> Outcome:
        if not determines(rec, entry.event.supplier):
            return refused("not-determining-department")
        if rec.state != "active" and rec.state not in AGAIN[state]:
            return refused("record-ended")
        self._end(rec, state, entry.event.kind)
        return ARCHIVED

    def _record_annotated(self, rec: Rec, entry: Entry) -> Outcome:
        if not determines(rec, entry.event.supplier):
            return refused("not-determining-department")
        if rec.state == "deleted":
            return refused("record-ended")
        if entry.event.data["annotation"]["kind"] == "conflict-settled":
            rec.differing.clear()
        return ARCHIVED

    def _record_shielded(self, rec: Rec, entry: Entry) -> Outcome:
        if not (determines(rec, entry.event.supplier) or entry.event.supplier.startswith("spc-")):
            return refused("not-determining-department")
        if rec.state != "active":
            return refused("record-ended")
        said = entry.event.data["shielding"]
        hold = rec.holds.setdefault(("shielding", said["number"]), Hold())
        hold.opened, hold.until = True, date.fromisoformat(said["until"]) if said["until"] else None
        return ARCHIVED

    def _record_unshielded(self, rec: Rec, entry: Entry) -> Outcome:
        if not (determines(rec, entry.event.supplier) or entry.event.supplier.startswith("spc-")):
            return refused("not-determining-department")
        rec.holds.setdefault(("shielding", entry.event.data["shielding"]["number"]), Hold()).closed = True
        return ARCHIVED

    def _objection_opened(self, rec: Rec, entry: Entry) -> Outcome:
        said, supplier = entry.event.data["objection"], entry.event.supplier
        if supplier != "hub" and not (said["by"] == "agency" and supplier in self.holders(rec.id)):
            return refused("objection-not-holder")
        codes = set()
        if any(said["number"] in r.objections for r in self.records.values() if r.code == rec.code):
            codes.add("conflict")
        if rec.state != "active":
            codes.add("record-ended")
        if codes:
            return refused(*codes)
        hold = rec.holds.setdefault(("objection", said["number"]), Hold())
        hold.opened = True
        rec.objections[said["number"]] = Objection(hold.outcome or "refused" if hold.closed else "open")
        self._let_in(f"objection:{rec.code}:{said['number']}")
        return ARCHIVED

    def _objection_verified(self, rec: Rec, entry: Entry) -> Outcome:
        said, supplier = entry.event.data["verification"], entry.event.supplier
        if said["by"] == "supplier" and not determines(rec, supplier):
            return refused("not-determining-department")
        if said["by"] == "collector" and supplier != "hub":
            return refused("owner-not-allowed")
        number = entry.event.data["objection"]["number"]
        if number not in rec.objections:
            return self._wait_of(rec, entry, f"objection:{rec.code}:{number}")
        rec.objections[number].said.add(said["by"])
        return ARCHIVED

    def _objection_closed(self, rec: Rec, entry: Entry) -> Outcome:
        said, supplier = entry.event.data["closing"], entry.event.supplier
        number, outcome = entry.event.data["objection"]["number"], said["outcome"]
        if supplier != "hub" and not determines(rec, supplier):
            return refused("not-determining-department")
        objection = rec.objections.get(number)
        if objection and objection.state != "open":
            return refused("conflict")
        if objection and outcome == "refused" and objection.said != {"supplier", "collector"}:
            return refused("verification-missing")
        hold = rec.holds.setdefault(("objection", number), Hold())
        hold.closed, hold.outcome = True, outcome
        if objection:
            objection.state = outcome
        if outcome == "upheld-corrected" and rec.state not in ("withdrawn", "deleted"):
            self._version(rec, said["correction"]["content"])
            rec.differing.clear()
        if outcome == "upheld-withdrawn" and rec.state not in ("withdrawn", "deleted"):
            self._end(rec, "withdrawn", "objection.closed")
        return ARCHIVED

    def _repair_applied(self, rec: Rec, entry: Entry) -> Outcome:
        said = entry.event.data["repair"]
        codes = set()
        if any(said["number"] in r.repairs for r in self.records.values() if r.code == rec.code):
            codes.add("conflict")
        if rec.state != "active":
            codes.add("record-ended")
        codes |= set(self._unmet(rec, said))
        if codes:
            return refused(*codes)
        rec.repairs[said["number"]] = "applied"
        self._let_in(f"repair:{rec.code}:{said['number']}")
        return ARCHIVED

    def _unmet(self, rec: Rec, said: JsonObject) -> Iterator[str]:
        severity = rec.event.data.get("penalty", {}).get("severity")
        if rec.event.item == world.PENALTY and severity == "serious":
            yield "repair-not-repairable"
        if rec.event.item == DEBTOR and not said.get("duty_done_on"):
            yield "repair-duty-undone"
        if rec.event.item in (DEBTOR, world.PENALTY) and not said["commitment"]:
            yield "repair-commitment-missing"
        if rec.kind == "list.entered":
            first = world.months_later(date.fromisoformat(rec.event.data["listing"]["listed_on"]), 2)
            if self.today < first:
                yield "repair-too-early"

    def _repair_decided(self, rec: Rec, entry: Entry) -> Outcome:
        if not determines(rec, entry.event.supplier):
            return refused("not-determining-department")
        number, said = entry.event.data["repair"]["number"], entry.event.data["decision"]
        state = rec.repairs.get(number)
        if state is None:
            return self._wait_of(rec, entry, f"repair:{rec.code}:{number}")
        if state != "applied":
            return refused("conflict")
        if said["outcome"] == "refused" and not said.get("citation"):
            return refused("repair-citation-missing")
        rec.repairs[number] = said["outcome"]
        if said["outcome"] == "granted":
            self._end(rec, "repaired", "repair.decided")
        return ARCHIVED

    # ------------------------------------------------------------------------------------------ cases
    def _case_initiated(self, rec: Rec, entry: Entry) -> Outcome:
        said = entry.event.data["case"]
        if rec.state != "active":
            return refused("record-ended")
        if not determines(rec, entry.event.supplier):
            return refused("not-determining-department")
        if not world.pairs(rec.catalogue, rec.event.item):
            return refused("measure-outside-list")
        for region in said["scope"]:
            rec.regions.setdefault(region, "asked")
        return ARCHIVED

    def _case_scope_answered(self, rec: Rec, entry: Entry) -> Outcome:
        said = entry.event.data["case"]
        region = said["division"]
        if rec.state != "active":
            return refused("record-ended")
        if department(entry.event.supplier)[1] != region or region not in rec.regions:
            return refused("scope-not-yours")
        if rec.regions[region] != "asked":
            return refused("conflict")
        if said["answer"] == "declined" and not said.get("reason"):
            return refused("reason-required")
        rec.regions[region] = said["answer"]
        if said["answer"] == "accepted":
            rec.joining.add(region)
        return ARCHIVED

    # ------------------------------------------------------------------------------------------ the clock
    def until(self, today: date) -> None:
        """All that falls due until this day has happened."""
        self.today = today
        for rec in self.records.values():
            for name in sorted(rec.open):
                if (until := rec.holds[name].until) and today > until:
                    rec.holds[name].closed = True
                    self.taken["record", f"{rec.state}+shielding", "shield-ends", rec.state] += 1
            if rec.state == "active" and rec.terms.until and today > rec.terms.until:
                self._end(rec, "expired", "term-ends")
                if rec.kind in ENTRIES:
                    self.taken["listing", "active", "term-ends", "expired"] += 1
        self._moved()


def _folded(number: str) -> str:
    from tests.harness.lives import another

    return another(number)


def _chart(event: CreditEvent) -> tuple[str, str]:
    kind = event.kind
    what = {"objection.verified": "verification", "objection.closed": "closing", "repair.decided": "decision"}.get(kind)
    if what == "verification":
        return "objection", f"{kind} by {event.data[what]['by']}"
    if what:
        return kind.split(".")[0], f"{kind} {event.data[what]['outcome']}"
    if kind == "case.scope-answered":
        return "case", f"{kind} {event.data['case']['answer']}"
    return kind.split(".")[0], kind


def _state(rec: Rec, chart: str, event: CreditEvent) -> str:
    if chart == "objection":
        number = event.data["objection"]["number"]
        early = rec.holds.get(("objection", number))
        return rec.objections[number].state if number in rec.objections else "closed-early" if early else "none"
    if chart == "repair":
        return rec.repairs.get(event.data["repair"]["number"], "none")
    if chart == "case" and "division" in event.data["case"]:
        return rec.regions.get(event.data["case"]["division"], "none")
    return rec.state + "".join(sorted({f"+{kind}" for kind, _ in rec.open}))
