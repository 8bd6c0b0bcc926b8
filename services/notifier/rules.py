"""Understands what is owed to an agency: which version goes, on which channels, and when a try counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from credithub.domain.notifications import Lane, Notification, lane_of

Version: TypeAlias = tuple[int, int]  # (epoch, n)
End: TypeAlias = Literal["owed", "dropped", "cancelled", "evidence"]

PULL = "pull"
NOWHERE = "-"  # the channel of a delivery row that only says why nothing goes
# Of an answer, or of what another agency has not answered: no version of the obligation is older or newer.
UNFENCED = frozenset({"feedback-refused", "escalated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The (agency, obligation) row."""

    seen: Version
    begun: frozenset[str] = frozenset()  # channels on which an attempt was ever begun
    cancelled: bool = False  # a tombstone: lifted before any attempt, so nobody was ever told
    old: bool = False  # of an older epoch or of a time of catching up: an attempt may have been begun and forgotten
    above: Version = (0, 0)  # highest version seen of a timeline that a restore cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What a restore has done to the numbers."""

    epoch: int
    catching_up: bool = False
    issued: Mapping[str, Version] | None = None  # newest version the matcher knows by obligation; None: not asked

    def cut_off(self, obligation: str, version: Version) -> bool:
        """The matcher's table never lags its topic, so a version above it is of another timeline."""
        return self.issued is not None and version > self.issued.get(obligation, (0, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How a notification was taken: what the task is now, and the channels it is owed on."""

    end: End
    task: Task | None
    channels: tuple[str, ...] = ()


def version_of(told: Notification) -> Version:
    return (told.epoch, told.version)


def take(task: Task | None, told: Notification, *, enabled: frozenset[str], times: Times) -> Taken:
    """Decides what becomes of a notification that was never taken before."""
    if told.kind in UNFENCED:
        return Taken(end="owed", task=task, channels=tuple(sorted(enabled)))
    version = version_of(told)
    old = _may_have_been_told(task, version, times)
    if times.cut_off(told.obligation, version):
        known = task or Task(seen=(0, 0))
        return Taken(end="evidence", task=replace(known, old=True, cancelled=False, above=max(version, known.above)))
    if task is not None and not _is_news(task, told, version):
        return Taken(end="dropped", task=replace(task, old=old))
    begun = task.begun if task else frozenset[str]()
    now = Task(seen=version, begun=begun, old=old, above=task.above if task else (0, 0))
    if told.state == "lifted" and not begun and not old:
        return Taken(end="cancelled", task=replace(now, cancelled=True))
    channels = enabled | begun if lane_of(told.state) == "ends" or told.kind == "reminder" else enabled
    return Taken(end="owed", task=now, channels=tuple(sorted(channels)))


def _may_have_been_told(task: Task | None, version: Version, times: Times) -> bool:
    if task is not None and (task.old or task.seen[0] < times.epoch):
        return True
    return version[0] < times.epoch or times.catching_up


def _is_news(task: Task, told: Notification, version: Version) -> bool:
    """A reminder repeats the newest version under an id of its own; anything else must be above it."""
    return version > task.seen or (told.kind == "reminder" and version == task.seen and not task.cancelled)


# ------------------------------------------------------------------------------------------------- a batch of them
@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """An agency's last pull numbers, without a gap on each lane."""

    ends: int = 0
    rest: int = 0

    def next(self, lane: Lane) -> tuple[Counter, int]:
        if lane == "ends":
            return replace(self, ends=self.ends + 1), self.ends + 1
        return replace(self, rest=self.rest + 1), self.rest + 1


Key: TypeAlias = tuple[str, str]  # (agency, obligation) or (agency, message)
Ended: TypeAlias = Literal["superseded", "cancelled"]


@dataclass(slots=True, kw_only=True)
class Entry:
    """One row of the ledger in the making: it turns void when the same batch cancels it."""

    told: Notification
    lane: Lane
    number: int
    void: bool


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One delivery row in the making: it may end before it was ever due."""

    entry: Entry
    channel: str
    state: Literal["due", "superseded", "cancelled", "dropped", "parked"]
    reason: str | None = None

    def end(self, state: Ended) -> None:
        self.state = state
        self.entry.void = self.entry.void or state == "cancelled"


NOTHING_GOES: Mapping[End, tuple[Literal["cancelled", "dropped", "parked"], str]] = {
    "cancelled": ("cancelled", "lifted before any attempt was begun"),
    "dropped": ("dropped", "a newer version was taken before"),
    "evidence": ("dropped", "of a timeline that a restore cut off"),
    "owed": ("parked", "the agency has no channel"),
}


@dataclass(slots=True, kw_only=True)
class Batch:
    """Notifications taken one after another; what is left in it is to be written, one statement a table."""

    times: Times
    tasks: dict[Key, Task]
    counters: dict[str, Counter]
    enabled: Mapping[str, frozenset[str]]  # channels by agency
    known: set[Key]  # what the ledger holds already
    entries: list[Entry] = field(default_factory=list[Entry])
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    ended: dict[Key, tuple[Version, Ended]] = field(default_factory=dict[Key, tuple[Version, Ended]])
    changed: set[Key] = field(default_factory=set[Key])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    _open: dict[Key, list[Delivery]] = field(default_factory=dict[Key, list[Delivery]])
    _before: frozenset[Key] = frozenset()

    def __post_init__(self) -> None:
        self._before = frozenset(self.tasks)

    def take_all(self, many: Sequence[Notification]) -> None:
        for told in many:
            end = self._take(told)
            self.counts[end] = self.counts.get(end, 0) + 1

    def _take(self, told: Notification) -> End | Literal["repeated"]:
        if (told.agency, told.message) in self.known:
            return "repeated"
        self.known.add((told.agency, told.message))
        key, enabled = (told.agency, told.obligation), self.enabled.get(told.agency, frozenset[str]())
        taken = take(self.tasks.get(key), told, enabled=enabled, times=self.times)
        if told.kind not in UNFENCED and taken.task is not None:
            self.tasks[key] = taken.task
            self.changed.add(key)
            if taken.end in ("owed", "cancelled"):
                self._end_older(key, version_of(told), "cancelled" if taken.end == "cancelled" else "superseded")
        self._enter(key, told, taken)
        return taken.end

    def _enter(self, key: Key, told: Notification, taken: Taken) -> None:
        lane = lane_of(told.state)
        self.counters[told.agency], number = self.counters.get(told.agency, Counter()).next(lane)
        entry = Entry(told=told, lane=lane, number=number, void=taken.end != "owed")
        if taken.channels:
            rows = [Delivery(entry=entry, channel=channel, state="due") for channel in taken.channels]
        else:
            state, reason = NOTHING_GOES[taken.end]
            rows = [Delivery(entry=entry, channel=NOWHERE, state=state, reason=reason)]
        self.entries.append(entry)
        self.deliveries += rows
        if taken.end == "owed" and told.kind not in UNFENCED:
            self._open.setdefault(key, []).extend(rows)

    def _end_older(self, key: Key, version: Version, state: Ended) -> None:
        """A newer version ends what waits of the older ones, on every channel (interleavings 13)."""
        if key in self._before:  # else there is nothing older in the tables
            self.ended[key] = (version, state)
        for delivery in self._open.get(key, ()):
            if version_of(delivery.entry.told) < version:
                delivery.end(state)
        self._open[key] = [row for row in self._open.get(key, ()) if row.state in ("due", "parked")]


# ------------------------------------------------------------------------------------------------- tries
def may_begin(version: Version, task: Task | None, *, older_open: bool) -> Literal["begin", "superseded", "wait"]:
    """Whether an attempt may begin now, asked under the task's lock. No task: nothing fences it."""
    if task is None:
        return "begin"
    if task.cancelled or version < task.seen:
        return "superseded"
    return "wait" if older_open else "begin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How a channel tries again: doubling from `first`, at most `most` apart, given up `give_up` after it was made."""

    first: timedelta = timedelta(seconds=1)
    most: timedelta = timedelta(seconds=30)
    give_up: timedelta = timedelta(days=7)

    def after(self, attempts: int, luck: float) -> timedelta:
        """The rest before the next try, after `attempts` tries. `luck` in 0..1 spreads those that failed together."""
        whole = min(self.most, self.first * 2 ** min(max(attempts - 1, 0), 20))
        return whole * (0.5 + luck / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What a delivery is after an attempt, and how long it rests before another."""

    state: Literal["delivered", "superseded", "parked", "failed"]
    rest: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What is known when an attempt ends."""

    outcome: Literal["delivered", "failed", "unknown", "refused"]  # refused: trying again would not help
    version: Version
    attempts: int
    made_at: datetime


def conclude(trial: Try, task: Task | None, backoff: Backoff, now: datetime, luck: float) -> Next:
    """Decides how a delivery goes on when its attempt has ended."""
    if trial.outcome == "delivered":
        return Next(state="delivered")
    if task is not None and trial.version < task.seen:
        return Next(state="superseded")
    if trial.outcome == "refused" or now - trial.made_at > backoff.give_up:
        return Next(state="parked")
    return Next(state="failed", rest=backoff.after(trial.attempts, luck))
