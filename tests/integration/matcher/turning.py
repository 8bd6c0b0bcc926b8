"""Understands a hub whose catalogue turns: a generated archive, what was foretold of a version, and what came of it."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from credithub import clock
from credithub.db.catalogues import Catalogues
from services.matcher.books import Books
from services.matcher.on_catalogue import OnCatalogue
from tests.harness.facts import debtor, fact, registration, removal
from tests.harness.lives import objected
from tests.integration.gateway.conftest import Hub, hub  # noqa: F401
from tests.integration.matcher.conftest import Matcher
from tests.unit.catalogue.shelf import content, row

Row = tuple[str, str, str, str | None]  # record, measure, department, agency
OLD, NEW = "2026-turn.1", "2026-turn.2"
TRIAL = "试行办法〔2024〕1号"
KEPT = {"P64-06", "P64-07", "P64-09", "P64-10", "P64-12", "P64-27", "P64-40"}  # the others would only cost time
DEPARTMENTS = ("mof", "safe", "moca", "gacc", "moj", "csrc", "nfra", "mnr", "mohurd", "samr")
SEATS = ("130822", "130803", "130000", None)


def older() -> dict[str, Any]:
    """In force at first: two measures rest on a document on trial."""
    made = content()
    made["manifest"] |= {"version": OLD, "effective_from": "2026-02-01"}
    made["documents"].append(_document(TRIAL))
    for each in made["measures"]:
        if each["executable"] and each["id"] not in KEPT:
            each.update(executable=False, because="not-bound")
    for measure in ("P64-06", "P64-09"):
        row(made, "measures", measure)["citation"]["document"] = TRIAL
    return made


def newer(on: date, reaches: str = "new") -> dict[str, Any]:
    """The trial is over; a measure gone, a department more, a measure upon penalties too, one only for half a year."""
    made = older()
    made["manifest"] |= {"version": NEW, "effective_from": on.isoformat(), "reaches": reaches}
    row(made, "documents", TRIAL)["valid_to"] = on.isoformat()
    row(made, "measures", "P64-06")["citation"]["document"] = "中办发[2016]64号"
    row(made, "measures", "P64-09").update(executable=False, because="not-bound", triggers=[])
    row(made, "measures", "P64-10").update(executable=False, because="not-bound", triggers=[])
    row(made, "measures", "P64-27")["departments"].append("mnr")
    row(made, "measures", "P64-40")["triggers"].append("penalty")
    half = {**row(made, "periods", "award-limit"), "id": "half-a-year", "maximum": {"number": 6, "unit": "months"}}
    half |= {"starts": "decision", "items": ["penalty"]}
    made["periods"].append(half)
    row(made, "measures", "P64-12").update(term="half-a-year")
    row(made, "measures", "P64-12")["triggers"].append("penalty")
    return made


def _document(name: str, **more: Any) -> dict[str, Any]:
    named = {"id": name, "title_zh": name, "title_en": "On trial", "rank": "central-policy", "issued_on": "2024-01-01"}
    return {**named, "valid_from": "2024-01-01", "valid_to": None, "note": None, "unconfirmed": [], **more}


@dataclass(slots=True)
class Turning:
    matcher: Matcher
    hub: Hub

    async def load(self, made: dict[str, Any]) -> None:
        """Directly, as a hub in development may."""
        answer = await self.hub.operator.post("/v1/catalogues", {"content": made})
        assert answer.status == 201, answer.text

    async def foretold(self, version: str) -> tuple[set[Row], set[Row], dict[str, Any]]:
        """(ends, makes, the preview) with every row of the list, which agrees with the numbers."""
        told = (await self.hub.operator.get(f"/v1/catalogues/{version}/preview")).json()
        listed = await self.hub.operator.get(f"/v1/catalogues/{version}/preview", format="csv")
        rows = list(csv.DictReader(io.StringIO(listed.text.removeprefix("\ufeff"))))
        ends = [_row(r) for r in rows if r["what"] == "end"]
        makes = [_row(r) for r in rows if r["what"] != "end"]
        assert (len(ends), len(makes)) == (told["ends"]["total"], told["makes"]["total"])
        assert len(ends) + len(makes) == len({*ends}) + len({*makes}) == len(rows)
        for part in ("ends", "makes"):
            assert sum(pair["number"] for pair in told[part]["pairs"]) == told[part]["total"]
        return set(ends), set(makes), told

    async def sweep(self, *, at_once: int = 500, books: Books | None = None) -> int:
        on_catalogue, walked = OnCatalogue(self.matcher.engine, books or self.matcher.books, at_once), 0
        while done := await on_catalogue.run_once():
            walked += done
        return walked

    async def standing(self) -> set[tuple[Row, str]]:
        """Every obligation in force, those without an agency included, each with its catalogue."""
        rows = await self.matcher.rows(
            "SELECT record, measure, department, agency, catalogue FROM matcher.obligations_v"
            " WHERE state NOT IN ('lifting', 'lifted', 'cancelled')"
        )
        return {(row_of(r), str(r["catalogue"])) for r in rows}

    def anew(self) -> Books:
        """What a process knows that was just started."""
        return Books(self.matcher.engine, Catalogues(self.matcher.engine), agencies=self.matcher.books.agencies)

    async def archive(self, seed: int, subjects: int = 24) -> None:
        """Records of all sorts: in force, ended, tolerated, suspended, old; seats known, higher up, unknown."""
        draw = random.Random(seed)
        for n in range(subjects):
            org = f"PDY9{n:05d}"
            seat = draw.choice(SEATS)
            if seat:
                await self.matcher.take(registration(org, seat=seat))
            for k in range(draw.randint(1, 3)):
                await self._record(draw, org, f"执{n}-{k}")

    async def _record(self, draw: random.Random, org: str, number: str) -> None:
        decided = draw.choice(("2026-04-01", "2026-11-01"))
        said = {"catalogue": OLD, "document": {"number": number, "issuer": "某县某局", "decided_on": decided}}
        if draw.random() < 0.5:
            made = debtor(number, org, role="entry", **said)
        else:
            data: dict[str, Any] = {"penalty": {"offence": "虚假宣传", "content": "罚款"}}
            if draw.random() < 0.3:
                data["tolerance"] = {"ground": "slight", "text": "轻微"}
            made = fact("penalty.imposed", "penalty", org=org, number=number, data=data, **said)
        await self.matcher.take(made)
        fate = draw.random()
        if fate < 0.2:
            await self.matcher.take(objected(made, f"异{number}"))
        elif fate < 0.4 and made.item == "judgment-debtor":
            await self.matcher.take(removal(number, org, role="exit", catalogue=OLD))


def _row(said: dict[str, str]) -> Row:
    return said["record"], said["measure"], said["department"], said["agency"] or None


def row_of(found: Mapping[str, object]) -> Row:
    agency = found["agency"]
    return (
        str(found["record"]),
        str(found["measure"]),
        str(found["department"]),
        None if agency is None else str(agency),
    )


@pytest.fixture
async def turning(matcher: Matcher, hub: Hub) -> AsyncGenerator[Turning]:  # noqa: F811
    made = Turning(matcher, hub)
    for department in DEPARTMENTS:
        for division in ("130822", "130000") if department != "mnr" else ("130822",):
            await hub.write(
                "INSERT INTO gateway.agencies (id, department, division, name_zh, name_en, valid_from)"
                " VALUES ($1, $2, $3, '演示', 'demo', '2020-01-01')",
                f"{department}-{division}", department, division,
            )  # fmt: skip
    matcher.books.catalogues.known.clear()
    await matcher.books.run_once()
    await made.load(older())
    await made.sweep()
    yield made
    clock.set_ahead(timedelta(0))


def in_days(number: int) -> date:
    return clock.today() + timedelta(days=number)
