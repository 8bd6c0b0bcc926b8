"""Understands what is said between the hub and an agency: a notification, its answer, and what became of a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import orjson

JsonObject: TypeAlias = dict[str, Any]
Lane: TypeAlias = Literal["ends", "rest"]
Kind: TypeAlias = Literal[
    "triggered",
    "corrected",
    "suspended",
    "resumed",
    "lifted",
    "due",
    "reminder",
    "escalated",
    "feedback-refused",
    "reissued",
]
Carried: TypeAlias = Literal["triggered", "suspended", "lifted"]
Answer: TypeAlias = Literal["acknowledged", "executed", "declined", "suspension-confirmed", "lift-confirmed"]
Outcome: TypeAlias = Literal["delivered", "cancelled", "parked"]

ANSWERS: tuple[Answer, ...] = ("acknowledged", "executed", "declined", "suspension-confirmed", "lift-confirmed")


def lane_of(state: str) -> Lane:
    """The lane follows the state that a notification carries, not why it was sent (interleavings 26)."""
    return "ends" if state in ("suspended", "lifted") else "rest"


def message_id(obligation: str, epoch: int, version: int) -> str:
    """One version of an obligation has one message, whichever channel brings it and however often."""
    return f"{obligation}.{epoch}.{version}"


@dataclass(frozen=True, kw_only=True)
class Notification:
    """The whole obligation at one version, told to one agency. Only fields that its item grants are in `record`."""

    message: str
    kind: Kind
    agency: str
    obligation: str
    epoch: int
    version: int
    state: Carried
    lane: Lane
    case: str
    round: int
    measure: JsonObject
    subject: JsonObject
    record: JsonObject
    due_on: str | None
    catalogue: str
    rule: str
    issued_at: str
    reason: JsonObject | None = None

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @staticmethod
    def from_bytes(raw: bytes) -> Notification:
        return Notification(**orjson.loads(raw))


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """An agency's answer. `id` is its transport identity: the same one twice has one effect."""

    id: str
    agency: str
    obligation: str
    epoch: int
    version: int
    answer: Answer
    reason: str | None
    document: JsonObject | None
    happened_on: str | None
    received_at: str
    via: Literal["http", "kafka"]

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @staticmethod
    def from_bytes(raw: bytes) -> Feedback:
        return Feedback(**orjson.loads(raw))


@dataclass(frozen=True, kw_only=True)
class DeliveryReport:
    """What the notifier tells the matcher of one obligation's notification."""

    agency: str
    obligation: str
    epoch: int
    version: int
    outcome: Outcome
    channel: str
    at: str

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @staticmethod
    def from_bytes(raw: bytes) -> DeliveryReport:
        return DeliveryReport(**orjson.loads(raw))
