"""Understands what must hold after chaos: laws 1 to 3, judged from what was promised, archived and received. Pure."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

SETTLED = frozenset({"archived", "duplicate", "quarantined", "waiting-subject", "waiting-record"})
Entry = tuple[str, str]  # (source, id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One entry of a receipt that a client holds."""

    submission: str
    index: int
    source: str
    id: str
    expected: str  # how an entry of this kind must end the first time: archived or quarantined
    fact: str  # which fact it states; two entries of one fact may make one record only
    subject: str
    step: int  # of one subject, in the order in which they were sent; 0: it waits for another, no order is owed


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    source: str
    id: str
    record: str
    subject: str
    seq: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    obligation: str
    key: tuple[str, str, str, int]  # case, measure, agency, round
    agency: str
    version: int
    state: str
    ended: bool  # its record has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notification in the notifier's ledger. `channels`: its delivery rows, by channel, with their state."""

    message: str
    agency: str
    obligation: str
    version: int
    state: str
    channels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as an agency found it on a topic or in its pull feed, in the order of arrival there."""

    agency: str
    place: str  # the topic, or `pull`
    message: str
    obligation: str
    version: int
    state: str
    content: str  # digest of the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A try of the notifier, by when it began."""

    obligation: str
    version: int
    began: float


@dataclass(slots=True, kw_only=True)
class World:
    """Everything the checker knows: from public interfaces, from Kafka, and from the database."""

    promises: list[Promise] = field(default_factory=list[Promise])
    states: dict[tuple[str, int], list[str]] = field(default_factory=dict[tuple[str, int], list[str]])
    archive: list[Archived] = field(default_factory=list[Archived])
    duties: list[Duty] = field(default_factory=list[Duty])
    told: list[Told] = field(default_factory=list[Told])
    received: list[Received] = field(default_factory=list[Received])
    attempts: list[Attempt] = field(default_factory=list[Attempt])


@dataclass(frozen=True, slots=True)
class Breach:
    law: int
    what: str  # loss, duplicate, inversion, phantom
    where: str


def breaches(world: World) -> list[Breach]:
    """Every breach of laws 1 to 3; none is the only good answer."""
    return [
        *_lost_entries(world),
        *_lost_messages(world),
        *_doubled_entries(world),
        *_doubled_messages(world),
        *_phantoms(world),
        *_disordered_archive(world),
        *_disordered_ends(world),
        *_agencies_differ(world),
    ]


# ---------------------------------------------------------------------------------------------- law 1: nothing lost
def _lost_entries(world: World) -> Iterator[Breach]:
    archived = {(a.source, a.id) for a in world.archive}
    facts = {p.fact for p in world.promises if (p.source, p.id) in archived}
    for p in world.promises:
        states = world.states.get((p.submission, p.index), [])
        if not SETTLED.intersection(states):
            yield Breach(1, "loss", f"{p.source} {p.id} in {p.submission}: {states or 'nobody knows it'}")
        elif p.expected == "archived" and p.fact not in facts:
            yield Breach(1, "loss", f"{p.source} {p.id}: settled as {states}, but its fact is in no archive")
        elif p.expected == "quarantined" and states != ["quarantined"]:
            yield Breach(1, "loss", f"{p.source} {p.id}: should be quarantined, is {states}")


def _lost_messages(world: World) -> Iterator[Breach]:
    told = {(t.obligation, t.version) for t in world.told}
    for duty in world.duties:
        if (duty.obligation, duty.version) not in told:
            yield Breach(1, "loss", f"{duty.obligation} v{duty.version}: an obligation without its notification")
    for message in world.told:
        if not message.channels:
            yield Breach(1, "loss", f"{message.message}: a notification without delivery row")


