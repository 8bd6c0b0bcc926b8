"""Understands the facts that the operators' page shows: each with its type, unknown where nobody could be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from credithub import topics

MINUTES = 30  # shown, the running one included
PATH = ("received", "ingested", "archived", "notified", "delivered", "answered")
SERVICES = ("gateway", "ingest", "matcher", "notifier")
PartState = Literal["up", "slow", "not-ready", "down"]

# Every topic that has a consumer, in the order of the path, and whose it is.
READ_BY: Mapping[str, str] = {
    topics.SUBMISSIONS.name: "ingest",
    topics.EVENTS.name: "matcher",
    topics.ENDS.name: "notifier",
    topics.NOTIFICATIONS.name: "notifier",
    topics.DELIVERIES.name: "matcher",
    topics.FEEDBACK.name: "matcher",
}
AGENCY_TOPICS = topics.AGENCY_PREFIX + "*"  # what agencies write; shown as one


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    version: str
    illustrative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    id: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Entries that wait for a registration, or for the record that they end."""

    subject: int = 0
    record: int = 0
    oldest: datetime | None = None

    @property
    def number(self) -> int:
        return self.subject + self.record


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many of one name: a reason code, an obligation state."""

    name: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Entries not archived that still wait for their supplier; an entry may have several reasons."""

    number: int = 0
    reasons: tuple[Counted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unacknowledged:
    """The oldest obligation that its agency was to be told of and has not answered."""

    obligation: str
    measure: str
    agency: Agency
    delivered: bool
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    agency: Agency
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Obligations that have ended and whose agencies have not confirmed so."""

    number: int = 0
    oldest: datetime | None = None
    holders: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Deliveries that have neither arrived nor been given up, of one channel and state."""

    channel: str
    state: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An agency whose deliveries fail or are parked."""

    agency: Agency
    channel: str
    state: str
    number: int
    since: datetime
    next_attempt_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpublished:
    """Notifications decided that no topic has yet."""

    number: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What PostgreSQL says, all of one moment `at`. `flow`: per stage, per minute since 1970, how many."""

    at: datetime
    flow: Mapping[str, Mapping[int, int]]
    catalogue: Catalogue | None
    agencies: int
    waiting: Waiting
    quarantine: Quarantine
    obligations: tuple[Counted, ...]
    suspended: int
    unacknowledged: Unacknowledged | None
    holding: Holding
    unsettled: tuple[Unsettled, ...]
    troubles: tuple[Trouble, ...]
    unpublished: Unpublished
    drift: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one service says of itself; `counts` and `lags` from its metrics. `state` down: it says nothing."""

    name: str
    state: PartState = "up"
    away: tuple[str, ...] = ()
    last_error: str = ""
    last_error_at: datetime | None = None
    handled: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    lag_messages: Mapping[str, float] = field(default_factory=dict[str, float])
    lag_seconds: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something that must run: Kafka, PostgreSQL, a service."""

    name: str
    state: PartState
    milliseconds: float | None = None
    away: tuple[str, ...] = ()
    last_error: str = ""
    last_error_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How many left a stage in each of the last minutes, the running one last. None: nobody could say."""

    name: str
    minutes: tuple[int | None, ...]

    @property
    def known(self) -> bool:
        return any(number is not None for number in self.minutes)

    @property
    def total(self) -> int:
        return sum(number or 0 for number in self.minutes)

    @property
    def per_minute(self) -> int | None:
        """Of the last whole minute."""
        return self.minutes[-2]

    @property
    def running(self) -> int | None:
        return self.minutes[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a topic's reader is behind: now, and in seconds at the worst moment of each of the last minutes."""

    topic: str
    service: str
    messages: int | None
    seconds: float | None
    minutes: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything on the page. `stored` is None while PostgreSQL does not answer."""

    at: datetime
    stages: tuple[Stage, ...]
    quarantined: Stage
    lags: tuple[Lag, ...]
    parts: tuple[Part, ...]
    parked: int  # messages a service could not handle because of a bug of ours, since it started
    stored: Stored | None

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)


def minute_of(moment: datetime) -> int:
    """Minutes since 1970."""
    return int(moment.timestamp() // 60)


def shown(topic: str) -> str:
    """Under which name a topic's lag stands on the page."""
    return AGENCY_TOPICS if topic.startswith(topics.AGENCY_PREFIX) else topic
