"""Understands how a catalogue version becomes binding, at the terminal: proposed, consulted, approved, foretold."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from credithub.cli.gateway import Gateway, GatewayRefused
from credithub.domain.catalogue import Catalogue, CatalogueUnreadable, from_json, load
from credithub.domain.catalogue.change import differences

out = Console(soft_wrap=True, highlight=False)
DAY = ["%Y-%m-%d"]
WHAT = {"added": ("green", "新增 added"), "removed": ("red", "删除 removed"), "changed": ("yellow", "变更 changed")}

Version = Annotated[str, typer.Argument(help="目录版本 · catalogue version")]
Url = Annotated[str, typer.Option(envvar="CREDITHUB_URL", help="网关地址 · the gateway")]
Key = Annotated[str, typer.Option(envvar="CREDITHUB_KEY", help="运维密钥 · an operator's key", show_envvar=True)]
Ca = Annotated[Path | None, typer.Option(help="网关证书的签发机构 · who signed the gateway's certificate")]
Why = Annotated[str, typer.Option("--why", help="理由 · why")]
LOCAL = "http://127.0.0.1:8010"


def add_to(app: typer.Typer) -> None:
    """These commands belong to `credithub catalogue`."""
    for name, command in (
        ("propose", propose),
        ("consult", consult),
        ("approve", approve),
        ("reject", reject),
        ("preview", preview),
        ("diff", diff),
    ):
        app.command(name)(command)


def propose(
    path: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="目录版本所在文件夹 · a version's folder")],
    *,
    url: Url = LOCAL,
    key: Key,
    ca: Ca = None,
    effective_from: Annotated[
        datetime | None, typer.Option(formats=DAY, help="生效日期，缺省为版本自带 · default: the version's own")
    ] = None,
    why: Why = "",
) -> None:
    """提出一个目录版本 · Propose a catalogue version."""
    catalogue = _read(path)
    day = effective_from.date() if effective_from else catalogue.effective_from
    body = {"content": catalogue.to_json(), "effective_from": day.isoformat(), "reason": why}
    told = _asked(lambda: Gateway(url=url, key=key, ca=ca).post("/v1/catalogues/proposals", body))
    _state(told)
    if told["changes_criteria"]:
        out.print("名单认定标准有变更，征求意见期限较长 · list criteria change: a longer public comment is asked for")


def consult(
    version: Version,
    *,
    first: Annotated[datetime, typer.Option("--from", formats=DAY, help="起始日 · first day")],
    last: Annotated[datetime, typer.Option("--to", formats=DAY, help="截止日 · last day")],
    url: Url = LOCAL,
    key: Key,
    ca: Ca = None,
    why: Why = "",
) -> None:
    """公开征求意见 · Put it to the public."""
    body = {"from": first.date().isoformat(), "to": last.date().isoformat(), "reason": why}
    _state(_asked(lambda: Gateway(url=url, key=key, ca=ca).post(_path(version, "consult"), body)))


def approve(version: Version, *, url: Url = LOCAL, key: Key, ca: Ca = None, why: Why = "") -> None:
    """批准（须由提出人以外的人） · Approve; by another person than proposed it."""
    _state(_asked(lambda: Gateway(url=url, key=key, ca=ca).post(_path(version, "approve"), {"reason": why})))


def reject(
    version: Version,
    *,
    why: Annotated[str, typer.Option("--why", help="理由 · why")],
    url: Url = LOCAL,
    key: Key,
    ca: Ca = None,
) -> None:
    """否决；提出人本人为撤回 · Reject; by its proposer: withdraw."""
    _state(_asked(lambda: Gateway(url=url, key=key, ca=ca).post(_path(version, "reject"), {"reason": why})))


def preview(
    version: Version,
    *,
    url: Url = LOCAL,
    key: Key,
    ca: Ca = None,
    csv: Annotated[
        Path | None, typer.Option(dir_okay=False, help="全部明细写入此文件 · every row into this file")
    ] = None,
) -> None:
    """预演：该版本生效时将终止与新增的任务 · What it would end and make, before it is in force."""
    gateway, path = Gateway(url=url, key=key, ca=ca), f"/v1/catalogues/{quote(version, safe='')}/preview"
    told = _asked(lambda: gateway.get(path))
    out.print(f"[bold]{escape(told['version'])}[/] {told['on']}; 对照 compared with {told['compared_with'] or '-'}")
    _pairs("终止 ends", told["ends"], "because")
    makes = (
        "若及于已生效记录将新增 would make, did it reach records in force"
        if told["makes"]["hypothetical"]
        else "新增 makes"
    )
    _pairs(makes, told["makes"], "unrouted")
    if csv is not None:
        size = _asked(lambda: gateway.save(f"{path}?format=csv", csv))
        out.print(f"[green]✓[/] {escape(str(csv))}: {size} 字节 bytes")


def diff(
    older: Annotated[str, typer.Argument(help="文件夹或版本 · a folder or a version")],
    newer: Annotated[str, typer.Argument(help="文件夹或版本 · a folder or a version")],
    *,
    url: Url = LOCAL,
    key: Annotated[str, typer.Option(envvar="CREDITHUB_KEY", help="运维密钥 · an operator's key")] = "",
    ca: Ca = None,
) -> None:
    """逐条比较两个版本 · Compare two versions row by row."""
    gateway = Gateway(url=url, key=key, ca=ca)
    found = list(differences(_either(older, gateway), _either(newer, gateway)))
    table = Table("文件 part", "条目 row", "", "字段 fields")
    for each in found:
        colour, said = WHAT[each.what]
        table.add_row(each.part, escape(each.name), f"[{colour}]{said}[/]", ", ".join(each.fields))
    out.print(table)
    out.print(f"{len(found)} 条不同 · rows differ")


def _path(version: str, step: str) -> str:
    return f"/v1/catalogues/proposals/{quote(version, safe='')}/{step}"


def _asked(asking: Any) -> Any:
    """What the hub answers; a refusal ends the command in the hub's words."""
    try:
        return asking()
    except GatewayRefused as refused:
        out.print(f"[red]✗[/] {escape(str(refused))}")
        raise typer.Exit(1) from None


def _state(told: dict[str, Any]) -> None:
    consulted = f"; {told['consult_from']} … {told['consult_to']}" if told.get("consult_to") else ""
    out.print(
        f"[green]✓[/] {escape(told['version'])}: {told['state']}, {told['effective_from']} 起生效 effective{consulted}"
    )


def _pairs(title: str, told: dict[str, Any], last: str) -> None:
    table = Table(
        "信息项 item", "措施 measure", "部门 department", "数量 number", last, title=f"{title}: {told['total']}"
    )
    for each in told["pairs"]:
        cells = (each["item"], each["measure"], each["department"], each["number"], each[last])
        table.add_row(*(escape(str(cell)) for cell in cells))
    out.print(table)


def _read(folder: Path) -> Catalogue:
    try:
        return load(folder)
    except CatalogueUnreadable as unreadable:
        for each in unreadable.problems:
            out.print(f"  {each.file} {escape(each.id)} [bold]{each.code}[/] {escape(each.explain('zh'))}")
        raise typer.Exit(1) from None


def _either(name: str, gateway: Gateway) -> Catalogue:
    """A folder here, or a version in the hub, loaded or proposed."""
    if Path(name).is_dir():
        return _read(Path(name))
    version = quote(name, safe="")
    try:
        return from_json(gateway.get(f"/v1/catalogues/{version}")["content"])
    except GatewayRefused:
        return from_json(_asked(lambda: gateway.get(f"/v1/catalogues/proposals/{version}"))["content"])
