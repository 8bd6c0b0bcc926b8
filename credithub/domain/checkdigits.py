"""Understands the arithmetic of check characters; every function takes characters already known to be allowed.

Sources: GB 32100-2015 (mod 31), GB 11714 (organisation code), ISO 7064 (MOD 11,10; MOD 37,36; MOD 11-2).
"""

from __future__ import annotations

USC_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CITIZEN_CHECK = "10X98765432"

# For each place, the weighted value of each character: one lookup a character.
_USC = tuple({c: v * 3**place % 31 for v, c in enumerate(USC_CHARACTERS)} for place in range(17))
_ORGANISATION = tuple({c: v * w for v, c in enumerate(_ALPHANUMERIC)} for w in (3, 7, 9, 10, 5, 8, 4, 2))
_CITIZEN = tuple({str(v): v * w for v in range(10)} for w in (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
_VALUE = {c: v for v, c in enumerate(_ALPHANUMERIC)}


def usc_check(first17: str) -> str:
    """The 18th character of a unified code."""
    total = 0
    for weighted, character in zip(_USC, first17, strict=True):
        total += weighted[character]
    return USC_CHARACTERS[-total % 31]


def organisation_check(first8: str) -> str:
    """The ninth character of an organisation code."""
    total = 0
    for weighted, character in zip(_ORGANISATION, first8, strict=True):
        total += weighted[character]
    return "0X987654321"[total % 11]


def citizen_check(first17: str) -> str:
    """The 18th character of a citizen number."""
    total = 0
    for weighted, digit in zip(_CITIZEN, first17, strict=True):
        total += weighted[digit]
    return _CITIZEN_CHECK[total % 11]


def mod_11_10_check(first: str) -> str:
    """ISO 7064 MOD 11,10, as registration numbers use it."""
    return _hybrid_check(first, 10)


def mod_37_36_check(first: str) -> str:
    """ISO 7064 MOD 37,36, as institution credit codes use it."""
    return _hybrid_check(first, 36)


def _hybrid_check(first: str, size: int) -> str:
    product = size
    for character in first:
        product = (product + _VALUE[character]) % size or size
        product = product * 2 % (size + 1)
    return _ALPHANUMERIC[(1 - product) % size]
