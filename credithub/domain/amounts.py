"""Understands an amount of money as departments write it, and keeps it in yuan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from credithub.domain.text import nfkc

YUAN, TEN_THOUSAND = "元", "万元"
_FACTOR = {YUAN: Decimal(1), TEN_THOUSAND: Decimal(10_000)}
_PLAIN = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d*)?(万元|万|元|圆)?")
_LARGEST = Decimal(10) ** 13  # ten trillion yuan


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """`yuan` as a plain decimal, or the reason's `code` with a hint."""

    yuan: str | None = None
    code: str | None = None
    hint: str | None = None


@lru_cache(maxsize=4096)
def read_amount(text: str, unit: str = YUAN) -> Amount:
    """Reads a number in `unit`. A unit written beside the number must be the column's own."""
    found = _PLAIN.fullmatch(nfkc(text).replace(" ", "").lstrip("¥￥"))
    if found is None:
        return Amount(code="amount-unreadable")
    sign, whole, fraction, written = found.groups()
    number = Decimal(whole.replace(",", "") + (fraction or ""))
    written = {"万": TEN_THOUSAND, "圆": YUAN}.get(written, written)
    if written and written != unit:
        return Amount(code="amount-unreadable", hint=_plain(number * _FACTOR[written] / _FACTOR[unit]))
    yuan = number * _FACTOR[unit]
    if sign == "-" and number:
        return Amount(code="amount-negative")
    if yuan >= _LARGEST:
        return Amount(code="amount-too-large")
    if yuan != round(yuan, 2):
        return Amount(code="amount-too-fine")
    return Amount(yuan=_plain(yuan))


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
