"""Understands what every module owes its reader: a first sentence, a name that says something, a size."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import parsed, python_files, text

pytestmark = pytest.mark.house

MODULES = python_files("credithub", "services", "bench", "tools", "tests", "deploy")
RUNNING = python_files("credithub", "services")
NOWHERE_NAMES = {"common", "utils", "util", "helpers", "helper", "base", "manager", "core", "misc", "lib", "shared"}
LONGEST_FILE = 350  # lines; we think at 250
LONGEST_FUNCTION = 52  # lines; we think at 30


FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, FUNCTION):
            yield node


def own_lines(function: ast.AST) -> int:
    """Without the functions that it holds, as the one that lays out routes does."""
    inner = [n for n in ast.walk(function) if n is not function and isinstance(n, FUNCTION)]
    return len(_lines(function) - {line for node in inner for line in _lines(node)})


def _lines(node: ast.AST) -> set[int]:
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    decorators = [d.lineno for d in getattr(node, "decorator_list", [])]
    return set(range(min([first, *decorators]), last + 1))


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_module_opens_with_what_it_understands_or_proves(path: Path) -> None:
    docstring = ast.get_docstring(parsed(path)) or ""
    first = docstring.split("\n\n")[0]
    assert first, f"{path} does not say what it is for"
    assert path.parts[0] == "tests" or first.startswith("Understands "), f"{path} opens with {first[:60]!r}"
    assert first.rstrip().endswith((".", "?", "!")), f"{path}: the first sentence of the docstring has no end"


def test_no_room_or_module_has_a_name_that_says_nothing() -> None:
    named = {path for path in MODULES for part in (*path.parts[:-1], path.stem) if part.lower() in NOWHERE_NAMES}
    assert not named


def test_no_module_outgrows_its_noun() -> None:
    long = {str(path): n for path in RUNNING if (n := len(text(path).splitlines())) > LONGEST_FILE}
    assert not long


def test_no_function_outgrows_a_screen() -> None:
    long = {
        f"{path}:{node.lineno} {node.name}": length
        for path in RUNNING
        for node in functions(path)
        if (length := own_lines(node)) > LONGEST_FUNCTION
    }
    assert not long


def test_everything_is_caught_only_where_processes_and_consumers_end() -> None:
    """`except Exception` hides bugs, unless it raises on under a better name."""
    ends = {"credithub/consumer.py", "credithub/service.py"}
    found = {
        str(path)
        for path in RUNNING
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises_on(node)
    }
    assert found <= ends


def _raises_on(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def _catches_all(handler: ast.ExceptHandler) -> bool:
    named = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(n is None or (isinstance(n, ast.Name) and n.id in {"Exception", "BaseException"}) for n in named)


def test_no_test_sleeps_is_skipped_or_mocks_our_code() -> None:
    """Waiting is `eventually`; a double is a fake with a test of its own."""
    wrong = ("time.sleep(", "pytest.skip(", "mark.skip", "mark.xfail", "unittest.mock", "MagicMock", "importorskip")
    here = Path("tests/house/test_modules.py")
    found = {f"{p}: {w}" for p in python_files("tests") if p != here for w in wrong if w in text(p)}
    assert not found


def test_test_names_are_sentences() -> None:
    short = {
        f"{path}: {node.name}"
        for path in python_files("tests")
        if path.name.startswith("test_")
        for node in functions(path)
        if node.name.startswith("test_") and node.name.count("_") < 3
    }
    assert not short
