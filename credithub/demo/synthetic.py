"""Understands codes that can belong to nobody: GB 11714 keeps the range PDY00001-PDY99999 free for such use."""

from __future__ import annotations

from credithub.domain.checkdigits import mod_11_10_check, organisation_check, usc_check

LARGEST = 99_999


def organisation_code(n: int) -> str:
    """The n-th code of the free range, n from 1 to 99999."""
    if not 1 <= n <= LARGEST:
        raise ValueError(f"the free range ends at PDY{LARGEST}: {n}")
    body = f"PDY{n:05d}"
    return body + organisation_check(body)


def unified_code(n: int, division: str = "130822", registrar: str = "9", klass: str = "1") -> str:
    """A sound unified code of the n-th subject that does not exist; `klass` 2 makes it a sole trader."""
    first = registrar + klass + division + organisation_code(n)
    return first + usc_check(first)


def taxpayer_number(n: int, division: str = "130822") -> str:
    """The old 15-character tax number of the same subject."""
    return division + organisation_code(n)


def registration_number(n: int, division: str = "130822") -> str:
    """A sound 15-digit registration number; the zeros after the division keep it from reading like a birth date."""
    first = f"{division}{n:08d}"
    return first + mod_11_10_check(first)
