"""Understands how the archive is written: repeats first, then subjects, then records; one statement each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.domain.events import CreditEvent, JsonObject
from services.matcher.rules.filing import Filed, Subject
from services.matcher.rules.terms import Terms

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """An entry that the archive already has under the same (source, id)."""

    digest: str
    submission: str
    index: int
    record: str | None
    organisation_code: str | None
    mine: bool  # written by this very transaction


@dataclass(frozen=True, slots=True)
class Held:
    """A record as it lies in the archive."""

    organisation_code: str
    record: str
    content: str
    supplier: str
    state: str
    source: str
    id: str
    version: int
    mine: bool


CLAIM = text("""
    INSERT INTO matcher.entries
        (source, id, digest, submission, index, "row", supplier, item, outcome, organisation_code, record, received_at)
    SELECT s, i, d, sub, ix, r, sup, it, o, oc, rec, at::timestamptz
      FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:digests AS text[]), CAST(:submissions AS text[]),
                  CAST(:indexes AS int[]), CAST(:rows AS int[]), CAST(:suppliers AS text[]), CAST(:items AS text[]),
                  CAST(:outcomes AS text[]), CAST(:codes AS text[]), CAST(:records AS text[]), CAST(:received AS text[]))
           AS x(s, i, d, sub, ix, r, sup, it, o, oc, rec, at)
    ON CONFLICT (source, id) DO NOTHING
""")

KNOWN = text("""
    SELECT e.source, e.id, e.digest, e.submission, e.index AS place, e.record, e.organisation_code,
           e.xmin = pg_current_xact_id()::xid AS mine
      FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS x(source, id)
      JOIN matcher.entries e ON e.source = x.source AND e.id = x.id
""")


async def claim(conn: AsyncConnection, filed: Sequence[Filed]) -> bool:
    """Writes the transport identities. True when all of them are new; the rest is asked with `known`."""
    ordered = sorted(filed, key=lambda f: (f.event.source, f.event.id))
    done = await conn.execute(
        CLAIM,
        {
            "sources": [f.event.source for f in ordered],
            "ids": [f.event.id for f in ordered],
            "digests": [f.event.digest for f in ordered],
            "submissions": [f.event.submission for f in ordered],
            "indexes": [f.event.index for f in ordered],
            "rows": [f.event.row for f in ordered],
            "suppliers": [f.event.supplier for f in ordered],
            "items": [f.event.item for f in ordered],
            "outcomes": ["archived" if f.organisation_code else "waiting-subject" for f in ordered],
            "codes": [f.organisation_code for f in ordered],
            "records": [f.record for f in ordered],
            "received": [f.event.received_at for f in ordered],
        },
    )
    return done.rowcount == len(ordered)


async def known(conn: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Known]:
    wanted = sorted(set(keys))
    rows = await conn.execute(KNOWN, {"sources": [k[0] for k in wanted], "ids": [k[1] for k in wanted]})
    return {
        (r.source, r.id): Known(r.digest, r.submission, r.place, r.record, r.organisation_code, r.mine) for r in rows
    }


REVISE = text("""
    UPDATE matcher.entries e SET outcome = x.o, organisation_code = x.oc, record = x.rec, decided_at = now()
      FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:outcomes AS text[]), CAST(:codes AS text[]),
                  CAST(:records AS text[])) AS x(s, i, o, oc, rec)
     WHERE e.source = x.s AND e.id = x.i
""")
FORGET = text("""
    DELETE FROM matcher.entries e USING unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS x(s, i)
     WHERE e.source = x.s AND e.id = x.i
