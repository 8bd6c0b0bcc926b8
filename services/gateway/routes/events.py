"""Understands POST /v1/events: one CloudEvent or up to a thousand in, a signed receipt out once Kafka has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from credithub import metrics, schemas
from credithub.clock import stamp
from credithub.crashpoints import crashpoint
from credithub.domain import receipts
from credithub.domain.events import JsonObject
from credithub.domain.reasons import Reason
from credithub.http import cloudevents, problem
from credithub.http.cloudevents import Entry, Envelope, Refusal
from credithub.http.problem import Problem
from credithub.http.strictjson import JsonLimits
from credithub.ids import submission_id
from credithub.topics import SUBMISSIONS
from services.gateway.edge import Receive, Scope, Send, header, read_body
from services.gateway.intake import Stamp
from services.gateway.outcomes import wait_seconds
from services.gateway.parts import Parts
from services.gateway.routes import events_documented
from services.gateway.rules import Grant, refusal, spoken, spoken_all, status_of

TEMPLATE = "/v1/events"
OUTSIDE_CATALOGUE = frozenset({"kind-unknown", "owner-not-allowed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Who may send a kind: owner of its item, determining department, hub, anyone; and where the item is named."""

    by: str
    item_from: str | None


@dataclass(slots=True)
class Sorted:
    """The entries of one request, told apart by their envelopes, and the records of those that go on."""

    accepted: list[tuple[Envelope, str]]  # with its digest
    refused: list[Refusal]
    records: list[tuple[bytes, bytes]]


