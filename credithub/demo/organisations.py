"""Understands the invented organisations of the county: their names and codes, all of the reserved PDY range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from credithub.demo.synthetic import registration_number, unified_code

DIVISION = "130822"
KNOWN = 120  # organisations that the register knows from the first run on
LATE = 10  # organisations of each run whose registration comes after the first facts about them
FIRST_LATE = 1_000  # number of the first of them
SOUNDS = "安博昌德恩丰广恒嘉康隆明宁鹏庆瑞盛泰旺祥"
TRADES = ("商贸", "建材", "机械", "食品", "物流", "农机", "矿业", "旅游", "印务", "果品")
EVERY_LEGACY = 4  # every fourth is known under older codes too


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One of them. `legacy` are older codes by which some departments still name it, (scheme, value)."""

    number: int
    name: str
    unified_code: str
    sole_trader: bool
    legacy: tuple[tuple[str, str], ...]

    @property
    def registration_number(self) -> str:
        """Its code before 2015, where it has one."""
        return dict(self.legacy)["registration_number"]


def organisation(number: int, *, legacy: bool | None = None) -> Organisation:
    """The organisation of this number, always the same. Numbers up to 99 999."""
    sole_trader = number % 10 == 9
    old = number % EVERY_LEGACY == 0 if legacy is None else legacy
    return Organisation(
        number=number,
        name=_name(number, sole_trader),
        unified_code=unified_code(number, DIVISION, klass="2" if sole_trader else "1"),
        sole_trader=sole_trader,
        legacy=(("registration_number", registration_number(number, DIVISION)),) if old else (),
    )


def known() -> Sequence[Organisation]:
    """Those of the register, the same in every run."""
    return [organisation(number) for number in range(1, KNOWN + 1)]


def late(run: int) -> Sequence[Organisation]:
    """Those that one run registers late, with their older codes."""
    first = FIRST_LATE + (run - 1) * LATE
    return [organisation(number, legacy=True) for number in range(first, first + LATE)]


def _name(number: int, sole_trader: bool) -> str:
    word = SOUNDS[number % len(SOUNDS)] + SOUNDS[number // len(SOUNDS) % len(SOUNDS)]
    trade = TRADES[number // 7 % len(TRADES)]
    return f"演示{word}{trade}{number}号" + ("经营部" if sole_trader else "有限公司")
