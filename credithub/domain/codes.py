"""Understands the codes by which a subject is named: judges them, normalises them, computes one from another.

Sources: GB 32100-2015 with amendment 1 of 2016 (unified code), GB 11714 (organisation code), GS 15-2006 (registration
number), 国发〔2015〕33号 (the others). Registrars, classes and divisions are data in schemas/codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from credithub.domain.checkdigits import (
    USC_CHARACTERS,
    mod_11_10_check,
    mod_37_36_check,
    organisation_check,
    usc_check,
)
from credithub.domain.divisions import is_known, is_obsolete
from credithub.domain.persons import contains_person_number, is_citizen_15, is_person_number
from credithub.domain.reasons import Reason, refuses
from credithub.domain.tables import code_table
from credithub.domain.text import clean, nfkc

SCHEMES = (
    "unified_code",
    "organisation_code",
    "registration_number",
    "taxpayer_number",
    "institution_number",
    "social_organisation_number",
    "institution_credit_code",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`value` is the code to keep, None if refused or missing; `changed` tells that normalising altered it."""

    value: str | None
    reasons: tuple[Reason, ...] = ()
    hint: str | None = None  # the one look-alike that would pass, or the scheme that does
    changed: bool = False
    missing: bool = False


_CLASSES = {
    row["code"]: {c["code"]: c["name"] for c in row["classes"]} for row in code_table("registrars")["registrars"]
}
_KINDS = frozenset(registrar + class_ for registrar, classes in _CLASSES.items() for class_ in classes)
_USC_SHAPE = re.compile(rf"[{USC_CHARACTERS}]{{2}}[0-9]{{6}}[{USC_CHARACTERS}]{{10}}")
_ORGANISATION_SHAPE = re.compile("[0-9A-Z]{9}")
_NOISE = re.compile("[\\s\\-\u2010-\u2015\u2212_\u00ad\u200b-\u200f\u2060\ufeff]+")
_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOOK_ALIKE = {"O": "0", "I": "1", "Z": "2", "S": "5"}
_DIGITS = frozenset("0123456789")
_LETTERS_AND_DIGITS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_USC_SET = frozenset(USC_CHARACTERS)
_MISSING = Verdict(value=None, missing=True)
_LONGEST_SHOWN = 64


def judge(scheme: str, raw: str | None) -> Verdict:
    """Judges one code under the scheme its field declares. Never raises for content; KeyError for an unknown scheme."""
    if raw is None:
        return _MISSING
    if (sound := _SOUND.get(scheme)) and sound(raw):
        return Verdict(value=raw)
    return _judge(scheme, raw)


def organisation_code_of(unified_code: str) -> str:
    """The nine characters that name the subject itself, whoever registered it."""
    return unified_code[8:17]


def partition_identifier(identifiers: Mapping[str, str | None]) -> tuple[str, str] | None:
    """What orders and keys a subject's events: its organisation code where one can be computed, else its first other
    identifier as (scheme, value), else None."""
    if unified := identifiers.get("unified_code"):
        return "organisation_code", unified[8:17]
    if organisation := identifiers.get("organisation_code"):
        return "organisation_code", organisation
    if taxpayer := identifiers.get("taxpayer_number"):
        return "organisation_code", taxpayer[6:15]
    for scheme in SCHEMES:
        if value := identifiers.get(scheme):
            return scheme, value
    return None


def class_name(unified_code: str) -> str:
    """What kind of body its registrar made it, in Chinese: 企业, 事业单位 …"""
    return _CLASSES.get(unified_code[:1], {}).get(unified_code[1:2], "")


def is_sole_trader(unified_code: str) -> bool:
    return unified_code.startswith("92")


def _is_sound_unified(code: str) -> bool:
    return (
        _USC_SHAPE.fullmatch(code) is not None
        and code[:2] in _KINDS
        and code[8:17] != "000000000"
        and is_known(code[2:8])
        and not is_obsolete(code[2:8])
        and organisation_check(code[8:16]) == code[16]
        and usc_check(code[:17]) == code[17]
    )


def _is_sound_organisation(code: str) -> bool:
    return (
        _ORGANISATION_SHAPE.fullmatch(code) is not None
        and code != "000000000"
        and organisation_check(code[:8]) == code[8]
    )


# The common case, without asking what might be wrong.
_SOUND: dict[str, Callable[[str], bool]] = {
    "unified_code": _is_sound_unified,
    "organisation_code": _is_sound_organisation,
}


@lru_cache(maxsize=16384)
def _judge(scheme: str, raw: str) -> Verdict:
    check = _CHECKS[scheme]
    if clean(raw) is None:
        return _MISSING
    compact = _compact(scheme, raw)
    changed = compact != raw
    if _is_placeholder(compact):
        reason = Reason(code="PLACEHOLDER", field=scheme, value=compact[:_LONGEST_SHOWN])
        return Verdict(value=None, reasons=(reason,), changed=changed, missing=True)
    codes = check(compact)
    if _names_person(scheme, compact, raw, not codes):
        return Verdict(value=None, reasons=(Reason(code="person-number-in-field", field=scheme),), changed=changed)
    reasons, hint = _explained(scheme, compact, codes)
    if any(map(refuses, reasons)):
        return Verdict(value=None, reasons=reasons, hint=hint, changed=changed)
    return Verdict(value=compact, reasons=reasons, changed=changed)


def _compact(scheme: str, raw: str) -> str:
    text = _NOISE.sub("", nfkc(raw))
    if scheme == "social_organisation_number":
        return text
    text = text.translate(_UPPER)
    if scheme == "institution_number" and not text.isdecimal() and (inner := re.search(r"第?(\d+)号?$", text)):
        return inner.group(1) if "证" in text or "第" in text else text
    return text