""")
REPEATED = text("""
    INSERT INTO matcher.repeats_seen
        (submission, index, "row", source, id, supplier, item, outcome, reasons, record, organisation_code, received_at)
    SELECT sub, ix, r, s, i, sup, it, o, rs::jsonb, rec, oc, at::timestamptz
      FROM unnest(CAST(:submissions AS text[]), CAST(:indexes AS int[]), CAST(:rows AS int[]), CAST(:sources AS text[]),
                  CAST(:ids AS text[]), CAST(:suppliers AS text[]), CAST(:items AS text[]), CAST(:outcomes AS text[]),
                  CAST(:reasons AS text[]), CAST(:records AS text[]), CAST(:codes AS text[]), CAST(:received AS text[]))
           AS x(sub, ix, r, s, i, sup, it, o, rs, rec, oc, at)
    ON CONFLICT (submission, index) DO NOTHING
""")


async def revise(conn: AsyncConnection, changes: Sequence[tuple[CreditEvent, str, str | None, str | None]]) -> None:
    """Sets entries to (outcome, organisation code, record)."""
    if changes:
        await conn.execute(
            REVISE,
            {
                "sources": [c[0].source for c in changes],
                "ids": [c[0].id for c in changes],
                "outcomes": [c[1] for c in changes],
                "codes": [c[2] for c in changes],
                "records": [c[3] for c in changes],
            },
        )


async def forget(conn: AsyncConnection, events: Sequence[CreditEvent]) -> None:
    """Takes back the claim of entries that did not become part of the archive."""
    if events:
        await conn.execute(FORGET, {"sources": [e.source for e in events], "ids": [e.id for e in events]})


async def repeated(
    conn: AsyncConnection, seen: Sequence[tuple[CreditEvent, str, list[dict[str, object]], str | None, str | None]]
) -> None:
    """Files entries that ended as (duplicate | refused, reasons, record, organisation code)."""
    if not seen:
        return
    await conn.execute(
        REPEATED,
        {
            "submissions": [s[0].submission for s in seen],
            "indexes": [s[0].index for s in seen],
            "rows": [s[0].row for s in seen],
            "sources": [s[0].source for s in seen],
            "ids": [s[0].id for s in seen],
            "suppliers": [s[0].supplier for s in seen],
            "items": [s[0].item for s in seen],
            "outcomes": [s[1] for s in seen],
            "reasons": [orjson.dumps(s[2]).decode() for s in seen],
            "records": [s[3] for s in seen],
            "codes": [s[4] for s in seen],
            "received": [s[0].received_at for s in seen],
        },
    )


SUBJECTS = text("""
    INSERT INTO matcher.subjects AS s (organisation_code, unified_code, name, seq)
    SELECT c, u, n, k FROM unnest(CAST(:codes AS text[]), CAST(:unified AS text[]), CAST(:names AS text[]),
                                  CAST(:counts AS bigint[])) AS x(c, u, n, k)
    ON CONFLICT (organisation_code) DO UPDATE
        SET seq = s.seq + EXCLUDED.seq, unified_code = coalesce(s.unified_code, EXCLUDED.unified_code),
            name = coalesce(s.name, EXCLUDED.name)
    RETURNING organisation_code, unified_code, name, kind, seat, status, seq
