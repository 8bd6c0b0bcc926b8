"""Understands how notices before a listing are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from credithub.db.engine import AsyncConnection, text
from credithub.domain.events import CreditEvent
from services.matcher.rules.listings import NoticeKey, given_on

PUT = text("""
    INSERT INTO matcher.notices (organisation_code, list_type, number, issuer, given_on, open_from, source, id)
    SELECT oc, t, n, iss, g::date, o::date, s, i
      FROM unnest(CAST(:codes AS text[]), CAST(:types AS text[]), CAST(:numbers AS text[]), CAST(:issuers AS text[]),
                  CAST(:given AS text[]), CAST(:open AS text[]), CAST(:sources AS text[]), CAST(:ids AS text[]))
           AS x(oc, t, n, iss, g, o, s, i)
    ON CONFLICT DO NOTHING
""")
FIND = text("""
    SELECT n.organisation_code, n.list_type, n.number, n.issuer, n.open_from
      FROM unnest(CAST(:codes AS text[]), CAST(:types AS text[]), CAST(:numbers AS text[]), CAST(:issuers AS text[]))
           AS x(oc, t, n, iss)
      JOIN matcher.notices n ON n.organisation_code = x.oc AND n.list_type = x.t AND n.number = x.n AND n.issuer = x.iss
""")


async def put(conn: AsyncConnection, given: Sequence[tuple[NoticeKey, CreditEvent, date]]) -> None:
    """Keeps notices: (key, event, last day of the waiting time)."""
    if given:
        await conn.execute(
            PUT,
            {
                **_columns([key for key, _, _ in given]),
                "given": [given_on(event).isoformat() for _, event, _ in given],
                "open": [day.isoformat() for _, _, day in given],
                "sources": [event.source for _, event, _ in given],
                "ids": [event.id for _, event, _ in given],
            },
        )


async def open_from(conn: AsyncConnection, keys: Sequence[NoticeKey]) -> dict[NoticeKey, date]:
    """The last day of the waiting time of each notice that was given."""
    rows = await conn.execute(FIND, _columns(keys))
    return {(r.organisation_code, r.list_type, r.number, r.issuer): r.open_from for r in rows}


def _columns(keys: Sequence[NoticeKey]) -> dict[str, list[str]]:
    return {
        "codes": [k[0] for k in keys],
        "types": [k[1] for k in keys],
        "numbers": [k[2] for k in keys],
        "issuers": [k[3] for k in keys],
    }
