"""Understands numbers that identify a natural person, so that none is ever kept in the clear."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, takewhile

from credithub.domain.checkdigits import USC_CHARACTERS, citizen_check, mod_11_10_check, organisation_check, usc_check
from credithub.domain.divisions import is_province

HIDDEN = "[证件号码已隐去]"

# Up to two of these may stand between the digits of one number: spaces, hyphens and dashes, dots, zero-width marks.
_BETWEEN = "[\\s\\-_.·•‐-―−－ー﹣\u00ad\u200b-\u200f\u2060\ufeff]"
_RUN = re.compile(rf"\d(?:{_BETWEEN}{{0,2}}\d){{13,}}(?:{_BETWEEN}{{0,2}}[Xx×Ｘｘ](?![A-Za-z0-9]))?")
_GROUP = re.compile(r"\d+|[Xx×Ｘｘ]")
_BEFORE_PERSON = re.compile(r"(?:身份证|证件|公民身份|居民)[^\d，。；,;]{0,12}$")
_BEFORE_FIRM = re.compile(r"(?:注册号|登记号|注册登记号|执照号|信用代码|工商)[^\d，。；,;]{0,8}$")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def mask(text: str, *, born_until: int = 2035) -> str:
    """The text with every citizen number (18 or 15 long, full-width, spaced or hyphenated) replaced by HIDDEN."""
    if len(text) < 15 or _RUN.search(text) is None:
        return text
    return _RUN.sub(lambda run: _mask_run(run, born_until), text)


def contains_person_number(text: str, *, born_until: int = 2035) -> bool:
    """Whether `mask` would hide anything."""
    return mask(text, born_until=born_until) != text


def is_person_number(compact: str) -> bool:
    """Whether these characters, already without separators, are a citizen number: 18, 15, or 20 as tax numbers had."""
    if len(compact) in {18, 20}:
        return is_citizen_18(compact[:18])
    return len(compact) == 15 and is_citizen_15(compact)


def is_citizen_18(compact: str, born_until: int = 2035) -> bool:
    """GB 11643: plausible birth date, right check digit; also residence permits (81-83) and permanent residents (9)."""
    return _is_shape_18(compact, born_until) and citizen_check(compact[:17]) == compact[17]


def is_citizen_15(compact: str) -> bool:
    """The old number: province and a birth date of 1922-1999; it had no check digit."""
    return (
        compact.isdecimal()
        and compact.isascii()
        and compact[6:8] >= "22"
        and is_province(compact[:2])
        and _is_day(int("19" + compact[6:8]), compact[8:12])
    )


def pseudonym(key: bytes, number: str) -> str:
    """What stands for a person's number: a keyed hash, the same for the old and new form of one number."""
    digits = "".join(_plain(c) for c in number if c.isalnum() or c == "×").upper()
    if len(digits) == 15 and digits.isdecimal():
        digits = digits[:6] + "19" + digits[6:]
        digits += citizen_check(digits)
    return "p1_" + hmac.new(key, digits.encode(), hashlib.sha256).hexdigest()


def _is_shape_18(compact: str, born_until: int) -> bool:
    if len(compact) != 18 or not compact[:17].isdecimal() or not compact.isascii():
        return False
    year = int(compact[6:10])
    return (
        1900 <= year <= born_until
        and (compact[0] == "9" or is_province(compact[:2]) or compact[:2] == "83")
        and _is_day(year, compact[10:14])
    )


def _is_day(year: int, month_day: str) -> bool:
    month, day = int(month_day[:2]), int(month_day[2:])
    if not (1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]):
        return False
    return (month, day) != (2, 29) or (year % 4 == 0 and year % 100 != 0) or year % 400 == 0


def _mask_run(run: re.Match[str], born_until: int) -> str:
    """One run of digits and separators may hold a number and its neighbours: every window of groups is tried."""
    text, start = run.group(), run.start()
    before = run.string[max(0, start - 16) : start]
    groups = [(group.start(), group.end(), "".join(map(_plain, group.group()))) for group in _GROUP.finditer(text)]
    masked: list[str] = []
    position = first = 0
    while first < len(groups):
        found = _number_at(groups, first, before, born_until)
        if found is None:
            first += 1
            continue
        begin, end, first = found
        masked.append(text[position:begin] + HIDDEN)
        position = end
    return "".join(masked) + text[position:] if masked else text


def _number_at(
    groups: list[tuple[int, int, str]], first: int, before: str, born_until: int
) -> tuple[int, int, int] | None:
    """(begin, end, index of the next group) of the number that starts with this group."""
    ends = {length: last for last, length in enumerate(_lengths(groups, first), first)}
    digits = "".join(group[2] for group in groups[first : first + 18])
    if 18 in ends and _is_person_18(digits[:18], before, born_until):
        return groups[first][0], groups[ends[18]][1], ends[18] + 1
    if 15 in ends:
        unbroken, alone = ends[15] == first, first == 0 and ends[15] == len(groups) - 1
        if (unbroken or alone) and _is_person_15(digits[:15], before):
            return groups[first][0], groups[ends[15]][1], ends[15] + 1
    return _inside(groups, first, born_until)


def _lengths(groups: list[tuple[int, int, str]], first: int) -> Iterator[int]:
    """How many digits there are up to the end of each group, as far as they can matter."""
    return takewhile(lambda length: length <= 18, accumulate(len(group[2]) for group in groups[first:]))


def _inside(groups: list[tuple[int, int, str]], first: int, born_until: int) -> tuple[int, int, int] | None:
    """A citizen number within a longer unbroken group of digits."""
    begin, end, digits = groups[first]
    for offset in range(len(digits) - 17 if len(digits) > 18 else 0):
        if _is_person_18(digits[offset : offset + 18], "", born_until):
            return begin, end, first + 1
    return None


def _is_person_18(digits: str, before: str, born_until: int) -> bool:
    if not _is_shape_18(digits, born_until):
        return False
    if citizen_check(digits[:17]) == digits[17]:
        return digits[0] != "9" or not _is_unified_code(digits)
    return _BEFORE_PERSON.search(before) is not None


def _is_person_15(digits: str, before: str) -> bool:
    """A registration number has a check digit; where both readings hold, the person is protected, unless the text
    names it a registration number."""
    if not is_citizen_15(digits):
        return False
    return _BEFORE_FIRM.search(before) is None or mod_11_10_check(digits[:14]) != digits[14]


def _is_unified_code(digits: str) -> bool:
    return (
        all(c in USC_CHARACTERS for c in digits)
        and organisation_check(digits[8:16]) == digits[16]
        and usc_check(digits[:17]) == digits[17]
    )


@lru_cache(maxsize=256)
def _plain(character: str) -> str:
    """ASCII for any digit of Unicode, X for what stands for X."""
    if character in "Xx×Ｘｘ":
        return "X"
    return str(int(character)) if character.isdecimal() else character