""")


async def lock_subjects(
    conn: AsyncConnection, wanted: dict[str, tuple[str | None, str | None, int]]
) -> dict[str, Subject]:
    """Creates and locks subjects in the order of their code, and hands out `count` places in each one's order.

    `wanted` gives, for each organisation code, (unified code, name, count). `seq` is the last place handed out.
    """
    codes = sorted(wanted)
    rows = await conn.execute(
        SUBJECTS,
        {
            "codes": codes,
            "unified": [wanted[c][0] for c in codes],
            "names": [wanted[c][1] for c in codes],
            "counts": [wanted[c][2] for c in codes],
        },
    )
    return {
        r.organisation_code: Subject(
            organisation_code=r.organisation_code, unified_code=r.unified_code, name=r.name, kind=r.kind, seat=r.seat,
            status=r.status, seq=r.seq,
        )
        for r in rows
    }  # fmt: skip


RECORDS = text("""
    INSERT INTO matcher.records
        (organisation_code, record, item, kind, state, content, folded_number, issuer, decided_on, supplier, source, id,
         catalogue, document, data, seq, severity, tolerated, display_rule, display_until, repairable_from, term_until, ended_at)
    SELECT oc, rec, it, k, st, c, fn, iss, dec::date, sup, s, i, cat, doc::jsonb, dat::jsonb, q, sev, tol, dr, du, rf, tu,
           CASE WHEN st <> 'active' THEN now() END
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[]), CAST(:items AS text[]), CAST(:kinds AS text[]),
                  CAST(:states AS text[]), CAST(:contents AS text[]), CAST(:numbers AS text[]), CAST(:issuers AS text[]),
                  CAST(:decided AS text[]), CAST(:suppliers AS text[]), CAST(:sources AS text[]), CAST(:ids AS text[]),
                  CAST(:catalogues AS text[]), CAST(:documents AS text[]), CAST(:data AS text[]), CAST(:seqs AS bigint[]),
                  CAST(:severities AS text[]), CAST(:tolerated AS text[]), CAST(:rules AS text[]), CAST(:shown AS date[]),
                  CAST(:repairable AS date[]), CAST(:terms AS date[]))
           AS x(oc, rec, it, k, st, c, fn, iss, dec, sup, s, i, cat, doc, dat, q, sev, tol, dr, du, rf, tu)
    ON CONFLICT (organisation_code, record) DO NOTHING
""")
HELD = text("""
    SELECT r.organisation_code, r.record, r.content, r.supplier, r.state, r.source, r.id, r.version,
           r.xmin = pg_current_xact_id()::xid AS mine
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.rec
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A fact on its way into the archive: its place, its terms, and the day on which it was received."""

    filed: Filed
    seq: int
    terms: Terms
    on: date


async def archive(conn: AsyncConnection, entered: Sequence[Entered]) -> bool:
    """Writes records whose fact is new; one whose term was over when it was received enters as expired.

    True when all of them were new.
    """
    if not entered:
        return True
    filed, terms = [e.filed for e in entered], [e.terms for e in entered]
    done = await conn.execute(
        RECORDS,
        {
            "codes": [f.organisation_code for f in filed],
            "records": [f.record for f in filed],
            "items": [f.event.item for f in filed],
            "kinds": [f.event.kind for f in filed],
            "states": [e.terms.state_on(e.on) for e in entered],
            "contents": [f.event.content for f in filed],
            "numbers": [f.event.folded_number for f in filed],
            "issuers": [f.issuer for f in filed],
            "decided": [f.event.document.get("decided_on") for f in filed],
            "suppliers": [f.event.supplier for f in filed],
            "sources": [f.event.source for f in filed],
            "ids": [f.event.id for f in filed],
            "catalogues": [f.event.catalogue for f in filed],
            "documents": [orjson.dumps(f.event.document).decode() for f in filed],
            "data": [orjson.dumps(f.event.data).decode() for f in filed],
            "seqs": [e.seq for e in entered],
            "severities": [t.severity for t in terms],
            "tolerated": [t.tolerated for t in terms],
            "rules": [t.display_rule for t in terms],
            "shown": [t.display_until for t in terms],
            "repairable": [t.repairable_from for t in terms],
            "terms": [t.term_until for t in terms],
        },
    )
    return done.rowcount == len(filed)


async def held(conn: AsyncConnection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Held]:
    """Records by (organisation code, record)."""
    wanted = sorted(set(keys))
    rows = await conn.execute(HELD, {"codes": [k[0] for k in wanted], "records": [k[1] for k in wanted]})
    return {
        (r.organisation_code, r.record): Held(
            r.organisation_code, r.record, r.content, r.supplier, r.state, r.source, r.id, r.version, r.mine
        )
        for r in rows
    }


KEEP_VERSION = text("""
    INSERT INTO matcher.record_versions (organisation_code, record, version, content, document, data, source, id, archived_at)
    SELECT organisation_code, record, version, content, document, data, source, id, archived_at FROM matcher.records
     WHERE organisation_code = :code AND record = :record
