"""Understands the laws of design.md §4 as they speak of the matcher's tables and its outbox: what breaks them is named.

Rows that changed since the last look are read, and held against the oracle and the fleet.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from credithub.domain.notifications import Notification
from tests.harness.ground import ROOT
from tests.integration.life import world
from tests.integration.life.fleet import Fleet, Told
from tests.integration.life.oracle import ENTRIES as LISTINGS
from tests.integration.life.oracle import Entry, Oracle, Rec

Row = dict[str, Any]
OVER = frozenset({"lifting", "lifted", "cancelled"})
CODES = frozenset(row["code"] for row in json.loads((ROOT / "schemas/codes/reasons.json").read_text()))
WORDS = frozenset(
    {"obligation-unknown", "version-unknown", "version-old", "reason-required", "reason-unknown", "nothing-to-confirm"}
)  # of answers; the public contract of feedback lists them

NOW = "SELECT (pg_snapshot_xmax(pg_current_snapshot())::text::bigint % 4294967296)::bigint"
OUTBOX = "SELECT id, topic, value FROM matcher.outbox WHERE id > $1 ORDER BY id"
RECORDS = """
    SELECT organisation_code, record, item, kind, state, version, disputed, shielded, in_conflict, catalogue
      FROM matcher.records WHERE xmin::text::bigint >= $1"""
OBLIGATIONS = """
    SELECT obligation, organisation_code, record, item, measure, department, agency, round, version, state, suspended, executed,
           mandatory, due_on, overdue, confirmed, catalogue, explain, scope, answer, case_id
      FROM matcher.obligations WHERE xmin::text::bigint >= $1"""
ENTRIES = """
    SELECT e.submission, e.index, e.outcome AS outcome, '[]'::jsonb AS reasons
      FROM unnest($1::text[], $2::text[]) AS x(s, i) JOIN matcher.entries e ON e.source = x.s AND e.id = x.i
    UNION ALL
    SELECT r.submission, r.index, r.outcome, r.reasons
      FROM unnest($3::text[]) AS x(s) JOIN matcher.repeats_seen r ON r.submission = x.s"""
UNROUTED = "SELECT record, measure, department FROM matcher.unrouted"
HOLDING = "SELECT obligation FROM hub.still_holding_v"
BROKEN = """
    SELECT '5: falls due though suspended or ended' AS law, o.obligation AS who FROM matcher.obligations o
     WHERE (o.suspended OR o.state IN ('lifting', 'lifted', 'cancelled')) AND (o.due_on IS NOT NULL OR o.overdue)
    UNION ALL
    SELECT '5: falls due though suspended or ended', o.obligation FROM matcher.moments m
      JOIN matcher.obligations o ON o.organisation_code = m.organisation_code AND o.obligation = m.ref
     WHERE m.kind = 'answer-due' AND (o.suspended OR o.state IN ('lifting', 'lifted', 'cancelled'))
    UNION ALL
    SELECT '5: its due date has passed unsaid', o.obligation FROM matcher.obligations o
     WHERE o.mandatory AND NOT o.suspended AND o.state IN ('triggered', 'delivered', 'acknowledged')
       AND (o.due_on IS NULL OR o.due_on < $1 AND NOT o.overdue)
    UNION ALL
    SELECT '5: overdue though answered', o.obligation FROM matcher.obligations o
     WHERE o.overdue AND o.state IN ('executed', 'declined')
    UNION ALL
    SELECT '2: two live obligations of one measure and agency', min(o.obligation) FROM matcher.obligations o
     WHERE o.state NOT IN ('lifting', 'lifted', 'cancelled') GROUP BY o.case_id, o.measure, o.agency HAVING count(*) > 1
    UNION ALL
    SELECT '1: waits and is archived', e.source || ' ' || e.id FROM matcher.entries e
     WHERE e.outcome LIKE 'waiting%' AND NOT EXISTS (SELECT FROM matcher.waiting w WHERE w.source = e.source AND w.id = e.id)
    UNION ALL
    SELECT '1: waits and is archived', e.source || ' ' || e.id FROM matcher.waiting w
      JOIN matcher.entries e ON e.source = w.source AND e.id = w.id WHERE e.outcome NOT LIKE 'waiting%'
    UNION ALL
    SELECT '5: what has passed its day is not worked', m.kind || ' ' || m.ref FROM matcher.moments m WHERE m.fires_on <= $1
    UNION ALL
    SELECT '5: nobody is reminded of what is held', h.obligation FROM hub.still_holding_v h
     WHERE NOT EXISTS (SELECT FROM matcher.moments m WHERE m.organisation_code = h.organisation_code AND m.kind = 'remind'
                          AND m.ref = h.obligation)"""
ANSWERS = "SELECT id, outcome, refusal FROM matcher.feedback WHERE id = ANY($1::text[])"


class Broken(AssertionError):
    """A law is broken; its number comes first."""


@dataclass
class Laws:
    conn: asyncpg.Connection
    oracle: Oracle
    fleet: Fleet
    since: int = 0
    last: int = 0
    obligations: dict[str, Row] = field(default_factory=dict)
    of_record: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    offices: dict[str, bool] = field(default_factory=dict)  # agency: in force
    written: int = 0

    # ------------------------------------------------------------------------------------------ a look
    async def nothing_happened(self) -> None:
        """After a crash before the commit."""
        rows = [*await self.conn.fetch(OUTBOX, self.last), *await self.conn.fetch(OBLIGATIONS, self.since)]
        rows += await self.conn.fetch(RECORDS, self.since)
        if rows:
            raise Broken(f"9: left behind by what was rolled back: {rows[0]}")

    async def look(self) -> None:
        """Everything that the last step changed, and all that must hold of it."""
        quiet = not (self.oracle.changed or self.oracle.touched or self.fleet.dirty or self.fleet.answers)
        if quiet and await self.conn.fetchval(NOW) == self.since:
            return
        told = await self._outbox()
        changed = await self._obligations()
        records = {row["record"]: dict(row) for row in await self.conn.fetch(RECORDS, self.since)}
        unrouted = await self._unrouted()
        await self._entries()
        self._told(told)
        self._records(records)
        for name in self.fleet.dirty | set(changed):
            self._obligation(name, changed.get(name))
        touched = {self.obligations[name]["record"] for name in changed}
        for record in touched | (self.oracle.touched & self.oracle.records.keys()):
            self._duties(self.oracle.records[record], unrouted.get(record, set()))
        await self._sums()
        self.oracle.touched.clear()
        self.fleet.dirty.clear()
        self.since = await self.conn.fetchval(NOW)

    async def _outbox(self) -> list[tuple[str, Notification]]:
        rows = await self.conn.fetch(OUTBOX, self.last)
        if rows:
            self.last = rows[-1]["id"]
        return [(row["topic"], Notification.from_bytes(bytes(row["value"]))) for row in rows]

    async def _obligations(self) -> dict[str, Row]:
        changed = {row["obligation"]: dict(row) for row in await self.conn.fetch(OBLIGATIONS, self.since)}
        self.obligations |= changed
        for name, row in changed.items():
            self.of_record[row["record"]].add(name)
        return changed

    async def _unrouted(self) -> dict[str, set[tuple[str, str]]]:
        found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for row in await self.conn.fetch(UNROUTED):
            found[row["record"]].add((row["measure"], row["department"]))
        return found

    # ------------------------------------------------------------------------------------------ 1: nothing lost
    async def _entries(self) -> None:
        """Every entry that was committed has exactly one state, and it is the one that it must have."""
        wanted = [self.oracle.entries[place] for place in self.oracle.changed]
        if not wanted:
            return
        names = list({(e.event.source, e.event.id) for e in wanted})
        rows = await self.conn.fetch(
            ENTRIES, [n[0] for n in names], [n[1] for n in names], [e.event.submission for e in wanted]
        )
        found: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        for row in rows:
            found[row["submission"], row["index"]].append(dict(row))
        for entry in wanted:
            self._entry(entry, found[entry.event.submission, entry.event.index])
        self.oracle.changed.clear()

    def _entry(self, entry: Entry, rows: Sequence[Row]) -> None:
        what = f"{entry.event.kind} {entry.event.id}"
        if len(rows) != 1:
            raise Broken(f"1: {what} has {len(rows)} states, not one: {rows}")
        (row,) = rows
        said = {reason["code"] for reason in json.loads(row["reasons"])}
        if not said <= CODES:
            raise Broken(f"10: {said - CODES} is no code of reasons.json")
        if row["outcome"] != entry.outcome:
            raise Broken(f"1: {what} is {row['outcome']} {said}, must be {entry.outcome} {set(entry.codes)}")
        if row["outcome"] == "refused" and not (said and said <= entry.codes):
            raise Broken(f"1: {what} was refused for {said}, must be one of {set(entry.codes)}")

    # ------------------------------------------------------------------------------------------ 2, 3, 8, 9: what is told
    def _told(self, rows: Iterable[tuple[str, Notification]]) -> None:
        for topic, told in rows:
            lane = "ends" if told.state in ("suspended", "lifted") else "rest"
            if (told.lane, topic.endswith(".ends")) != (lane, lane == "ends"):
                raise Broken(f"3: {told.message} carries {told.state} and went on {topic}")
            if told.kind in ("feedback-refused", "escalated"):
                continue
            self._version(told)
            self._granted(told)
            self.fleet.hear(told)
            self.fleet.all[told.obligation].messages[told.message] = told.to_bytes()

    def _version(self, told: Notification) -> None:
        known = self.fleet.all.get(told.obligation)
        last = known.last.version if known else 0
        must = last if told.kind == "reminder" else last + 1
        if told.version != must:
            raise Broken(f"3: {told.message} ({told.kind}) is version {told.version} after {last}")
        if known and told.message in known.messages:
            raise Broken(f"2: {told.message} was told twice")
        if known and known.last.state == "lifted" and told.kind != "reminder":
            raise Broken(f"5: {told.message} ({told.kind}) follows a lift")
        if told.kind == "reminder" and known and (told.state, told.measure) != (known.last.state, known.last.measure):
            raise Broken(f"2: the reminder {told.message} says something else than its version")

    def _granted(self, told: Notification) -> None:
        item = told.record["item"]
        granted = world.catalogue(told.catalogue).granted_fields(item, told.measure["id"])
        told_of = {f"{group}.{name}" for group, values in told.record["data"].items() for name in values}
        if not told_of <= set(granted):
            raise Broken(f"8: {told.message} tells of {told_of - set(granted)}")

    # ------------------------------------------------------------------------------------------ 2, 5: records
    def _records(self, rows: dict[str, Row]) -> None:
        for name, row in rows.items():
            rec = self.oracle.records.get(name)
            if rec is None and row["kind"] in LISTINGS:
                raise Broken(f"6: {name} was put on a list by nobody's decision")
            if rec is None:
                raise Broken(f"4: the record {name} of {row['kind']} was never archived")
            open_ = {kind for kind, _ in rec.open}
            must = (rec.code, rec.state, rec.version, "objection" in open_, "shielding" in open_, rec.catalogue)
            said = tuple(row[n] for n in ("organisation_code", "state", "version", "disputed", "shielded", "catalogue"))
            if said != must:
                raise Broken(f"2: {rec.kind} {rec.event.document['number']} is {said}, must be {must}")
            if row["in_conflict"] != bool(rec.differing):
                raise Broken(f"2: {rec.kind} in conflict: {row['in_conflict']}, must be {rec.differing}")
            if world.catalogue(row["catalogue"]).item(row["item"]) is None:
                raise Broken(f"4: {name} is of no item of its catalogue")
        for name in self.oracle.touched - rows.keys():
            rec = self.oracle.records[name]
            if (known := self.seen.get(name)) != (now := _now(rec)):
                raise Broken(f"2: {rec.kind} {rec.event.document['number']} stayed {known}, must be {now}")
        self.seen |= {name: _now(self.oracle.records[name]) for name in (*rows, *self.oracle.touched)}

    seen: dict[str, tuple[object, ...]] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------ 4, 5, 10: obligations
    def _obligation(self, name: str, row: Row | None) -> None:
        row = row or self.obligations[name]
        one = self.fleet.all.get(name)
        if one is None:
            raise Broken(f"1: the obligation {name} was told to nobody")
        if row["executed"] and not one.executed:
            raise Broken(f"6: {row['measure']} is executed, and {row['agency']} never said so")
        if (row["state"], one.state) == ("lifted", "lifting"):
            raise Broken(
                f"5: {row['agency']} is taken to have let go of {row['measure']}, and never said so of the lift"
            )
        must = (one.versions, one.last.version, one.state, one.suspended, one.executed)
        said = (row["version"], row["version"], row["state"], row["suspended"], row["executed"])
        if said != must:
            raise Broken(
                f"9: {row['measure']} at {row['agency']} is {said}, must be {must} (versions, told, state, suspended, executed)"
            )
        if row["confirmed"] != one.confirmed and row["suspended"]:
            raise Broken(f"5: {row['agency']} has confirmed: {row['confirmed']}, must be {one.confirmed}")
        self._explained(row)

    def _explained(self, row: Row) -> None:
        why = json.loads(row["explain"])
        measure = world.catalogue(row["catalogue"]).measure(row["measure"])
        if measure is None or not measure.executable or measure.citation is None:
            raise Broken(f"4: {row['measure']} is not executable, or rests on nothing")
        if row["item"] not in measure.triggers or row["department"] not in measure.departments:
            raise Broken(f"4: {row['measure']} of {row['department']} is not for {row['item']}")
        cited = (measure.id, measure.citation.document, measure.citation.clause)
        if (why["measure"]["id"], why["measure"]["document"], why["measure"]["clause"]) != cited or not why["rule"]:
            raise Broken(f"10: {row['obligation']} does not say what it rests on: {why}")

    def _duties(self, rec: Rec, unrouted: set[tuple[str, str]]) -> None:
        """Who has to act on a record is who the measures list names, at the nearest level; nobody on one that is over."""
        rows = [self.obligations[name] for name in self.of_record[rec.id]]
        live = [row for row in rows if row["state"] not in OVER]
        if rec.state != "active" or not rec.acts:
            if live or unrouted:
                raise Broken(
                    f"5: {rec.kind} is {rec.state} and {[r['agency'] for r in live]} still act, {unrouted} wait"
                )
            return
        for row in live:
            if row["suspended"] != bool(rec.open):
                raise Broken(f"5: {row['agency']} suspended: {row['suspended']}, the record: {sorted(rec.open)}")
        self._pairs(rec, [row for row in live if row["scope"] is None], unrouted)
        self._regions(rec, live)

    def _pairs(self, rec: Rec, live: list[Row], unrouted: set[tuple[str, str]]) -> None:
        wanted = self.pairs(rec)
        have: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for row in live:
            have[row["measure"], row["department"]].append(row["agency"])
        name = f"{rec.kind} {rec.event.document['number']}"
        for pair in wanted:
            offices = self.offices_at(pair[1], self.oracle.seat(rec.code))
            elsewhere = self._elsewhere(rec, pair)
            if (
                offices
                and (pair in unrouted or len(have[pair]) != 1 or have[pair][0] not in offices)
                and not elsewhere & offices
            ):
                raise Broken(
                    f"5: {name}: {pair} is at {have[pair]}, must be at one of {offices}, unrouted: {pair in unrouted}"
                )
            if not offices and (have[pair] or pair not in unrouted):
                raise Broken(
                    f"5: {name}: nobody is there for {pair}, it is at {have[pair]}, unrouted: {pair in unrouted}"
                )
        lapsed = {
            pair for pair in unrouted if pair[0] == world.OWN_TERM
        }  # nobody was found until its own term was over
        if more := ({pair for pair in have if have[pair]} | unrouted - lapsed) - set(wanted):
            raise Broken(f"4: {name}: {more} go on and have no ground")

    def _elsewhere(self, rec: Rec, pair: tuple[str, str]) -> set[str]:
        """Offices that have this duty because their region joined."""
        rows = (self.obligations[name] for name in self.of_record[rec.id])
        return {r["agency"] for r in rows if r["scope"] and r["state"] not in OVER and r["measure"] == pair[0]}

    def pairs(self, rec: Rec) -> list[tuple[str, str]]:
        today = self.oracle.today
        standing = world.pairs(rec.catalogue, rec.event.item)
        now = self.oracle.standing(today)
        if now:
            standing = {pair: None for pair in standing if pair in world.pairs(now, rec.event.item)}
        over = rec.terms.own is not None and today > rec.terms.own
        return [
            pair
            for pair in (*standing, *sorted(rec.added - standing.keys()))
            if not (pair[0] == world.OWN_TERM and over)
        ]

    def offices_at(self, department: str, seat: str | None) -> set[str]:
        if seat is None:
            return set()
        return {name for place in world.places(seat) if self.offices.get(name := f"{department}-{place}")}

    def _regions(self, rec: Rec, live: list[Row]) -> None:
        """A region that accepted acts through its own offices, as long as the record is in force."""
        wanted = self.pairs(rec)
        for row in live:
            if row["scope"] is None:
                continue
            if rec.regions.get(row["scope"]) != "accepted":
                raise Broken(f"4: {row['scope']} was never asked, or did not accept, and {row['agency']} acts")
            if (row["measure"], row["department"]) not in wanted:
                raise Broken(f"4: {row['measure']} of {row['department']} goes on in {row['scope']} and has no ground")
        for region in sorted(rec.joining):
            for measure, department in (pair for pair in wanted if pair not in rec.added):
                offices = self.offices_at(department, region)
                if offices and not any(r["measure"] == measure and r["agency"] in offices for r in live):
                    raise Broken(f"5: {region} accepted, and none of {offices} acts on {measure}")
        rec.joining.clear()

    # ------------------------------------------------------------------------------------------ 5, 6: the whole
    async def _sums(self) -> None:
        held = {row["obligation"] for row in await self.conn.fetch(HOLDING)}
        owing = {name for name, one in self.fleet.all.items() if one.owing}
        if held != owing:
            raise Broken(f"5: still holding, by the hub alone: {_say(held - owing, self.fleet.all)},"
                         f" in truth alone: {_say(owing - held, self.fleet.all)}")  # fmt: skip
        rows = await self.conn.fetch(BROKEN, self.oracle.today)
        if rows:
            raise Broken(f"{rows[0]['law']}: {rows[0]['who']}")
        if self.fleet.answers:
            rows = await self.conn.fetch(ANSWERS, list(self.fleet.answers))
            self._answers({row["id"]: (row["outcome"], row["refusal"]) for row in rows})

    def _answers(self, found: dict[str, tuple[str, str | None]]) -> None:
        for name, must in self.fleet.answers.items():
            if found.get(name) != must:
                raise Broken(f"1: the answer {name} is {found.get(name)}, must be {must}")
            if must[1] is not None and must[1] not in WORDS:
                raise Broken(f"10: {must[1]} is no code of answers")
        self.fleet.answers = {n: must for n, must in self.fleet.answers.items() if must[0] == "waiting"}

    async def count(self) -> None:
        """The whole archive: what is there is what was taken, and nobody was put on a list by counting."""
        count = self.conn.fetchval
        entries = await count(
            "SELECT (SELECT count(*) FROM matcher.entries) + (SELECT count(*) FROM matcher.repeats_seen)"
        )
        if entries != len(self.oracle.entries):
            raise Broken(f"1: {entries} entries have a state, {len(self.oracle.entries)} were taken")
        kinds = "('judgment-debtor.listed', 'list.entered')"
        listings = await count(f"SELECT count(*) FROM matcher.records WHERE kind IN {kinds}")
        if listings != self.oracle.listings:
            raise Broken(f"6: {listings} listings, {self.oracle.listings} decisions to list")
        executed = (
            "SELECT count(*) FROM matcher.obligations o WHERE o.executed AND NOT EXISTS (SELECT FROM matcher.feedback f"
        )
        executed += " WHERE f.obligation = o.obligation AND f.answer = 'executed' AND f.outcome = 'accepted')"
        if await count(executed):
            raise Broken("6: the hub executed a measure itself")
        if await count("SELECT count(*) FROM matcher.records") != len(self.oracle.records):
            raise Broken("2: more or fewer records than facts")
        if await count("SELECT count(*) FROM matcher.obligations") != len(self.fleet.all):
            raise Broken("9: more or fewer obligations than were told")
        if await count(r"SELECT count(*) FROM matcher.outbox WHERE convert_from(value, 'UTF8') ~ '[0-9]{17}[0-9Xx]'"):
            raise Broken("7: a person's number is in the outbox")


def _now(rec: Rec) -> tuple[object, ...]:
    return (rec.state, rec.version, frozenset(kind for kind, _ in rec.open), bool(rec.differing))


def _say(names: set[str], fleet: dict[str, Told]) -> list[tuple[str, str, str, bool]]:
    return [
        (one.first.agency, one.first.measure["id"], one.state, one.suspended)
        for n in sorted(names)[:3]
        if (one := fleet.get(n))
    ]
