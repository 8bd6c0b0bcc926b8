"""Understands how an agency answers: what it says to each notification, keeping the highest version."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from credithub.clock import today

JsonObject: TypeAlias = dict[str, Any]
DECLINED = "no-such-matter"  # a reason of the catalogue's list
FINAL = ("executed", "declined", "acknowledged")  # how an obligation ends at an agency, by its measure in turn


def final_answer(measure: str) -> str:
    """The same measure always gets the same answer here; three in a row get three different ones."""
    return FINAL[sum(map(ord, measure)) % len(FINAL)]


def answers_to(notification: JsonObject, on: date) -> list[JsonObject]:
    """What the agency says to one notification, in order."""
    match notification["state"]:
        case "lifted":
            answers = ["lift-confirmed"]
        case "suspended":
            answers = ["suspension-confirmed"]
        case _:
            final = final_answer(notification["measure"]["id"])
            answers = ["acknowledged", final] if final == "executed" else [final]
    return [_answer(notification, answer, on) for answer in answers]


def _answer(notification: JsonObject, answer: str, on: date) -> JsonObject:
    told: JsonObject = {
        "obligation": notification["obligation"],
        "epoch": notification["epoch"],
        "version": notification["version"],
        "answer": answer,
        "happened_on": on.isoformat(),
    }
    if answer == "declined":
        told["reason"] = DECLINED
    if answer == "executed":
        told["document"] = {"number": f"演示函〔{on.year}〕1号", "date": on.isoformat()}
    return told


@dataclass(slots=True)
class Desk:
    """The desk of one agency: what came, what was said."""

    agency: str
    seen: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    said: Counter[str] = field(default_factory=Counter[str])  # obligation → how many answers
    refused: list[JsonObject] = field(default_factory=list[JsonObject])  # answers that came back

    def take(self, notification: JsonObject) -> list[JsonObject]:
        """The answers to it; none for what is older than what was seen, or comes again unless as a reminder."""
        if notification["kind"] == "feedback-refused":
            self.refused.append(notification)
        if notification["kind"] in ("feedback-refused", "escalated"):  # neither asks for an answer
            return []
        obligation, version = notification["obligation"], (notification["epoch"], notification["version"])
        seen = self.seen.get(obligation, (0, 0))
        if version < seen or (version == seen and notification["kind"] != "reminder"):
            return []
        self.seen[obligation] = version
        answers = answers_to(notification, today())
        self.said[obligation] += len(answers)
        return answers