""")
NEW_VERSION = text("""
    UPDATE matcher.records SET version = version + 1, content = :content, document = CAST(:document AS jsonb),
           data = CAST(:data AS jsonb), source = :source, id = :id, catalogue = :catalogue, archived_at = now()
     WHERE organisation_code = :code AND record = :record
""")


async def new_version(conn: AsyncConnection, filed: Filed) -> None:
    """Serves the corrected content from now on; what was served before is kept."""
    key = {"code": filed.organisation_code, "record": filed.record}
    await conn.execute(KEEP_VERSION, key)
    event = filed.event
    await conn.execute(
        NEW_VERSION,
        {
            **key, "content": event.content, "source": event.source, "id": event.id, "catalogue": event.catalogue,
            "document": orjson.dumps(event.document).decode(), "data": orjson.dumps(event.data).decode(),
        },
    )  # fmt: skip


OLDER = text("""
    SELECT v.organisation_code, v.record, v.content
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.record_versions v ON v.organisation_code = x.oc AND v.record = x.rec
""")


async def older_contents(conn: AsyncConnection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    """What records said before they were corrected: their content's digests."""
    wanted = sorted(set(keys))
    rows = await conn.execute(OLDER, {"codes": [k[0] for k in wanted], "records": [k[1] for k in wanted]})
    found: dict[tuple[str, str], set[str]] = {}
    for r in rows:
        found.setdefault((r.organisation_code, r.record), set()).add(r.content)
    return found


ENDING = text("""
    WITH ended AS (
        UPDATE matcher.records r
           SET state = x.st, ended_by = x.by, ended_at = now(), end_reason = x.re::jsonb
          FROM jsonb_to_recordset(CAST(:rows AS jsonb))
               AS x(oc text, rec text, st text, by text, re jsonb, at text, s text, i text, n bigint)
         WHERE r.organisation_code = x.oc AND r.record = x.rec AND r.state = 'active'
        RETURNING r.organisation_code, r.record, r.version, r.state, r.disputed, r.shielded, x.re, x.at, x.s, x.i, x.n
    )
    INSERT INTO matcher.record_changes
        (organisation_code, record, n, at, change, source, id, version, state, disputed, shielded, reason)
    SELECT organisation_code, record, n, at::timestamptz, state, s, i, version, state, disputed, shielded, re FROM ended
    ON CONFLICT DO NOTHING
""")
BY_NUMBER = text("""
    SELECT r.organisation_code, r.item, r.folded_number, r.record, r.state
      FROM unnest(CAST(:codes AS text[]), CAST(:items AS text[]), CAST(:numbers AS text[])) AS x(oc, it, fn)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.item = x.it AND r.folded_number = x.fn
     WHERE r.kind = ANY(CAST(:kinds AS text[]))
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of a listing by the event that exits it."""

    organisation_code: str
    record: str
    state: str
    by: str  # the record of the exit
    reason: JsonObject
    at: str
    source: str
    id: str
    n: int


async def end(conn: AsyncConnection, ends: Sequence[Ending]) -> None:
    """Ends active records, and remembers when and by what."""
    if ends:
        rows = [
            {
                "oc": e.organisation_code, "rec": e.record, "st": e.state, "by": e.by, "re": e.reason, "at": e.at,
                "s": e.source, "i": e.id, "n": e.n,
            }
            for e in ends
        ]  # fmt: skip
        await conn.execute(ENDING, {"rows": orjson.dumps(rows).decode()})


async def by_number(
    conn: AsyncConnection, wanted: Iterable[tuple[str, str, str]], kinds: Sequence[str]
) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    """Records of these kinds by (organisation code, item, folded number), each as (record, state)."""
    keys = sorted(set(wanted))
    if not keys:
        return {}
    rows = await conn.execute(
        BY_NUMBER,
        {
            "codes": [k[0] for k in keys],
            "items": [k[1] for k in keys],
            "numbers": [k[2] for k in keys],
            "kinds": list(kinds),
        },
    )
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for r in rows:
        found.setdefault((r.organisation_code, r.item, r.folded_number), []).append((r.record, r.state))
    return found