class PostEvents:
    """The hot path: one pass over the entries, no database, no model built twice. An ASGI application of its own."""

    def __init__(self, parts: Parts, signer: receipts.Signer) -> None:
        self._parts = parts
        self._signer = signer
        settings = parts.settings
        self._limits = JsonLimits(size=settings.limit_json_bytes, depth=settings.limit_depth)
        self._counts = {state: metrics.HANDLED.labels("gateway", state) for state in ("received", "refused", "unknown")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route_template"] = TEMPLATE
        status, headers, body = await self.take(scope, receive)
        headers += [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def take(self, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body of the answer; a Problem where the request as a whole is refused."""
        parts = self._parts
        grant = parts.caller(header(scope, b"authorization"), "supplier")
        catalogue = parts.standing.in_force()
        if not parts.line.up:
            raise Problem("kafka-away")
        raw = await read_body(scope, receive, self._limits.size, parts.load)
        entries = cloudevents.parse(scope["headers"], raw, limits=self._limits, most=parts.settings.limit_entries)
        mark = Stamp(
            submission=submission_id(parts.vault, str(grant.supplies)),
            supplier=str(grant.supplies),
            received_at=stamp(),
            catalogue=catalogue.version,
            allowed_items=sorted(grant.items),
            count=len(entries),
        )
        found = self._sort(entries, grant, mark)
        if not found.accepted:
            self._counts["refused"].inc(len(entries))
            raise Problem("entries-refused", entries=found.refused)
        return await self._forward(scope, mark, found)

    async def carry(
        self, scope: Scope, entry: Envelope, *, supplier: str, items: Sequence[str], more: JsonObject
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """One event that a door of ours wrote down for its caller, sent and answered like any other; `more` is told."""
        parts = self._parts
        mark = Stamp(
            submission=submission_id(parts.vault, supplier),
            supplier=supplier,
            received_at=stamp(),
            catalogue=parts.standing.in_force().version,
            allowed_items=sorted(items),
            count=1,
        )
        found = self._seal([(entry, entry.digest())], [], mark)
        if not found.accepted:
            raise Problem("entries-refused", entries=found.refused)
        return await self._forward(scope, mark, found, more)

    async def _forward(
        self, scope: Scope, mark: Stamp, found: Sorted, more: JsonObject | None = None
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        sent = await self._parts.line.send(SUBMISSIONS.name, found.records)
        crashpoint("gateway.after_sent_before_answer")
        return await self._answer(scope, mark, found, sent, more)

    def _sort(self, entries: Sequence[Entry], grant: Grant, mark: Stamp) -> Sorted:
        """Judges envelopes and seals what passes. The stamp carries how many go on, so one too big begins it anew."""
        accepted: list[tuple[Envelope, str]] = []
        refused: list[Refusal] = []
        items, note = self._parts.standing.item_of_kind, self._parts.stores.accounting.turned_away
        for entry in entries:
            if isinstance(entry, Refusal):
                refused.append(entry)
                _note(note, mark.supplier, "", entry.reasons)
                continue
            sort = sort_of(entry.kind)
            item = items.get(entry.kind) if sort.item_from is None else self._item_named(entry, sort.item_from)
            reason = refusal(item, entry.source, grant, sort.by)
            if reason is None:
                accepted.append((entry, entry.digest()))
            else:
                refused.append(_refused(entry, reason))
                _note(note, mark.supplier, item or "", (reason,))
        return self._seal(accepted, refused, mark)

    def _item_named(self, entry: Envelope, path: str) -> str:
        """The item of the list type that an entry names; empty for one that names none, which is ingest's to refuse."""
        node: Any = entry.data
        for step in path.split("."):
            node = cast("JsonObject", node).get(step) if isinstance(node, dict) else None
        list_type = self._parts.standing.in_force().list_type(node) if isinstance(node, str) else None
        return list_type.item if list_type is not None else ""

    def _seal(self, accepted: list[tuple[Envelope, str]], refused: list[Refusal], mark: Stamp) -> Sorted:
        sealer, mark.count = self._parts.sealer, len(accepted)
        records: list[tuple[bytes, bytes]] = []
        big: set[int] = set()
        for entry, digest in accepted:
            record = sealer.event(entry, digest, mark)
            if record is None:
                big.add(entry.index)
            else:
                records.append(record)
        if not big:
            return Sorted(accepted, refused, records)
        refused += [
            _refused(entry, Reason(code="too-long", field="data")) for entry, _ in accepted if entry.index in big
        ]
        return self._seal([pair for pair in accepted if pair[0].index not in big], refused, mark)

    async def _answer(
        self, scope: Scope, mark: Stamp, found: Sorted, sent: Sequence[bool], more: JsonObject | None
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        received = sum(sent)
        unknown, refused = len(sent) - received, len(found.refused)
        for state, count in (("received", received), ("refused", refused), ("unknown", unknown)):
            if count:
                self._counts[state].inc(count)
        status = status_of(received, refused, unknown)
        told: JsonObject = {"submission": mark.submission, "received": received, "refused": refused, "unknown": unknown}
        told["entries"] = _entries(found, sent)
        told["receipt"] = self._receipt(mark, found, sent)
        told |= more or {}
        headers = [(b"content-type", b"application/json"), (b"location", f"/v1/submissions/{mark.submission}".encode())]
        wait = wait_seconds(header(scope, b"prefer")) if received else 0
        if wait:
            known = await self._parts.outcomes.of(mark.submission, received, wait)
            told["entries"] = [_decided(entry, known.get(entry["index"])) for entry in told["entries"]]
            headers.append((b"preference-applied", f"wait={wait}".encode()))
        if status == 503:
            away = Problem("kafka-away")
            told = away.body() | told
            retry = str(problem.RETRY_SECONDS).encode()
            headers = [(b"content-type", problem.MEDIA_TYPE.encode()), (b"retry-after", retry)]
        return status, headers, orjson.dumps(told)

    def _receipt(self, mark: Stamp, found: Sorted, sent: Sequence[bool]) -> JsonObject:
        """Over every entry in its order, with what the hub answers for."""
        rows = [
            receipts.entry(
                index=entry.index, source=entry.source, id_=entry.id, digest=digest,
                state="received" if acknowledged else "unknown",
            )
            for (entry, digest), acknowledged in zip(found.accepted, sent, strict=True)
        ]  # fmt: skip
        if found.refused:
            rows += [
                receipts.entry(
                    index=each.index,
                    source=each.source,
                    id_=each.id,
                    digest=None,
                    state="refused",
                    reasons=each.reasons,
                )
                for each in found.refused
            ]
            rows.sort(key=_index)
        return receipts.make(
            self._signer,
            submission=mark.submission,
            supplier=mark.supplier,
            received_at=mark.received_at,
            form="event",
            entries=rows,
        )


def routes(post: PostEvents) -> APIRouter:
    """The same by the router, which also documents it; the edge usually answers first."""
    router = APIRouter(tags=["events 报送"])

    @router.post(TEMPLATE, status_code=202, **events_documented.POST)
    async def post_events(request: Request) -> Response:
        status, headers, body = await post.take(request.scope, request.receive)
        return Response(body, status, {name.decode(): value.decode() for name, value in headers})

    return router


@lru_cache(maxsize=256)
def sort_of(kind: str) -> Sort:
    """As its schema says with `x-by` and `x-item-from`."""
    schema = schemas.schema(kind)
    by, role = schema.get("x-by", "owner"), schema.get("x-role")
    item_from = schema.get("x-item-from") if by == "owner" else None
    return Sort(by="nobody" if role == "answer" else by if isinstance(by, str) else "several", item_from=item_from)


def _note(turned_away: Callable[[str, str, str], None], supplier: str, item: str, reasons: Sequence[Reason]) -> None:
    """What was recorded outside the catalogue is accounted for, also where nothing of it was kept."""
    for reason in reasons:
        if reason.code in OUTSIDE_CATALOGUE:
            turned_away(supplier, item, reason.code)


def _refused(entry: Envelope, reason: Reason) -> Refusal:
    return Refusal(index=entry.index, id=entry.id, source=entry.source, reasons=(reason,))


def _entries(found: Sorted, sent: Sequence[bool]) -> list[JsonObject]:
    told: list[JsonObject] = [
        {"index": entry.index, "id": entry.id, "state": "received" if acknowledged else "unknown"}
        for (entry, _), acknowledged in zip(found.accepted, sent, strict=True)
    ]
    if found.refused:
        told += [
            {"index": each.index, "id": each.id, "state": "refused", "reasons": [spoken(r) for r in each.reasons]}
            for each in found.refused
        ]
        told.sort(key=_index)
    return told


def _decided(entry: JsonObject, outcome: Mapping[str, Any] | None) -> JsonObject:
    """With its state in the archive, where it is known by now."""
    if outcome is None or entry["state"] == "refused":
        return entry
    decided = entry | {"state": outcome["state"], "reasons": spoken_all(outcome["reasons"])}
    return decided | ({"record": outcome["record"]} if outcome["record"] else {})


def _index(entry: JsonObject) -> int:
    return int(entry["index"])
