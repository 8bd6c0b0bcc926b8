"""Understands whether what the guides show would work: their events, their addresses, their commands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from credithub import schemas
from credithub.cli import main as command
from credithub.domain.codes import judge
from tests.house.test_docs import PAGES, code_blocks
from tests.house.tree import ROOT, text

GUIDES = tuple(
    page for page in PAGES if page.parts[:2] in {("docs", "zh"), ("docs", "en")} or page.parts[0] == "deploy"
)
ROUTES = "\n".join(text(path.relative_to(ROOT)) for path in (ROOT / "services/gateway/routes").glob("*.py"))
ADDRESSES = {re.sub(r"\{\w+(?::\w+)?\}", "*", route) for route in re.findall(r'"(/v1/[^"]*)"', ROUTES)}


def blocks(page: Path) -> str:
    return "\n".join(code_blocks(page))


@pytest.mark.parametrize("page", [Path("docs/zh/supplier.md"), Path("docs/en/supplier.md")], ids=str)
def test_the_sample_event_of_a_guide_is_valid(page: Path) -> None:
    (sample,) = re.findall(r"^```json\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)
    event = json.loads(sample)
    kind = event["type"].removeprefix("credithub.").removesuffix(".v1")
    assert schemas.faults(kind, event["data"]) == []
    verdict = judge("unified_code", event["data"]["subject"]["unified_code"])
    assert verdict.value == event["data"]["subject"]["unified_code"]


@pytest.mark.parametrize("page", [Path("docs/zh/agency.md"), Path("docs/en/agency.md")], ids=str)
def test_the_sample_answer_of_a_guide_is_valid(page: Path) -> None:
    (sample,) = re.findall(r"-d '(\{.*\})'", blocks(page))
    assert schemas.faults("obligation.feedback", {"obligation": "obl_x", **json.loads(sample)}) == []


@pytest.mark.parametrize("page", GUIDES, ids=str)
def test_every_address_of_a_guide_is_served(page: Path) -> None:
    for raw in re.findall(r"\$HUB(/[^\s\"?]+)", blocks(page)):
        address = re.sub(r"\$\w+", "*", raw)
        feed = re.sub(r"/feeds/[\w-]+/", "/feeds/*/", address)
        assert feed in ADDRESSES, f"{page}: {raw}"


@pytest.mark.parametrize("page", GUIDES, ids=str)
def test_every_command_of_a_guide_is_understood(page: Path) -> None:
    """Parsed by the command line itself, without being run."""
    for line in re.findall(r"^credithub (.+)$", blocks(page), re.MULTILINE):
        _parse(shlex.split(line))


def _parse(words: list[str]) -> None:
    """Raises a usage error where a command or an option is not known."""
    if not command.app.registered_commands:
        command.fill()
    found: Any = typer.main.get_command(command.app)
    rest = command.hoisted(words)
    while hasattr(found, "commands"):
        found = found.commands[rest.pop(0)]
    found.make_parser(found.context_class(found, info_name="credithub")).parse_args(rest)
