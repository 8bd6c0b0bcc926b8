"""Understands `credithub agency …` and `credithub key …`: the registry, through the operators' API."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from credithub.cli.api import Answer, call, quoted, rows
from credithub.cli.terminal import Terminal, cell, of

agency = typer.Typer(no_args_is_help=True, help="部门：接入、列出、撤销 / agencies: add, list, revoke")
key = typer.Typer(no_args_is_help=True, help="密钥：新建、列出、轮换、停用 / keys: create, list, rotate, disable")

AGENCY_COLUMNS = ("id", "department", "division", "name_zh", "channels", "valid_from", "valid_to", "demo")
KEY_COLUMNS = ("id", "prefix", "roles", "agency", "items", "created_at", "expires_at", "disabled_at")


@agency.command("add")
def agency_add(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="部门代码-行政区划，如 mnr-130822 / department-division")],
    name_zh: Annotated[str, typer.Option(help="中文名 / name in Chinese")] = "",
    name_en: Annotated[str, typer.Option(help="英文名 / name in English")] = "",
    channel: Annotated[list[str] | None, typer.Option(help="kafka, pull；可重复 / may be given twice")] = None,
    superior: Annotated[str, typer.Option(help="上级部门 / superior agency")] = "",
    kind: Annotated[str, typer.Option(help="agency | partner")] = "agency",
    demo: Annotated[bool, typer.Option(help="演示 / for demonstration")] = False,
) -> None:
    """接入一个部门，给出其主题与口令 / bring an agency in: its topics, user and password."""
    terminal = of(context)
    department, _, division = id_.rpartition("-")
    body: dict[str, object] = {
        "id": id_,
        "department": department,
        "division": division,
        "name_zh": name_zh or id_,
        "name_en": name_en or id_,
        "channels": channel or ["kafka", "pull"],
        "kind": kind,
        "demo": demo,
    }
    if superior:
        body["superior"] = superior
    _show(terminal, call(terminal, "POST", "/v1/agencies", body))


@agency.command("list")
def agency_list(context: typer.Context) -> None:
    """列出部门 / list them."""
    terminal = of(context)
    terminal.table(rows(call(terminal, "GET", "/v1/agencies"), "agencies"), AGENCY_COLUMNS)


@agency.command("revoke")
def agency_revoke(context: typer.Context, id_: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """撤销：一分钟内其连接全部结束 / its connections end within a minute."""
    terminal = of(context)
    _show(terminal, call(terminal, "DELETE", f"/v1/agencies/{quoted(id_)}"))


@key.command("create")
def key_create(
    context: typer.Context,
    role: Annotated[list[str], typer.Option(help="supplier | agency | operator | auditor")],
    agency_id: Annotated[str, typer.Option("--agency", help="所属部门 / whose")] = "",
    item: Annotated[list[str] | None, typer.Option(help="可报送的事项 / items it may report")] = None,
    source: Annotated[list[str] | None, typer.Option(help="可用的来源 / sources it may use")] = None,
    label: Annotated[str, typer.Option(help="备注 / remark")] = "",
) -> None:
    """新建密钥，只显示一次 / a new key, shown once."""
    terminal = of(context)
    body: dict[str, object] = {"roles": role, "items": item or [], "sources": source or [], "label": label}
    if agency_id:
        body["agency"] = agency_id
    _show(terminal, call(terminal, "POST", "/v1/keys", body))


@key.command("list")
def key_list(context: typer.Context) -> None:
    """列出密钥（不含密文） / list them, without the secrets."""
    terminal = of(context)
    terminal.table(rows(call(terminal, "GET", "/v1/keys"), "keys"), KEY_COLUMNS)


@key.command("rotate")
def key_rotate(context: typer.Context, id_: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """换发：新旧密钥有一段重叠期 / a new one; the old one still works for a while."""
    terminal = of(context)
    _show(terminal, call(terminal, "POST", f"/v1/keys/{quoted(id_)}/rotate"))


@key.command("disable")
def key_disable(context: typer.Context, id_: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """立即停用 / at once."""
    terminal = of(context)
    _show(terminal, call(terminal, "POST", f"/v1/keys/{quoted(id_)}/disable"))


def _show(terminal: Terminal, answer: Answer) -> None:
    """An answer with secrets goes to stdout whole, with a warning beside it on stderr."""
    if answer.content is None:
        terminal.say("done")
    elif terminal.as_json or not isinstance(answer.content, dict):
        terminal.data_out(answer.content)
    else:
        content = cast("dict[str, Any]", answer.content)
        if "secret" in content or "secret" in str(content.get("key", "")):
            terminal.say("only_now")
        for name, value in _flat(content):
            terminal.out.print(f"{name:<24} {cell(value)}", markup=False)
    raise typer.Exit(answer.exit_code)


def _flat(content: dict[str, Any], before: str = "") -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for name, value in content.items():
        nested = cast("dict[str, Any]", value) if isinstance(value, dict) else None
        flat += [(before + name, value)] if nested is None else _flat(nested, f"{before}{name}.")
    return flat
