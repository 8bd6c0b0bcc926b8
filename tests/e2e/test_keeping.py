"""A data folder of the first revision, a backup while all runs, a day more, a restore: the whole of keeping by its commands."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from credithub.db import migrate
from credithub.demo.organisations import Organisation
from credithub.embedded.infra import Infra
from credithub.embedded.options import PORTS, Options
from credithub.embedded.ports import choose
from credithub.embedded.report import Silent
from credithub.embedded.stack import Stack
from tests.e2e import papers
from tests.harness.eventually import eventually_so
from tests.harness.ground import ROOT
from tests.harness.hub import Door, Holder, Hub

Version = tuple[int, int]
SEAT = "130822"
AGENCY, NEWCOMER = f"mnr-{SEAT}", f"mohurd-{SEAT}"


class Ears(Silent):
    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def done(self, part: str, detail: str, seconds: float) -> None:
        self.said[part] = detail


@pytest.fixture
def place() -> Generator[Path]:
    folder = ROOT / ".credithub" / "tests" / f"keeping-{os.getpid()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def of_the_first_revision(place: Path) -> None:
    """A data folder as it was before there was anything to keep, with an agency in it."""
    infra = Infra(place)
    infra.start_postgres(choose(0).port)
    try:
        asyncio.run(migrate.upgrade(infra.postgres.url("credithub_owner"), "0001"))
        asyncio.run(_old_agency(infra.postgres.url("credithub_owner").replace("+asyncpg", "")))
    finally:
        infra.postgres.stop()


async def _old_agency(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO gateway.agencies (id, department, division, name_zh, name_en, channels, valid_from)"
            " VALUES ('csrc-110000', 'csrc', '110000', '旧单位（演示）', 'an old agency', '{pull}', '2020-01-01')"
        )
    finally:
        await connection.close()


def started(place: Path, ears: Ears | None = None) -> Stack:
    stack = Stack(place, options=Options(ports=dict.fromkeys(PORTS, 0)), report=ears or Ears())
    stack.start()
    return stack


def command(place: Path, *words: str, ok: bool = True) -> Any:
    line = [sys.executable, "-m", "credithub.cli.main", "--data", str(place), "--json", "--lang", "en", *words]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return json.loads(done.stdout) if ok else done.stderr


class Desk:
    """An agency that pulls, keeps the highest version of each obligation, and begins again when it is told to."""

    def __init__(self, holder: Holder) -> None:
        self.holder, self.cursor = holder, ""
        self.newest: dict[str, tuple[Version, str]] = {}
        self.resyncs = 0

    def read(self) -> Mapping[str, tuple[Version, str]]:
        query = {"after": self.cursor} if self.cursor else {}
        if self.holder.call("GET", "/v1/notifications", query=query).status == 409:
            self.cursor, self.resyncs = "", self.resyncs + 1
        told, self.cursor = self.holder.pull(self.cursor)
        for each in (one["notification"] for one in told if one["kind"] != "void"):
            version = (each["epoch"], each["version"])
            if version > self.newest.get(each["obligation"], ((0, 0), ""))[0]:
                self.newest[each["obligation"]] = version, each["state"]
        return self.newest

    def states(self) -> set[str]:
        return {state for _, state in self.read().values()}


class Court:
    """Reports debtors, and the register beside it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.court = hub.supplier(f"spc-{SEAT}", "judgment-debtor")
        self.register = hub.supplier(f"aab-{SEAT}", "registration")

    def registered(self) -> Organisation:
        who = self.hub.organisation()
        event = self.register.event("subject.registered", papers.registration(who, SEAT), self.hub.id("registration"))
        assert self.register.states(event) == ["archived"]
        return who

    def listed(self, who: Organisation) -> None:
        listing = papers.listing(papers.subject(who), papers.case_number(who.number))
        assert self.court.states(self.court.event("judgment-debtor.listed", listing, self.hub.id("l"))) == ["archived"]

    def removed(self, who: Organisation) -> None:
        removal = papers.removal(papers.subject(who), papers.case_number(who.number))
        assert self.court.states(self.court.event("judgment-debtor.removed", removal, self.hub.id("r"))) == ["archived"]


@pytest.mark.requirement("R243")
@pytest.mark.timeout(300)
def test_a_folder_is_brought_up_backed_up_and_restored_and_nobody_keeps_what_has_ended(place: Path) -> None:
    of_the_first_revision(place)
    ears = Ears()
    stack = started(place, ears)
    try:
        assert ears.said["migrations"] == f"0001 → {migrate.revisions()[0]}"
        hub = Hub(Door(stack.context.url), Holder(Door(stack.context.url), stack.context.key), stack)
        assert "csrc-110000" in {one["id"] for one in hub.operator.get("/v1/agencies")["agencies"]}
        court, desk = Court(hub), Desk(hub.agency(AGENCY, "pull"))
        first = court.registered()
        court.listed(first)
        eventually_so(desk.read, within=30)
        made = command(place, "backup", "--to", str(place / "yesterday.tar"))
        assert (made["epoch"], made["revision"]) == (1, migrate.revisions()[0])
        assert str(place / "secrets") in made["not_in_it"]
        newcomer = Desk(hub.agency(NEWCOMER, "pull"))
        court.removed(first)
        second = court.registered()
        court.listed(second)
        eventually_so(desk.states, lambda states: states == {"lifted", "triggered"}, within=30)
        eventually_so(newcomer.read, within=30)
        before = dict(desk.newest)
        assert "down" in command(place, "restore", str(place / "yesterday.tar"), "--yes", ok=False)
    finally:
        stack.stop()
    told = command(place, "restore", str(place / "yesterday.tar"), "--yes")
    doubts = {one["agency"]: {each["obligation"] for each in one["doubts"]} for one in told["agencies"]}
    assert told["epoch"] == 2
    assert doubts == {AGENCY: set(before), NEWCOMER: set(newcomer.newest)}
    assert [one["registered"] for one in told["agencies"]] == [True, False]
    stack = started(place)
    try:
        desk.holder = Holder(Door(stack.context.url), desk.holder.key)
        eventually_so(desk.read, lambda newest: all(version[0] == 2 for version, _ in newest.values()), within=60)
        assert desk.resyncs
        assert {one: state for one, (_, state) in desk.newest.items()} == {o: s for o, (_, s) in before.items()}
        report = eventually_so(lambda: command(place, "restore", "--report"), lambda r: r["settled_at"], within=60)
        now = {one["agency"]: {each["now"] for each in one["doubts"]} for one in report["agencies"]}
        assert now == {AGENCY: {"known"}, NEWCOMER: {"orphan"}}
    finally:
        stack.stop()
