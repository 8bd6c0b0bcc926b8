"""Understands `credithub objection|repair|accounting|holding`: what is under way about records, through the operators' API."""

from __future__ import annotations

import urllib.parse
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from credithub.cli.api import Answer, call, download, quoted, rows
from credithub.cli.terminal import Terminal, cell, of

objection = typer.Typer(no_args_is_help=True, help="异议：列出、查看 / objections: list, show")
repair = typer.Typer(no_args_is_help=True, help="信用修复：列出、查看 / applications for repair: list, show")

OBJECTION_COLUMNS = ("objection", "record", "name", "state", "opened_at", "determining", "next", "late")
REPAIR_COLUMNS = ("repair", "record", "name", "state", "applied_at", "determining", "next", "late")
HOLDING_COLUMNS = ("agency", "name_zh", "number", "lifting", "suspended", "hours", "reminded")

State = Annotated[str, typer.Option(help="状态 / state")]
Mine = Annotated[str, typer.Option(help="to-verify | to-decide | late")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="编号 / number")]
Subject = Annotated[str, typer.Option(help="主体的任一代码 / any code of the subject")]


@objection.command("list")
def objection_list(context: typer.Context, state: State = "", mine: Mine = "", subject: Subject = "") -> None:
    """列出异议，含下一步与期限 / list them, with what must be done next and until when."""
    _list(of(context), "objections", OBJECTION_COLUMNS, {"state": state, "mine": mine, "subject": subject})


@objection.command("show")
def objection_show(context: typer.Context, number: Number, subject: Subject = "") -> None:
    """一件异议办到哪一步 / where one stands."""
    _one(of(context), "objections", number, subject)


@repair.command("list")
def repair_list(context: typer.Context, state: State = "", mine: Mine = "", subject: Subject = "") -> None:
    """列出修复申请，含下一步与期限 / list applications, with what must be done next and until when."""
    _list(of(context), "repairs", REPAIR_COLUMNS, {"state": state, "mine": mine, "subject": subject})


@repair.command("show")
def repair_show(context: typer.Context, number: Number, subject: Subject = "") -> None:
    """一件修复申请办到哪一步 / where one stands."""
    _one(of(context), "repairs", number, subject)


def accounting(
    context: typer.Context,
    by: Annotated[
        str, typer.Option(help="department, region, measure, month … 逗号分隔 / comma-separated")
    ] = "department",
    since: Annotated[str, typer.Option("--from", help="首日 / first day, YYYY-MM-DD")] = "",
    until: Annotated[str, typer.Option("--to", help="末日 / last day, YYYY-MM-DD")] = "",
    violations: Annotated[bool, typer.Option(help="四类违规 / the four violations")] = False,
    csv: Annotated[Path | None, typer.Option(help="写入 CSV 文件 / write a CSV file")] = None,
) -> None:
    """统计：触发、送达、执行、解除与用时 / what became of what was triggered, and how long it took."""
    terminal, part = of(context), "violations" if violations else "figures"
    asked = {"by": by, "from": since, "to": until}
    if csv is not None:
        content = download(terminal, _address("/v1/accounting", {**asked, "format": "csv", "part": part}))
        csv.write_bytes(content)
        terminal.say("written", file=csv)
        return
    found = rows(call(terminal, "GET", _address("/v1/accounting", asked)), part)
    terminal.table(found, tuple(found[0]) if found else (by,))


def holding(context: typer.Context) -> None:
    """仍在执行：哪些单位、几项、多少小时 / who still holds what has ended, how many and for how long."""
    terminal = of(context)
    content = cast("dict[str, Any]", call(terminal, "GET", "/v1/holding").content)
    if not content["known"]:
        terminal.say("holding_unknown")
    terminal.table(content["holding"] or [], HOLDING_COLUMNS)


def _list(terminal: Terminal, name: str, columns: tuple[str, ...], asked: dict[str, str]) -> None:
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = call(terminal, "GET", _address(f"/v1/{name}", {**asked, "after": after, "limit": "1000"}))
        found += rows(answer, name)
        after = answer.content["next"]
    terminal.table(found if terminal.as_json else [row | {"next": _steps(row)} for row in found], columns)


def _one(terminal: Terminal, name: str, number: str, subject: str) -> None:
    answer: Answer = call(terminal, "GET", _address(f"/v1/{name}/{quoted(number)}", {"subject": subject}))
    if terminal.as_json:
        terminal.data_out(answer.content)
        return
    content = cast("dict[str, Any]", answer.content)
    for key, value in {**content, "next": _steps(content)}.items():
        terminal.out.print(f"{key:<24} {cell(value)}", markup=False)


def _steps(row: dict[str, Any]) -> str:
    """Who must do what until when, in a few words."""
    steps = cast("list[dict[str, Any]]", row["next"])
    return "; ".join(
        f"{step['who']} {step['what']} {step['due_on'] or ''}{' !' if step['late'] else ''}".strip() for step in steps
    )


def _address(path: str, asked: dict[str, str]) -> str:
    query = urllib.parse.urlencode({name: value for name, value in asked.items() if value})
    return f"{path}?{query}" if query else path
