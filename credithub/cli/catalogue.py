"""Understands `credithub catalogue`: check a catalogue, show what it says, load the first one into a running hub."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from credithub.cli import catalogue_versions
from credithub.cli.gateway import Gateway, GatewayRefused
from credithub.domain.catalogue import FILES, Catalogue, CatalogueUnreadable, Measure, Problem, check, load, versions
from credithub.domain.catalogue.layers import is_local
from credithub.domain.tables import SHIPPED
from credithub.settings import Settings

app = typer.Typer(
    help="目录与措施清单：核对、查看、提出、批准、预演 · The catalogue: check, show, propose, approve, preview.",
    no_args_is_help=True,
)
out = Console(soft_wrap=True, highlight=False)

Folder = Annotated[
    Path | None,
    typer.Argument(
        exists=True, file_okay=False, help="目录版本所在文件夹，缺省为随附版本 · a version's folder; the shipped one"
    ),
]


@app.command("check")
def check_command(path: Folder = None) -> None:
    """核对引用、依据与日期；有问题则以 1 退出 · Prove references, citations and dates; exit 1 on any fault."""
    sound = [_sound(folder) for folder in _folders(path)]
    if not all(sound):
        raise typer.Exit(1)


@app.command("show")
def show_command(
    name: Annotated[
        str | None, typer.Argument(help="信息项、措施或部门代码 · an item, a measure or a department")
    ] = None,
    path: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="目录版本文件夹 · a version's folder")
    ] = None,
) -> None:
    """显示目录，或其中一项 · Show the catalogue, or one entry of it."""
    catalogue = _read(_folders(path)[-1])
    _headline(catalogue)
    if name is None:
        _overview(catalogue)
    elif catalogue.item(name):
        _pairs(catalogue, name)
    elif found := catalogue.measure(name) or catalogue.department(name) or catalogue.period(name):
        out.print_json(orjson.dumps(found).decode())
    else:
        out.print(f"目录中没有 {escape(name)} · the catalogue has no {escape(name)}", style="red")
        raise typer.Exit(1)


@app.command("load")
def load_command(
    path: Folder = None,
    *,
    url: Annotated[str, typer.Option(envvar="CREDITHUB_URL", help="网关地址 · the gateway")] = "http://127.0.0.1:8010",
    key: Annotated[str, typer.Option(envvar="CREDITHUB_KEY", help="运维密钥 · an operator's key", show_envvar=True)],
    ca: Annotated[Path | None, typer.Option(help="网关证书的签发机构 · who signed the gateway's certificate")] = None,
    effective_from: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="生效日期，缺省为版本自带 · default: the version's own"),
    ] = None,
) -> None:
    """核对后直接装入：首个版本，或开发模式 · Check, then load directly: the first version, or in development."""
    folder = _folders(path)[-1]
    if not _sound(folder):
        raise typer.Exit(1)
    catalogue = _read(folder)
    day = effective_from.date() if effective_from else catalogue.effective_from
    body = {"content": catalogue.to_json(), "effective_from": day.isoformat()}
    try:
        Gateway(url=url, key=key, ca=ca).post("/v1/catalogues", body)
    except GatewayRefused as refused:
        out.print(f"[red]✗[/] {escape(str(refused))}")
        raise typer.Exit(1) from None
    out.print(f"[green]✓[/] 已装入 {catalogue.version}，{day} 起生效 · loaded, effective from {day}")


catalogue_versions.add_to(app)


def _folders(path: Path | None) -> list[Path]:
    """The version itself, or all versions on a shelf."""
    shelf = path or (Settings.from_env().schemas or SHIPPED) / "catalogue"
    found = [shelf] if (shelf / FILES["manifest"]).exists() else versions(shelf)
    if not found:
        out.print(f"{escape(str(shelf))}: 没有目录版本 · no catalogue version here", style="red")
        raise typer.Exit(1)
    return found


def _read(folder: Path) -> Catalogue:
    try:
        return load(folder)
    except CatalogueUnreadable as unreadable:
        _tell(folder, unreadable.problems)
        raise typer.Exit(1) from None


def _sound(folder: Path) -> bool:
    try:
        catalogue = load(folder)
        problems = check(catalogue, _national(catalogue))
    except CatalogueUnreadable as unreadable:
        _tell(folder, unreadable.problems)
        return False
    if problems:
        _tell(folder, problems)
        return False
    executable = sum(measure.executable for measure in catalogue.measures)
    out.print(
        f"[green]✓[/] {catalogue.version}: 核对无误 · sound: "
        f"{len(catalogue.items)} 信息项 items, {len(catalogue.departments)} 部门 departments, "
        f"{len(catalogue.measures)} 措施 measures ({executable} 可执行 executable)"
    )
    return True


def _national(catalogue: Catalogue) -> Catalogue | None:
    """What a local version is added to when it is checked here: the newest national one that is shipped."""
    if not is_local(catalogue):
        return None
    shelf = [load(folder) for folder in versions((Settings.from_env().schemas or SHIPPED) / "catalogue")]
    return next((each for each in reversed(shelf) if not is_local(each)), None)


def _tell(folder: Path, problems: list[Problem] | tuple[Problem, ...]) -> None:
    out.print(f"[red]✗[/] {escape(str(folder))}: {len(problems)} 个问题 · problems")
    for each in problems:
        out.print(f"  {each.file} {escape(each.id)} [bold]{each.code}[/]")
        out.print(f"    {escape(each.explain('zh'))}\n    {escape(each.explain('en'))}")


def _headline(catalogue: Catalogue) -> None:
    manifest = catalogue.content.manifest
    mark = " [black on yellow] 示例 illustrative [/]" if catalogue.illustrative else ""
    out.print(f"[bold]{escape(manifest.name_zh)} · {escape(manifest.name_en)}[/] {manifest.version}{mark}")
    out.print(f"{manifest.effective_from} 起生效 · effective from; {catalogue.digest[:16]}")
    out.print(f"工作日历至 · working days known to {catalogue.calendar.known_until}")


def _overview(catalogue: Catalogue) -> None:
    table = Table("代码 code", "信息项 item", "报送部门 owners", "触发 triggers")
    for item in catalogue.items:
        pairs = catalogue.measures_for(item.code)
        table.add_row(
            item.code,
            f"{item.name_zh}\n{item.name_en}",
            str(len(item.owners)),
            f"{len(pairs)} 项 pairs" if pairs else "-",
        )
    out.print(table)


def _pairs(catalogue: Catalogue, item: str) -> None:
    """Each measure on a line, its departments below it."""
    pairs = catalogue.measures_for(item)
    for measure in dict.fromkeys(measure for measure, _ in pairs):
        names = [_named(catalogue, department) for asked, department in pairs if asked is measure]
        what = f"{escape(measure.name_zh)} · {measure.binding} · {_due(measure)} · {_clause(measure)}"
        out.print(f"[bold]{measure.id}[/] {what}")
        out.print(f"       {', '.join(names)}")
    out.print(f"{len(pairs)} 组 · pairs")


def _named(catalogue: Catalogue, code: str) -> str:
    department = catalogue.department(code)
    return f"{department.name_zh} {code}" if department else code


def _due(measure: Measure) -> str:
    if measure.due_working_days is None:
        return "无时限 no due date"
    mark = "（未核实 unconfirmed）" if "due_working_days" in measure.unconfirmed else ""
    return f"{measure.due_working_days} 工作日 working days{mark}"


def _clause(measure: Measure) -> str:
    return escape(f"{measure.citation.document} {measure.citation.clause}") if measure.citation else "-"
