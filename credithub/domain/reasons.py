"""Understands why an entry was refused or doubted, and what its supplier can do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from credithub.domain.tables import code_table

Level = Literal["refuse", "warn"]
Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One fault: a code of the closed table, where it is, what stood there (persons' numbers hidden), what to try."""

    code: str  # a key of REASONS; CHARSET carries its place, counted from 1: CHARSET@11
    field: str | None = None  # column of a row as its header writes it, or dotted path in an event's data: subject.name
    value: str | None = None
    hint: str | None = None  # offered, never applied
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonText:
    code: str
    level: Level
    zh: str
    en: str
    do_zh: str
    do_en: str


class ReasonTable(Mapping[str, ReasonText]):
    """The closed table; a code with a place (CHARSET@11) is found under its bare code."""

    def __init__(self, texts: Mapping[str, ReasonText]) -> None:
        self._texts = dict(texts)

    def __getitem__(self, code: str) -> ReasonText:
        return self._texts[code.partition("@")[0]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


REASONS = ReasonTable({row["code"]: ReasonText(**row) for row in code_table("reasons")})
_REFUSE = frozenset(code for code, text in REASONS.items() if text.level == "refuse")


def refuses(reason: Reason) -> bool:
    """Whether this reason alone keeps an entry out of the archive."""
    return reason.code.partition("@")[0] in _REFUSE


def explain(reason: Reason, lang: Language) -> str:
    """One sentence for people: what is wrong, what to do, and the hint where there is one."""
    text = REASONS[reason.code]
    place = reason.code.partition("@")[2]
    what, do = (text.zh, text.do_zh) if lang == "zh" else (text.en, text.do_en)
    what = what.replace("{n}", place or "?")
    if lang == "zh":
        return f"{what}。{do}。" + (f"是否应为 {reason.hint}？" if reason.hint else "")
    return f"{what}. {do}." + (f" Did you mean {reason.hint}?" if reason.hint else "")
