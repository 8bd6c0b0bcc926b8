"""Understands `credithub restore`: a dump becomes the database again, and who is in doubt afterwards is named."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from credithub.cli.terminal import Terminal, of
from credithub.embedded import restore as keeping
from credithub.embedded.archive import look_into
from credithub.embedded.database import connected
from credithub.embedded.pgtools import Place
from credithub.embedded.reach import reach
from credithub.embedded.restore_report import AgencyInDoubt, Report
from credithub.embedded.restore_report import report as asked
from credithub.embedded.state import State

COLUMNS = ("agency", "name", "registered", "in_doubt", "known", "orphans", "obligations")
SHOWN = 3  # obligations of an agency that the table names; JSON has all


def restore(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="备份文件 / the backup", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不再询问 / do not ask")] = False,
    accept_gap: Annotated[
        bool, typer.Option("--accept-gap", help="接受 Kafka 已不再保存的部分 / accept what Kafka has no more")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="只看最近一次恢复的报告 / only the report of the last restore")
    ] = False,
) -> None:
    """停止服务后从备份恢复，并报告哪些单位可能持有未知事项 / restore a backup, name the agencies in doubt."""
    terminal = of(context)
    if file is None and not report:
        terminal.fail(terminal.text("restore_what"))
    if file is not None and not report:
        _restore(terminal, file.absolute(), yes=yes, accept_gap=accept_gap)
        return
    with reach(terminal.data) as reached:
        _show(terminal, asyncio.run(_report(reached.place)))


def _restore(terminal: Terminal, file: Path, *, yes: bool, accept_gap: bool) -> None:
    state = State.read(terminal.data)
    if state is not None and state.alive():
        terminal.fail(terminal.text("restore_up", pid=state.supervisor.pid))
    manifest = look_into(file)
    told = {"file": file, "made_at": manifest.made_at, "data": terminal.data}
    if not yes and not typer.confirm(terminal.text("restore_ask", **told), err=True):
        terminal.fail(terminal.text("restore_no"))
    with reach(terminal.data) as reached:
        work = keeping.restore(reached.settings, reached.place, file, terminal.data, accept_gap=accept_gap)
        epoch = asyncio.run(work)
        found = asyncio.run(_report(reached.place))
    terminal.say("restore_done", epoch=epoch, made_at=manifest.made_at)
    _show(terminal, found)


async def _report(place: Place) -> Report | None:
    async with connected(place) as connection:
        return await asked(connection)


def _show(terminal: Terminal, found: Report | None) -> None:
    if terminal.as_json:
        terminal.data_out(asdict(found) if found else None)
        return
    if found is None:
        terminal.say("restore_never")
        return
    terminal.say("restore_report", epoch=found.epoch, at=found.at, dumped_at=found.dumped_at)
    if found.caught_up_at is None:
        terminal.say("restore_behind", behind=found.behind)
    if not found.same_kafka or found.gap:
        terminal.say("restore_gap", gap=found.gap or "Kafka")
    terminal.table([_row(terminal, one) for one in found.agencies], COLUMNS)
    if found.orphans:
        terminal.say("restore_orphans", orphans=found.orphans)


def _row(terminal: Terminal, one: AgencyInDoubt) -> Mapping[str, object]:
    doubts = [doubt for doubt in one.doubts if doubt.now != "known"] or one.doubts
    named = [doubt.obligation for doubt in doubts[:SHOWN]]
    return {
        "agency": one.agency,
        "name": one.name_zh if terminal.lang == "zh" else one.name_en,
        "registered": terminal.text("yes" if one.registered else "no"),
        "in_doubt": one.count("unknown", "awaiting"),
        "known": one.count("known"),
        "orphans": one.count("orphan"),
        "obligations": [*named, *(["…"] if len(doubts) > SHOWN else [])],
    }