# ---------------------------------------------------------------------------------------------- law 2: nothing twice
def _doubled_entries(world: World) -> Iterator[Breach]:
    for key, states in world.states.items():
        if len(states) > 1:
            yield Breach(2, "duplicate", f"{key}: one entry ended in {states}")
    for what, counted in (
        ("entry archived twice", Counter((a.source, a.id) for a in world.archive)),
        ("record archived twice", Counter(a.record for a in world.archive)),
        ("place handed out twice", Counter((a.subject, a.seq) for a in world.archive)),
        ("obligation made twice", Counter(d.key for d in world.duties)),
    ):
        yield from (Breach(2, "duplicate", f"{what}: {key}") for key, n in counted.items() if n > 1)
    fact_of = {(p.source, p.id): p.fact for p in world.promises}
    facts = Counter(fact_of[a.source, a.id] for a in world.archive if (a.source, a.id) in fact_of)
    yield from (Breach(2, "duplicate", f"fact archived twice: {fact}") for fact, n in facts.items() if n > 1)


def _doubled_messages(world: World) -> Iterator[Breach]:
    contents: dict[tuple[str, int], set[str]] = defaultdict(set)
    for r in world.received:
        contents[r.message, r.version].add(r.content)
    for (message, _), found in contents.items():
        if len(found) > 1:
            yield Breach(2, "duplicate", f"{message}: two different contents under one version")


def _phantoms(world: World) -> Iterator[Breach]:
    sent = {(p.source, p.id) for p in world.promises}
    for a in world.archive:
        if (a.source, a.id) not in sent:
            yield Breach(2, "phantom", f"{a.source} {a.id}: archived, but nobody sent it")
    known = {d.obligation for d in world.duties}
    for r in world.received:
        if r.obligation not in known:
            yield Breach(2, "phantom", f"{r.agency} received {r.message} of an obligation that does not exist")


# ---------------------------------------------------------------------------------------------- law 3: order
def _disordered_archive(world: World) -> Iterator[Breach]:
    step_of = {(p.source, p.id): (p.subject, p.step) for p in reversed(world.promises) if p.step}
    by_subject: dict[str, list[tuple[int, int, Entry]]] = defaultdict(list)
    for a in world.archive:
        if (a.source, a.id) in step_of:
            by_subject[a.subject].append((a.seq, step_of[a.source, a.id][1], (a.source, a.id)))
    for subject, rows in by_subject.items():
        for before, after in _pairs(sorted(rows)):
            if before[1] > after[1]:
                yield Breach(3, "inversion", f"{subject}: {before[2]} lies before {after[2]}, but was sent after it")


def _disordered_ends(world: World) -> Iterator[Breach]:
    """No attempt of a lower version begins after an attempt of the end has begun."""
    ends = {(t.obligation, t.version) for t in world.told if t.state != "triggered"}
    first_end: dict[str, tuple[float, int]] = {}
    for a in world.attempts:
        if (a.obligation, a.version) in ends:
            first_end[a.obligation] = min(first_end.get(a.obligation, (a.began, a.version)), (a.began, a.version))
    for a in world.attempts:
        end = first_end.get(a.obligation)
        if end and a.began > end[0] and a.version < end[1]:
            yield Breach(3, "inversion", f"{a.obligation}: an attempt of v{a.version} began after that of v{end[1]}")


def _agencies_differ(world: World) -> Iterator[Breach]:
    """An agency that keeps the highest version ends where the hub is."""
    highest: dict[tuple[str, str], tuple[int, str]] = {}
    for r in world.received:
        key = (r.agency, r.obligation)
        highest[key] = max(highest.get(key, (0, "")), (r.version, r.state))
    for duty in world.duties:
        held = highest.get((duty.agency, duty.obligation))
        if duty.state == "cancelled":
            if held is not None:
                yield Breach(3, "inversion", f"{duty.obligation}: cancelled, but {duty.agency} received it")
        elif held is None:
            yield Breach(1, "loss", f"{duty.obligation}: {duty.agency} never heard of it")
        elif held[0] < duty.version:
            yield Breach(1, "loss", f"{duty.obligation}: {duty.agency} holds v{held[0]}, the hub v{duty.version}")
        elif duty.ended and held[1] != "lifted":
            yield Breach(3, "inversion", f"{duty.obligation}: its record ended, {duty.agency} still holds {held[1]}")


def _pairs(rows: Iterable[tuple[int, int, Entry]]) -> Iterator[tuple[tuple[int, int, Entry], tuple[int, int, Entry]]]:
    listed = list(rows)
    return itertools.pairwise(listed)
