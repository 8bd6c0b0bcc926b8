"""Understands `credithub backup`: one file of one moment, and what has to be kept beside it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from credithub.cli.terminal import Terminal, of
from credithub.embedded import backup as keeping
from credithub.embedded.archive import Manifest
from credithub.embedded.reach import reach


def backup(
    context: typer.Context,
    to: Annotated[Path | None, typer.Option(help="写入何处；缺省在数据目录 backups 下 / where to write it")] = None,
) -> None:
    """备份数据库，服务可照常运行 / back the database up; the services may go on running."""
    terminal = of(context)
    file = (to or keeping.usual_name(terminal.data)).absolute()
    if file.exists():
        terminal.fail(terminal.text("backup_there", file=file))
    with reach(terminal.data) as reached:
        made = asyncio.run(keeping.backup(reached.settings, reached.place, file))
        secrets = Path(reached.settings.secrets_dir).absolute()
    if terminal.as_json:
        terminal.data_out({"file": str(file), **asdict(made), "not_in_it": [str(secrets)]})
        return
    _say(terminal, file, made, secrets)


def _say(terminal: Terminal, file: Path, made: Manifest, secrets: Path) -> None:
    size = f"{made.size / 1e6:.1f} MB"
    terminal.out.print(str(file), markup=False)
    terminal.say("backup_done", size=size, epoch=made.epoch, revision=made.revision, sha256=made.sha256)
    terminal.say("backup_without", secrets=secrets)
