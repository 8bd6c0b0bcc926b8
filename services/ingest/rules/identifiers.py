"""Understands the codes given for one subject together: which stand, which contradict each other."""

from __future__ import annotations

from typing import NamedTuple

from credithub.domain.codes import SCHEMES, Verdict, judge
from credithub.domain.persons import is_citizen_15
from credithub.domain.text import nfkc
from services.ingest.rules.faults import Faults

ANY = "any"  # a column that takes whatever code there is
_BY_LENGTH = {9: "organisation_code", 10: "organisation_code", 12: "institution_number", 15: "registration_number"}
_PERSON = Verdict(value=None)


class Given(NamedTuple):
    """One code as it was given."""

    scheme: str
    field: str
    raw: str


def settle(faults: Faults, given: list[Given]) -> dict[str, str]:
    """The codes that stand, by scheme; every fault of every code is reported."""
    kept: dict[str, str] = {}
    fields: dict[str, str] = {}
    for one in given:
        scheme = _scheme_of(one.raw) if one.scheme == ANY else one.scheme
        verdict = judge(scheme, one.raw) if scheme else _PERSON
        if verdict.value is not None:
            kept[scheme], fields[scheme] = verdict.value, one.field
            if not verdict.reasons:
                continue
        _report(faults, one, verdict, kept, fields)
    _compare(faults, kept, fields)
    if not kept:
        faults.add("subject-without-identifier", given[0].field if given else None)
    return kept if len(kept) < 2 else {scheme: kept[scheme] for scheme in SCHEMES if scheme in kept}


def _scheme_of(raw: str) -> str:
    """Told by length alone, a 15-digit number that may be a person's is taken for one: no scheme."""
    compact = "".join(filter(str.isalnum, nfkc(raw)))
    return "" if is_citizen_15(compact) else _BY_LENGTH.get(len(compact), "unified_code")


def _report(faults: Faults, one: Given, verdict: Verdict, kept: dict[str, str], fields: dict[str, str]) -> None:
    if verdict is _PERSON:
        return faults.add("person-number-in-field", one.field)
    codes = [reason.code for reason in verdict.reasons]
    if codes == ["person-number-in-field"] and _is_tax_number_of(one, kept):
        kept["taxpayer_number"], fields["taxpayer_number"] = one.raw.strip(), one.field
    elif verdict.hint == "unified_code" and codes == ["SCHEME_AMBIGUOUS"]:
        _move(faults, one, kept, fields)
    elif "*" in one.raw and verdict.value is None and not verdict.missing:
        faults.add("masked-identifier", one.field, one.raw)
    else:
        for reason in verdict.reasons:
            faults.add(reason.code, one.field, reason.value, reason.hint)
    return None


def _move(faults: Faults, one: Given, kept: dict[str, str], fields: dict[str, str]) -> None:
    """A unified code proves itself twice; standing in another column it is used as what it is."""
    value = judge("unified_code", one.raw).value
    if value is None or kept.setdefault("unified_code", value) != value:
        return faults.add("identifiers-disagree", one.field, one.raw)
    fields.setdefault("unified_code", one.field)
    return faults.add("identifier-in-other-column", one.field, value, hint="unified_code")


def _is_tax_number_of(one: Given, kept: dict[str, str]) -> bool:
    """An old tax number that reads like a person's is the firm's if its last nine are the firm's own code."""
    own = kept.get("organisation_code") or kept.get("unified_code", "")[8:17]
    return one.scheme == "taxpayer_number" and bool(own) and one.raw.strip()[6:] == own


def _compare(faults: Faults, kept: dict[str, str], fields: dict[str, str]) -> None:
    """Unified code, organisation code and old tax number hold the same nine characters, or are of different bodies."""
    if len(kept) < 2:
        return
    own = kept.get("unified_code", "")[8:17] or kept.get("organisation_code")
    for scheme, start in (("organisation_code", 0), ("taxpayer_number", 6)):
        if own and scheme in kept and kept[scheme][start:] != own:
            faults.add("identifiers-disagree", fields[scheme], kept[scheme])
