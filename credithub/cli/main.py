"""Understands the top of the `credithub` command: options for every command, and which commands there are."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from credithub.cli import life, registry, running
from credithub.cli.backup import backup
from credithub.cli.clock import clock
from credithub.cli.doctor import doctor
from credithub.cli.restore import restore
from credithub.cli.terminal import FAILED, Terminal
from credithub.cli.texts import language
from credithub.embedded.state import Context
from credithub.errors import CreditHubError

GLOBAL = {"--lang": 1, "--data": 1, "--url": 1, "--key": 1, "--json": 0}  # how many words follow
OWN = {
    "up",
    "down",
    "status",
    "doctor",
    "reset",
    "backup",
    "restore",
    "agency",
    "key",
    "clock",
    "objection",
    "repair",
    "accounting",
    "holding",
}  # after these, global options may stand anywhere
ROOMS = {"catalogue": "credithub.cli.catalogue", "receipt": "credithub.cli.receipt", "server": "credithub.cli.server"}
DEMO = "credithub.demo.command"  # `credithub run`, where the demonstration is installed

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="CreditHub 公共信用信息联动中枢 / public-credit event hub. "
    "退出码 / exit codes: 0 ok, 1 failed, 2 usage, 3 partially, 4 not allowed, 5 unreachable.",
)


@app.callback()
def top(
    context: typer.Context,
    lang: Annotated[str | None, typer.Option(help="zh | en")] = None,
    data: Annotated[Path, typer.Option(envvar="CREDITHUB_DATA", help="数据目录 / data folder")] = Path(".credithub"),
    url: Annotated[str, typer.Option(envvar="CREDITHUB_URL", help="另一个中枢 / another hub's address")] = "",
    key: Annotated[str, typer.Option(envvar="CREDITHUB_KEY", help="操作密钥 / operator key")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """Options that every command knows."""
    context.obj = Terminal(lang=language(lang), as_json=as_json, data=data.absolute(), url=url, key=key)
    known = Context.read(data) or Context(url="", key="")
    for name, value in (("CREDITHUB_URL", url or known.url), ("CREDITHUB_KEY", key or known.key)):
        if value:
            os.environ[name] = value  # the other rooms' commands find the hub here


def fill(words: Sequence[str] = ()) -> None:
    """Our own commands; other rooms' too, if they are there and `words` do not ask for one of ours. Once a process."""
    own = (running.up, running.down, running.status, doctor, running.reset, backup, restore)
    for command in (*own, life.accounting, life.holding):
        app.command()(command)
    app.add_typer(registry.agency, name="agency")
    app.add_typer(registry.key, name="key")
    app.add_typer(clock, name="clock")
    app.add_typer(life.objection, name="objection")
    app.add_typer(life.repair, name="repair")
    if OWN & set(words):
        return  # half a second of imports that nobody asked for
    for name, module in ROOMS.items():
        if importlib.util.find_spec(module):
            app.add_typer(importlib.import_module(module).app, name=name)
    if importlib.util.find_spec(DEMO):
        app.command("run")(importlib.import_module(DEMO).run)


def hoisted(words: list[str]) -> list[str]:
    """Global options typed after one of our commands are moved to the front."""
    if not OWN & set(words):
        return words
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(words)
    for word in waiting:
        name = word.split("=", 1)[0]
        if name in GLOBAL and word != "--":
            front.append(word)
            front += [next(waiting, "")] if GLOBAL[name] and "=" not in word else []
        else:
            rest.append(word)
    return [*front, *rest]


def main() -> None:
    """The installed command."""
    fill(sys.argv[1:])
    try:
        app(hoisted(sys.argv[1:]), prog_name="credithub")
    except CreditHubError as problem:
        sys.stderr.write(f"✗ {problem}\n")
        sys.exit(FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
