"""Understands what a supplier sends in chaos: facts, ends, repeats, faults and conflicts, from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from credithub.demo.synthetic import unified_code

JsonObject = dict[str, Any]
SUBJECTS_EACH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One event with what must become of it."""

    event: JsonObject
    expected: str
    fact: str
    subject: str
    step: int


@dataclass(slots=True)
class Teller:
    """One supplier's story over subjects of its own; each subject's steps count upwards."""

    name: str
    source: str
    first: int  # number of its first subject
    random: random.Random
    debtors: bool = True  # a court's story; otherwise licences
    _n: int = 0
    _steps: dict[str, int] = field(default_factory=dict[str, int])
    _told: list[Sent] = field(default_factory=list[Sent])
    _open: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # (code, case number) not removed yet
    _early: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # removed before they were listed

    def subjects(self) -> list[str]:
        return [unified_code(self.first + n) for n in range(SUBJECTS_EACH)]

    def registrations(self) -> list[JsonObject]:
        said = {
            "name": "演示公司", "kind": "organisation", "seat": "130822", "registrar": "某局（演示）", "status": "active",
            "effective_on": "2020-01-01", "legacy": [],
        }  # fmt: skip
        return [self._event("subject.registered", code, f"登{n}", {"registration": said})
                for n, code in enumerate(self.subjects())]  # fmt: skip

    def batch(self, size: int) -> list[Sent]:
        return [self._next() for _ in range(size)]

    def _next(self) -> Sent:
        kind = self.random.random()
        settled = [s for s in self._told[:-400] if s.expected == "archived"]
        if kind < 0.04 and settled:
            return self._again(self.random.choice(settled))
        if kind < 0.06 and settled:
            return self._conflict(self.random.choice(settled))
        if kind < 0.09:
            return self._faulty()
        return self._debtor(kind) if self.debtors else self._licence()

    def _debtor(self, kind: float) -> Sent:
        if self._early and kind < 0.2:
            return self._listing(*self._early.pop(0))
        if self._open and kind < 0.5:
            return self._removal(*self._open.pop(self.random.randrange(len(self._open))))
        code, number = self.random.choice(self.subjects()), f"（2026）演0822执{self._n}号"
        if kind < 0.55:
            self._early.append((code, number))
            self._told[-1:] = [early := replace(self._removal(code, number), step=0)]
            return early
        self._open.append((code, number))
        return self._listing(code, number)

    def finish(self) -> list[Sent]:
        """What was removed before it was listed is listed at last."""
        return [self._listing(*self._early.pop(0)) for _ in range(len(self._early))]

    def _licence(self) -> Sent:
        code, number = self.random.choice(self.subjects()), f"演许〔2026〕{self.name}{self._n}号"
        data = {"licence": {"category": "普通", "content": "准予", "valid_to": None}}
        return self._told_as("archived", code, number, self._event("licence.granted", code, number, data))

    def _listing(self, code: str, number: str) -> Sent:
        said = {
            "court": "演示法院", "case_number": number, "basis_number": "判1", "basis_unit": "演示法院",
            "filed_on": "2026-10-01", "published_on": "2026-11-01", "duty": "支付货款", "performance": "全部未履行",
            "circumstances": "有履行能力而拒不履行生效法律文书确定义务",
        }  # fmt: skip
        return self._told_as(
            "archived", code, number, self._event("judgment-debtor.listed", code, number, {"debtor": said})
        )

    def _removal(self, code: str, number: str) -> Sent:
        said = {"case_number": number, "reason": "performed", "removed_on": "2026-11-10"}
        event = self._event("judgment-debtor.removed", code, f"屏{number}", {"removal": said})
        return self._told_as("archived", code, f"屏{number}", event)

    def _faulty(self) -> Sent:
        code = self.random.choice(self.subjects())
        bad = code[:-1] + ("0" if code[-1] != "0" else "1")
        number = f"坏{self.name}{self._n}号"
        data = {"licence": {"category": "普通", "content": "准予", "valid_to": None}}
        kind = "licence.granted"
        if self.debtors:
            return self._bad_removal(code)
        event = self._event(kind, code, number, data)
        event["data"]["subject"]["unified_code"] = bad
        return self._told_as("quarantined", code, number, event)

    def _bad_removal(self, code: str) -> Sent:
        said = {"case_number": f"（2026）演0822执{self._n}号", "reason": "performed", "removed_on": "2026-13-41"}
        number = f"坏{self.name}{self._n}号"
        event = self._event("judgment-debtor.removed", code, number, {"removal": said})
        return self._told_as("quarantined", code, number, event)

    def _again(self, before: Sent) -> Sent:
        """The very same entry: a repeat, whatever the clock said."""
        return Sent(event={**before.event, "time": "2026-11-21T00:00:00Z"}, expected="archived", fact=before.fact,
                    subject=before.subject, step=before.step)  # fmt: skip

    def _conflict(self, before: Sent) -> Sent:
        data = {**before.event["data"], "remarks": "另一内容"}
        return Sent(event={**before.event, "data": data}, expected="quarantined", fact=before.fact,
                    subject=before.subject, step=before.step)  # fmt: skip

    def _told_as(self, expected: str, code: str, fact: str, event: JsonObject) -> Sent:
        step = self._steps[code] = self._steps.get(code, 0) + 1
        sent = Sent(event=event, expected=expected, fact=f"{self.name} {fact}", subject=code[8:17], step=step)
        self._told.append(sent)
        return sent

    def _event(self, kind: str, code: str, number: str, data: JsonObject) -> JsonObject:
        self._n += 1
        document = {"number": number, "issuer": f"演示机关{self.name}", "decided_on": "2026-11-01"}
        return {
            "specversion": "1.0", "type": f"credithub.{kind}.v1", "source": self.source, "id": f"{self.name}-{self._n:07d}",
            "subject": code, "time": "2026-11-20T00:00:00Z",
            "data": {"subject": {"name": "演示公司", "unified_code": code}, "document": document, **data},
        }  # fmt: skip


def tellers(seed: int, sources: dict[str, str]) -> list[Teller]:
    """A court's clerk and two of a licensing office, each with subjects of its own."""
    court, office = sources["spc-130822"], sources["samr-130822"]
    plan: Sequence[tuple[str, str, bool]] = (("甲", court, True), ("乙", office, False), ("丙", office, False))
    return [
        Teller(name, source, 1 + n * SUBJECTS_EACH, random.Random(f"{seed}/{name}"), debtors=debtors)
        for n, (name, source, debtors) in enumerate(plan)
    ]
