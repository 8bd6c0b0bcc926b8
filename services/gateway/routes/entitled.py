"""Understands who may read which record: its determining department and operators its states, an agency what it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from credithub.http.problem import Problem
from services.gateway.parts import Parts
from services.gateway.rules import Grant
from services.gateway.store.database import Row

LIFTED = frozenset({"lifting", "lifted", "cancelled"})


def determined(grant: Grant, row: Row) -> bool:
    """Whether the caller's own agency determined this record."""
    return grant.supplies is not None and row["supplier"] == grant.supplies


async def record_of(parts: Parts, record: str) -> Row:
    row = await parts.stores.archive.record_of(record)
    if row is None:
        raise Problem("not-found")
    return row


async def own_record(parts: Parts, grant: Grant, record: str, *, courts: bool = False) -> Row:
    """A record that the caller may act on as its determining department; the same 404 for another's as for none."""
    row = await record_of(parts, record)
    if determined(grant, row) or (courts and _is_court(parts, grant)):
        return row
    raise Problem("not-found")


def _is_court(parts: Parts, grant: Grant) -> bool:
    found = parts.standing.in_force().department(grant.department or "")
    return grant.supplies is not None and found is not None and found.kind == "court"


async def held_record(parts: Parts, grant: Grant, record: str) -> Row:
    """A record of which the caller holds an obligation."""
    row = await record_of(parts, record)
    held = await parts.stores.obligations.obligations_of(row["organisation_code"], record=record, agency=grant.acts)
    if not held:
        raise Problem("not-found")
    return row


def is_served(row: Row, parts: Parts) -> bool:
    """Whether a record is in use and on display now: not ended, not shielded, its time not over."""
    until = row["display_until"]
    return row["state"] == "active" and not row["shielded"] and (until is None or until >= parts.standing.on)


async def told_records(
    parts: Parts, obligations: Sequence[Row], records: Sequence[Row], known: set[str]
) -> list[dict[str, Any]]:
    """The records inside what an agency was told of these obligations, while they are served and the measure holds.

    Each once, at its current version, with all that any measure granted of it.
    """
    current = {row["record"]: row["version"] for row in records if is_served(row, parts)}
    pairs = [(row["agency"], row["obligation"]) for row in obligations if row["state"] not in LIFTED]
    told: dict[str, dict[str, Any]] = {}
    for row in await parts.stores.told.notifications(pairs, payload=True):
        payload: dict[str, Any] = row["payload"] or {}
        record: dict[str, Any] = payload.get("record") or {}
        id_ = str(record.get("id"))
        if id_ in current and id_ not in known and not row["void"] and record.get("version") == current[id_]:
            told[id_] = _merged(told.get(id_), record)
    return list(told.values())


def _merged(before: dict[str, Any] | None, record: dict[str, Any]) -> dict[str, Any]:
    """Two measures may grant an agency different fields of one record; it was told both."""
    shown = {"record": record["id"], **{name: value for name, value in record.items() if name != "id"}}
    return shown if before is None else shown | {"data": _joined(before.get("data"), shown.get("data"))}


def _joined(one: Any, other: Any) -> Any:
    if not (_is_object(one) and _is_object(other)):
        return other
    both = {name: _joined(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **both}


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row that a page may sort: without what only its cursor needs."""
    return {name: value for name, value in row.items() if name != "place"}
