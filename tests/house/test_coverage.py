"""Understands docs/coverage.md and docs/races.md: what they call proven is, and the other way round."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.house.tree import ROOT

ROW = re.compile(r"^\| (R\d{3}) \| (.+?) \| (\w+) \| (.+?) \|$", re.MULTILINE)
TEXT = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROWS = [match.groups() for match in ROW.finditer(TEXT)]


def _marks(node: ast.AST) -> Iterator[str]:
    """The rows named by `pytest.mark.requirement(…)` anywhere in this piece of code."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "requirement":
            yield from (str(each.value) for each in call.args if isinstance(each, ast.Constant))


@cache
def carried() -> dict[str, set[str]]:
    """Row to the tests (`path::name`) that carry its number, by themselves or with their whole file."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path.name == "test_coverage.py":
            continue
        body = ast.parse(path.read_text(encoding="utf-8")).body
        of_file = [row for node in body if isinstance(node, ast.Assign) for row in _marks(node)]
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                for row in [*of_file, *(row for mark in node.decorator_list for row in _marks(mark))]:
                    found.setdefault(row, set()).add(f"{path.relative_to(ROOT).as_posix()}::{node.name}")
    return found


def test_every_row_stands_once_with_a_state_and_its_ground() -> None:
    numbers = [number for number, *_ in ROWS]
    assert len(numbers) > 150
    assert sorted(set(numbers)) == sorted(numbers)
    assert {state for _, _, state, _ in ROWS} == {"proven", "open", "refused"}
    assert all(words.strip() and ground.strip() for _, words, _, ground in ROWS)


def test_what_is_called_proven_names_a_test_that_carries_its_number() -> None:
    for number, _, state, ground in ROWS:
        if state == "proven":
            assert ground.strip("`") in carried().get(number, set()), f"{number}: {ground}"


def test_every_number_that_a_test_carries_is_called_proven() -> None:
    proven = {number for number, _, state, _ in ROWS if state == "proven"}
    assert set(carried()) - proven == set()


def test_rows_whose_proof_would_be_a_skipped_test_are_none() -> None:
    for number, _, state, ground in ROWS:
        if state == "proven":
            path, name = ground.strip("`").split("::")
            code = (ROOT / path).read_text(encoding="utf-8")
            before = code[: code.index(f"def {name}(")].rsplit("\n\n", 1)[-1]
            assert "skip" not in before, number
            assert "xfail" not in before, number


RACE = re.compile(r"^\| (\d+) \| .+ \| `(tests/.+)::(test_\w+)` \|$", re.MULTILINE)


def test_every_race_has_its_rule_and_a_test_that_is_there() -> None:
    races = RACE.findall((ROOT / "docs" / "races.md").read_text(encoding="utf-8"))
    assert [int(number) for number, *_ in races] == list(range(1, 37))
    for number, path, name in races:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), number


def test_every_number_of_a_race_in_the_code_is_on_the_page() -> None:
    named = re.compile(r"interleavings (\d+)")
    for folder in ("credithub", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            for number in named.findall(path.read_text(encoding="utf-8")):
                assert 1 <= int(number) <= 36, f"{path.name}: interleavings {number}"
