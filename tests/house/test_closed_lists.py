"""Understands the closed lists: what is named in one table is used, and nothing is used that the table lacks."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from credithub import metrics, topics
from credithub.crashpoints import POINTS
from tests.house.tree import parsed, python_files, text

pytestmark = pytest.mark.house

RUNNING = python_files("credithub", "services")


def crash_points() -> list[str]:
    """What calls of `crashpoint` name; a part only known when it runs is written as a star."""
    calls = (node for path in RUNNING for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    return [_pattern(call.args[0]) for call in calls if getattr(call.func, "id", "") == "crashpoint"]


def _pattern(argument: ast.expr) -> str:
    if isinstance(argument, ast.JoinedStr):
        return "".join(_pattern(part) for part in argument.values)
    return str(argument.value) if isinstance(argument, ast.Constant) else "*"


def test_every_crash_point_stands_in_the_code_and_in_the_list() -> None:
    used = crash_points()
    assert [name for name in POINTS if not any(fnmatchcase(name, pattern) for pattern in used)] == []
    assert [pattern for pattern in used if not any(fnmatchcase(name, pattern) for name in POINTS)] == []


def test_topics_are_named_in_their_table_alone() -> None:
    literal = re.compile(r"""(?<!b)["']credit\.(?:submissions|events|notifications|feedback|deliveries|commands)["']""")
    elsewhere = {str(p) for p in RUNNING if p.name != "topics.py" and literal.search(text(p))}
    assert not elsewhere


def test_every_topic_has_a_payload_and_a_key() -> None:
    for topic in (*topics.HUB_TOPICS.values(), *topics.agency_topics("mnr-130822")):
        assert topic.payload
        assert topic.key
        assert re.fullmatch(r"credit\.[a-z0-9.-]+", topic.name)


def test_every_metric_carries_its_unit_or_is_a_count_and_is_used() -> None:
    lines = text(next(p for p in RUNNING if p.name == "metrics.py" and p.parts[0] == "credithub")).splitlines()
    names = [name for name in vars(metrics) if name.isupper() and name != "REGISTRY"]
    for name in names:
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{name} ="))
        assert lines[at - 1].startswith("#"), f"{name} has no comment that says why it exists"
    used = {name for name in names for p in RUNNING if p.name != "metrics.py" and re.search(rf"\b{name}\b", text(p))}
    assert set(names) == used


def test_every_variable_of_the_environment_stands_in_the_reference() -> None:
    known = set(re.findall(r"`(CREDITHUB_[A-Z_]+)`", text(Path("docs/reference/settings.md"))))
    read = {name for path in RUNNING for name in re.findall(r"CREDITHUB_[A-Z_]*[A-Z]", text(path))}
    assert read <= known
