"""Understands what speaks for and against a name meaning a subject: statements for a person to weigh, never a score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from credithub.domain.divisions import above
from credithub.domain.text import fold_name

LONGEST_CORE = 20  # characters by which a name is looked up
_PLACE = re.compile(r"^(?:[^()]{1,8}?(?:省|自治区|市|自治州|州|盟|县|旗|区))+")
_FORM = re.compile(r"(?:\(.*\)|有限责任公司|股份有限公司|有限公司|公司|集团|合作社|商行|经营部|厂)+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One fact about a name and a subject."""

    code: str
    text_zh: str
    text_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a person weighs. Nothing here is counted together."""

    speaks_for: tuple[Statement, ...]
    speaks_against: tuple[Statement, ...]


def compare(entry: Mapping[str, Any], subject: Mapping[str, Any], *, alike: int = 1) -> Comparison:
    """`entry` waits by its name; `subject` may be meant. `alike`: how many subjects have the very same folded name."""
    pros: list[Statement] = []
    cons: list[Statement] = []
    _names(entry["name"], subject["name"], alike, pros, cons)
    _place(entry.get("division"), subject.get("seat"), pros, cons)
    _identifiers(entry.get("identifiers") or (), subject.get("identifiers") or (), pros, cons)
    _register(subject, pros, cons)
    return Comparison(speaks_for=tuple(pros), speaks_against=tuple(cons))


def _names(wanted: str, name: str | None, alike: int, pros: list[Statement], cons: list[Statement]) -> None:
    one, other = fold_name(wanted or ""), fold_name(name or "")
    if one == other:
        pros.append(
            _say(
                "name-equal", "名称一致（不计空格、括号与全半角）", "the same name, but for spaces, brackets and widths"
            )
        )
        if alike > 1:
            cons.append(_say("name-shared", f"同名主体共 {alike} 个", f"{alike} subjects have this name"))
        return
    pairs, known = pairs_of(one), pairs_of(other)
    shared = len(pairs & known)
    if shared:
        pros.append(
            _say("name-similar", f"相邻两字相同 {shared} 处（报送 {len(pairs)} 处，登记 {len(known)} 处）",
                 f"{shared} pairs of neighbouring characters in common (of {len(pairs)} reported, {len(known)} known)")
        )  # fmt: skip
    cons.append(_say("name-different", f"名称不同：{name or '（无）'}", f"another name: {name or '(none)'}"))


def _place(division: str | None, seat: str | None, pros: list[Statement], cons: list[Statement]) -> None:
    if division is None or seat is None:
        cons.append(
            _say(
                "place-unknown",
                "报送单位或主体的所在地不明",
                "where the reporting office or the subject is, is not known",
            )
        )
    elif division == seat:
        pros.append(_say("same-division", f"与报送单位同在 {seat}", f"in the reporting office's own division, {seat}"))
    elif division in above(seat) or seat in above(division):
        pros.append(
            _say("division-covers", f"{seat} 在报送单位辖区内", f"{seat} lies within the reporting office's division")
        )
    else:
        cons.append(
            _say(
                "other-division",
                f"住所在 {seat}，报送单位在 {division}",
                f"its seat is {seat}, the office is in {division}",
            )
        )


def _identifiers(
    given: Iterable[Sequence[str]], known: Iterable[Mapping[str, Any]], pros: list[Statement], cons: list[Statement]
) -> None:
    held: dict[str, set[str]] = {}
    for row in known:
        held.setdefault(row["scheme"], set()).add(row["value"])
    for scheme, value in given:
        if value in held.get(scheme, ()):
            pros.append(_say("identifier-equal", f"{scheme} 相同", f"the same {scheme}"))
        elif scheme in held:
            cons.append(_say("identifier-differs", f"{scheme} 不同", f"another {scheme}"))


def _register(subject: Mapping[str, Any], pros: list[Statement], cons: list[Statement]) -> None:
    if not subject["registered"]:
        cons.append(
            _say("not-registered", "登记库中没有，仅见于其他报送", "not in the register, only in others' reports")
        )
    elif subject["status"] != "active":
        cons.append(
            _say("not-active", f"登记状态：{subject['status']}", f"its status in the register: {subject['status']}")
        )
    else:
        pros.append(_say("registered", "登记库中在册", "in the register, active"))


def pairs_of(folded: str) -> set[str]:
    """Neighbouring characters, two by two."""
    return {folded[n : n + 2] for n in range(len(folded) - 1)}


def core_of(name: str) -> str:
    """What tells one name from another: folded, without the place in front and the form of company behind."""
    folded = fold_name(name)
    return _FORM.sub("", _PLACE.sub("", folded)) or folded


def windows_of(name: str) -> list[list[str]]:
    """Three neighbouring characters each, as pairs: a like name has one of them. Of a shorter core, all it has."""
    core = core_of(name)[:LONGEST_CORE]
    return [sorted(pairs_of(core[n : n + 3])) for n in range(max(1, len(core) - 2)) if len(core) > 1]


def likeness(one: str, other: str) -> float:
    """In which order to look: the share of pairs in both cores. 1 for the same folded name. It is shown to nobody."""
    if fold_name(one) == fold_name(other):
        return 1.0
    mine, theirs = pairs_of(core_of(one)), pairs_of(core_of(other))
    return 2 * len(mine & theirs) / (len(mine) + len(theirs)) * 0.99 if mine and theirs else 0.0


def _say(code: str, zh: str, en: str) -> Statement:
    return Statement(code=code, text_zh=zh, text_en=en)