def _is_placeholder(compact: str) -> bool:
    """All zeros, also with the X seen in real files, or one character repeated."""
    return len(compact) > 1 and (not compact.rstrip("X").strip("0") or len(set(compact)) == 1)


def _names_person(scheme: str, compact: str, raw: str, sound: bool) -> bool:
    """A declared field is judged as what it declares, where the code has a check that proves it enough."""
    if sound and scheme != "social_organisation_number":
        return scheme == "taxpayer_number" and is_citizen_15(compact)
    return is_person_number(compact) or contains_person_number(raw)


def _explained(scheme: str, compact: str, codes: list[str]) -> tuple[tuple[Reason, ...], str | None]:
    hint = None
    if codes and codes != ["DIVISION_OBSOLETE"]:
        if other := _other_scheme(scheme, compact):
            codes, hint = ["SCHEME_AMBIGUOUS"], other
        else:
            hint = _look_alike(scheme, compact)
    shown = compact[:_LONGEST_SHOWN]
    return tuple([Reason(code=code, field=scheme, value=shown, hint=hint) for code in codes]), hint


def _other_scheme(scheme: str, compact: str) -> str | None:
    """The other scheme whose checks this code passes; only those with check characters can tell."""
    for other in ("unified_code", "institution_credit_code", "registration_number", "organisation_code"):
        if other != scheme and not _CHECKS[other](compact):
            return other
    return None


def _look_alike(scheme: str, compact: str) -> str | None:
    """The one code that a single O→0, I→1, Z→2 or S→5 makes sound."""
    if len(compact) > _LONGEST_SHOWN:
        return None
    passing = [
        candidate
        for place, character in enumerate(compact)
        if character in _LOOK_ALIKE
        and not _CHECKS[scheme](candidate := compact[:place] + _LOOK_ALIKE[character] + compact[place + 1 :])
    ]
    return passing[0] if len(passing) == 1 else None


def _outside(compact: str, allowed: frozenset[str]) -> list[str]:
    return [f"CHARSET@{place}" for place, character in enumerate(compact, 1) if character not in allowed]


def _check_unified(code: str) -> list[str]:
    if len(code) != 18:
        return ["LENGTH"]
    if codes := _outside(code, _USC_SET):
        return codes
    codes = [] if code[0] in _CLASSES else ["REGISTRAR"]
    if not codes and code[1] not in _CLASSES[code[0]]:
        codes.append("CATEGORY")
    codes += _check_division(code[2:8])
    if organisation_check(code[8:16]) != code[16]:
        codes.append("ORG_CHECK")
    if usc_check(code[:17]) != code[17]:
        codes.append("USC_CHECK")
    return codes


def _check_division(code: str) -> list[str]:
    if not _DIGITS.issuperset(code):
        return ["DIVISION_FORMAT"]
    if not is_known(code):
        return ["DIVISION_UNKNOWN"]
    return ["DIVISION_OBSOLETE"] if is_obsolete(code) else []


def _check_organisation(code: str) -> list[str]:
    if len(code) != 9:
        return ["LENGTH"]
    if codes := _outside(code, _LETTERS_AND_DIGITS):
        return codes
    return [] if organisation_check(code[:8]) == code[8] else ["ORG_CHECK"]


def _check_registration(code: str) -> list[str]:
    if len(code) != 15:
        return ["LENGTH"]
    if codes := _outside(code, _DIGITS):
        return codes
    return [] if mod_11_10_check(code[:14]) == code[14] else ["REGISTRATION_CHECK"]


def _check_taxpayer(code: str) -> list[str]:
    if len(code) != 15:
        return ["LENGTH"]
    if codes := _outside(code[:6], _DIGITS) or _outside(code, _LETTERS_AND_DIGITS):
        return codes
    codes = [found for found in _check_division(code[:6]) if found != "DIVISION_OBSOLETE"]
    return codes if organisation_check(code[6:14]) == code[14] else [*codes, "ORG_CHECK"]


def _check_institution(code: str) -> list[str]:
    return _outside(code, _DIGITS) if len(code) == 12 else ["LENGTH"]


def _check_social(code: str) -> list[str]:
    """Chinese characters and digits; nothing else is known of it."""
    if not 2 <= len(code) <= 50:
        return ["LENGTH"]
    if not any(character.isdecimal() for character in code):
        return ["CHARSET@1"]
    return [f"CHARSET@{place}" for place, c in enumerate(code, 1) if not (c.isalnum() or c in "()〔〕[]【】-/.、·")]


def _check_institution_credit(code: str) -> list[str]:
    if len(code) != 18:
        return ["LENGTH"]
    if codes := [] if "A" <= code[0] <= "Z" else ["CHARSET@1"]:
        return codes
    inner = [f"CHARSET@{place}" for place, c in enumerate(code[1:17], 2) if c not in _DIGITS]
    if codes := inner or _outside(code, _LETTERS_AND_DIGITS):
        return codes
    codes = [found for found in _check_division(code[3:9]) if found != "DIVISION_OBSOLETE"]
    return codes if mod_37_36_check(code[:17]) == code[17] else [*codes, "INSTITUTION_CHECK"]


_CHECKS: dict[str, Callable[[str], list[str]]] = {
    "unified_code": _check_unified,
    "organisation_code": _check_organisation,
    "registration_number": _check_registration,
    "taxpayer_number": _check_taxpayer,
    "institution_number": _check_institution,
    "social_organisation_number": _check_social,
    "institution_credit_code": _check_institution_credit,
}
