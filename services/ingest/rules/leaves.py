"""Understands how one value is read: a leaf takes cleaned text, reports faults, and gives what is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

from credithub.domain.amounts import YUAN, read_amount
from credithub.domain.codes import Verdict, judge
from credithub.domain.dates import FIRST_PLAUSIBLE, LAST_PLAUSIBLE, read_day, spreadsheet_day
from credithub.domain.divisions import NATION, is_known
from credithub.domain.feeds import Column
from credithub.domain.persons import mask
from credithub.domain.text import fold_document_number, has_forbidden
from services.ingest.rules.faults import Faults

LONGEST = 16_000  # characters of any text, whatever its column says
NO_END = "\x00no-end"  # a leaf's answer for a period without end: the value kept is null
SENTINELS = {"2099-12-31": "no-end", "2099-01-31": "no-end", "9999-12-31": "no-end"}  # days that stand for no end
EMPTY_DAY = "1899-12-31"  # what spreadsheets make of nothing

# (faults, field, cleaned text) → the value to keep; None: nothing, and why has been said.
Leaf: TypeAlias = Callable[[Faults, str, str], str | None]


def read_text(faults: Faults, field: str, text: str) -> str | None:
    """Free text: a person's number in it is hidden, and said so."""
    if has_forbidden(text):
        return faults.add("characters-not-allowed", field, text)
    if len(text) < 15:
        return text
    if len(text) > LONGEST:
        return faults.add("too-long", field, text)
    hidden = mask(text)
    if hidden != text:
        faults.add("person-number-masked", field)
    return hidden


def read_reference(faults: Faults, field: str, text: str) -> str | None:
    """A number of something: long ones often hold a division and a recent date, and are no person's."""
    if has_forbidden(text):
        return faults.add("characters-not-allowed", field, text)
    hidden = mask(text, born_until=faults.born_until)
    if hidden != text:
        faults.add("person-number-masked", field)
    return hidden


def limited(leaf: Leaf, length: int, sure: bool) -> Leaf:
    """A leaf of a known length; where the length is from memory, a longer value is a warning only."""
    code = "too-long" if sure else "longer-than-usual"

    def read(faults: Faults, field: str, text: str) -> str | None:
        if len(text) > length:
            faults.add(code, field, text, hint=str(length))
        return leaf(faults, field, text)

    return read


def word_of(values: Mapping[str, str]) -> Leaf:
    """A word, or the number that stands for it; any other word is kept."""

    def read(faults: Faults, field: str, text: str) -> str | None:
        return values.get(text) or read_text(faults, field, text)

    return read


def read_name(faults: Faults, field: str, text: str) -> str | None:
    """A name on which a record will be shown: nothing in it may be hidden."""
    if has_forbidden(text):
        return faults.add("characters-not-allowed", field, text)
    if mask(text) != text:
        return faults.add("person-number-in-field", field)
    if len(text) > 200:
        return faults.add("too-long", field, text, hint="200")
    if len(text) < 2 or not any(map(str.isalpha, text)):
        return faults.add("name-implausible", field, text)
    return text


def number_of(length: int) -> Leaf:
    """A document's number: it names the document, so nothing in it may be hidden."""

    def read(faults: Faults, field: str, text: str) -> str | None:
        if has_forbidden(text):
            return faults.add("characters-not-allowed", field, text)
        if mask(text, born_until=faults.born_until) != text:
            return faults.add("person-number-in-field", field)
        if len(text) > length:
            return faults.add("too-long", field, text, hint=str(length))
        if sum(map(str.isalnum, fold_document_number(text))) < 2:
            return faults.add("document-number-implausible", field, text)
        return text

    return read


def day_of(*, past: bool = False, sentinels: Mapping[str, str] | None = None) -> Leaf:
    """A day in any of the forms departments use. `past`: it cannot lie after the submission."""
    no_end = frozenset(sentinels or ())

    def read(faults: Faults, field: str, text: str) -> str | None:
        if text in no_end:
            return NO_END
        day = read_day(text)
        if day is None:
            return faults.add("date-unreadable", field, text, hint=spreadsheet_day(text))
        if day in no_end:
            return NO_END
        if day == EMPTY_DAY:
            return None
        if not FIRST_PLAUSIBLE <= day <= LAST_PLAUSIBLE:
            return faults.add("date-implausible", field, text)
        if past and day > faults.latest:
            return faults.add("date-in-future", field, text)
        return day

    return read


def amount_in(unit: str = YUAN) -> Leaf:
    """An amount, kept in yuan."""

    def read(faults: Faults, field: str, text: str) -> str | None:
        amount = read_amount(text, unit)
        if amount.code:
            faults.add(amount.code, field, text, hint=amount.hint)
        return amount.yuan

    return read


def one_of(column: Column) -> Leaf:
    """A word of a list, or its number; an open value may be followed by a word of the supplier's own."""
    values, open_ = column.values, column.open

    @lru_cache(maxsize=1024)
    def known(text: str) -> str | None:
        kept: list[str] = []
        for part in _parts(text) if column.several else (text,):
            if part not in values and not (open_ and part.startswith(open_)):
                return None
            kept.append(values.get(part, part))
        return ";".join(dict.fromkeys(kept)) or None

    def read(faults: Faults, field: str, text: str) -> str | None:
        word = values.get(text) or known(text)
        if word is None:
            if not column.unconfirmed:
                return faults.add("enumeration-unknown", field, text, hint="、".join(dict.fromkeys(values.values())))
            faults.add("enumeration-unconfirmed", field, text)
            return None if column.closed else read_text(faults, field, text)
        return read_text(faults, field, word) if len(word) > 14 else word

    return read


def read_issuer_code(faults: Faults, field: str, text: str) -> str | None:
    """The unified code of the body that decided; a placeholder counts as not given."""
    verdict = _issuer(text)
    for reason in verdict.reasons:
        faults.add(reason.code, field, reason.value, reason.hint)
    return verdict.value


def read_code(faults: Faults, field: str, text: str) -> str | None:
    """The code of another subject: unified, or an organisation code."""
    verdict = judge("unified_code" if sum(map(str.isalnum, text)) > 9 else "organisation_code", text)
    for reason in verdict.reasons:
        faults.add(reason.code, field, reason.value, reason.hint)
    if verdict.missing:
        faults.add("required-missing", field)
    return verdict.value


def read_division(faults: Faults, field: str, text: str) -> str | None:
    """Six digits that lie in a known province; whether they are six digits, the schema says."""
    return _division(faults, field, text, "DIVISION_UNKNOWN")


def read_seat(faults: Faults, field: str, text: str) -> str | None:
    return _division(faults, field, text, "seat-unknown")


def _division(faults: Faults, field: str, text: str, code: str) -> str | None:
    value = read_text(faults, field, text)
    if value and value.isdecimal() and len(value) == 6 and not (is_known(value) or value == NATION):
        faults.add(code, field, value)
    return value


@lru_cache(maxsize=4096)
def _issuer(text: str) -> Verdict:
    return judge("unified_code", text)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split("[;；]", text) if part.strip()]
