"""Understands the preview of a catalogue version over 100 000 archived records, beside one bare scan and group of them."""

from __future__ import annotations

import sys
import time
from datetime import date
from typing import Any

import asyncpg

from bench.measure import Figure, Work, against_floor
from bench.parts import Parts
from credithub.db.engine import make_engine
from credithub.domain.catalogue import Catalogue, from_json
from credithub.domain.catalogue.change import Change
from credithub.domain.catalogue.layers import Edition
from credithub.domain.routing import Agencies, Agency
from services.gateway.store.database import Database
from services.gateway.store.previews import Previews

RECORDS, SUBJECTS, SEATS = 100_000, 50_000, 2_000  # each record has the bench catalogue's four obligations
SEAT = "lpad((110000 + (g % {seats}) * 100 + 1)::text, 6, '0')"
FILL = (
    f"""INSERT INTO matcher.subjects (organisation_code, kind, seat)
        SELECT 'PDY' || lpad(g::text, 6, '0'), CASE WHEN g % 9 = 0 THEN 'sole-trader' ELSE 'organisation' END,
               CASE WHEN g % 20 > 0 THEN {SEAT.format(seats=SEATS)} END FROM generate_series(1, {SUBJECTS}) g""",
    f"""INSERT INTO matcher.records (organisation_code, record, item, kind, state, content, folded_number, issuer, decided_on,
                                     supplier, source, id, catalogue, document, data, seq)
        SELECT 'PDY' || lpad((1 + g % {SUBJECTS})::text, 6, '0'), 'rec_' || g, 'penalty', 'penalty.imposed',
               CASE WHEN g % 10 = 0 THEN 'removed' ELSE 'active' END, 'c', 'n' || g, 'i', '2026-01-01', 's', '//s', 'e' || g,
               $1, '{{"number": "n"}}', jsonb_build_object('penalty', jsonb_build_object('facts', repeat('事', 300))), g
          FROM generate_series(1, {RECORDS}) g""",
    """INSERT INTO matcher.obligations (organisation_code, obligation, case_id, record, item, measure, department, agency,
                                        round, epoch, version, state, suspended, executed, mandatory, catalogue, explain)
       SELECT organisation_code, 'obl_' || record || m, 'cas_' || record, record, item, m, d, d || '-000000', 1, 1, 1,
              CASE WHEN state = 'active' THEN 'delivered' ELSE 'lifted' END, false, false, true, catalogue,
              jsonb_build_object('measure', jsonb_build_object('id', m, 'quote_zh', repeat('文', 80)), 'rule', 'r')
         FROM matcher.records, unnest($1::text[], $2::text[]) AS pair(m, d)""",
    "ANALYZE matcher.subjects, matcher.records, matcher.obligations",
)
FLOOR = (
    "SELECT count(*) FROM matcher.records GROUP BY item, state",
    "SELECT count(*) FROM matcher.obligations GROUP BY item, measure, department, catalogue",
)


async def measure(parts: Parts) -> Figure:
    plain = await asyncpg.connect(parts.infra.postgres.url("credithub_admin").replace("+asyncpg", ""))
    await _fill(plain, parts.catalogue)
    database = Database(make_engine(parts.settings("gateway"), "gateway", pool=1))
    previews, change = Previews(database), _change(parts.catalogue)
    seconds: list[float] = []

    async def run() -> Work:
        async def work() -> int:
            began = time.perf_counter()
            async with previews.of(change) as listed:
                examples = [row async for row in listed.ends(10)] + [row async for row in listed.makes("make", 10)]
                assert len(examples) == 20
                assert listed.preview.ends.total() == listed.preview.makes.total() == RECORDS * 9 // 10
            seconds.append(time.perf_counter() - began)
            return RECORDS

        return work

    async def floor() -> Work:
        async def work() -> int:
            for statement in FLOOR:
                await plain.fetch(statement)
            return RECORDS

        return work

    try:
        figure = await against_floor("preview", "records/s", run=run, floor=floor, reach=0.05)
        print(f"预演 {RECORDS} 条记录 / a preview of them: {max(seconds):.1f} s at most", file=sys.stderr)
        return figure
    finally:
        await plain.close()
        await database.close()


async def _fill(plain: asyncpg.Connection[Any], catalogue: Catalogue) -> None:
    pairs = catalogue.measures_for("penalty")
    subjects, records, obligations, analyse = FILL
    await plain.execute(subjects)
    await plain.execute(records, catalogue.version)
    await plain.execute(obligations, [measure.id for measure, _ in pairs], [department for _, department in pairs])
    await plain.execute(analyse)


def _change(catalogue: Catalogue) -> Change:
    """One pair of the four goes, another comes."""
    content = catalogue.to_json()
    content["manifest"]["version"] = "2026-bench.2"
    gone = next(each for each in content["measures"] if each["departments"] == ["gacc"])
    gone["departments"] = ["samr"]
    after = Edition(national=from_json(content))
    return Change(
        before=Edition(national=catalogue),
        at=after,
        after=after,
        on=date(2026, 12, 1),
        agencies=Agencies([Agency(id="samr-000000", department="samr", division="000000")]),
        known={catalogue.version: catalogue, after.national.version: after.national},
    )
