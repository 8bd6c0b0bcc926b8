"""Understands how records enter the archive, get new versions, and end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.domain.events import JsonObject
from services.matcher.rules.filing import Filed
from services.matcher.rules.terms import Terms

Key = tuple[str, str]


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
           data = CAST(:data AS jsonb), source = :source, id = :id, archived_at = now()
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
            **key, "content": event.content, "source": event.source, "id": event.id,
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
