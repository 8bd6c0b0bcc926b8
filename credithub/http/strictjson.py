"""Understands JSON that every later reader will take the same way: the only door for a body from outside.

orjson is strict in syntax, UTF-8, surrogates and infinities. What it lets through is judged here: a key given twice,
NUL, numbers that a double cannot hold exactly, and size in every direction (reliability P19, 4.7).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, cast

import orjson

Node: TypeAlias = Any
Place: TypeAlias = tuple[str | int, ...]

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # also an unclosed one: never goes back
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLimits:
    """How big a body may be in each direction. `number` is the largest magnitude, exact in a double (RFC 7493)."""

    size: int = 10 * 1024 * 1024  # bytes
    depth: int = 32
    string: int = 64 * 1024  # characters, keys included
    keys: int = 1_000  # of one object
    values: int = 200_000  # of the whole body: bounds memory before anything is built
    number: int = 2**53 - 1


LIMITS = JsonLimits()


class BadJson(Exception):
    """A body, or one entry of it, is refused: `code` is in REASONS, `where` never repeats a value."""

    def __init__(self, code: str, where: str) -> None:
        super().__init__(f"{code} at {where}")
        self.code = code
        self.where = where


def loads(raw: bytes, limits: JsonLimits = LIMITS) -> Node:
    """The value, or BadJson with the first fault and its place."""
    root = _parse(raw, limits)
    if not _sound(raw, root, limits):
        fault = _first_fault(_with_doubles(raw, root), (), limits)
        if fault is not None:
            raise fault
    return root


def loads_many(raw: bytes, limits: JsonLimits = LIMITS) -> list[Node | BadJson]:
    """The elements of an array, each with its own fault; BadJson only for what spoils the whole body."""
    root = _parse(raw, limits)
    if type(root) is not list:
        raise BadJson("json-not-an-array", "/")
    entries = cast("list[Node]", root)
    if _sound(raw, entries, limits):
        return entries
    marked = _with_doubles(raw, entries)
    return [_first_fault(twin, (index,), limits) or twin for index, twin in enumerate(marked)]


def _parse(raw: bytes, limits: JsonLimits) -> Node:
    if len(raw) > limits.size:
        raise BadJson("json-too-large", "/")
    if len(raw) > limits.values and _commas_and_brackets(raw) > limits.values:
        _count_values(raw, limits)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadJson(_code_of(error, raw), f"{error.lineno}:{error.colno}") from None


def _count_values(raw: bytes, limits: JsonLimits) -> None:
    """Counts again with the text inside strings left out; about what is left a supplier can do something."""
    if _commas_and_brackets(_STRING.sub(b"", raw)) > limits.values:
        raise BadJson("json-too-many-values", "/")


def _commas_and_brackets(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"{") + raw.count(b"[")


def _code_of(error: orjson.JSONDecodeError, raw: bytes) -> str:
    if "UTF-8" in error.msg or b"\0" in raw[:4]:  # UTF-16 and -32 of anything Latin begin with a NUL byte
        return "json-not-utf8"
    if "surrogate" in error.msg:
        return "json-surrogate"
    if "depth" in error.msg:
        return "json-too-deep"
    at = raw.decode(errors="replace")[error.pos :].lstrip("-")
    if "infinity" in error.msg or at.startswith(("NaN", "Infinity")):
        return "json-number"
    return "json-syntax"


def _sound(raw: bytes, root: Node, limits: JsonLimits) -> bool:
    """Whether nothing is wrong for certain; False asks for the slow look, which may still find nothing.

    Doubled keys: orjson keeps the last, so its text written out again has fewer colons than the body had. Colons
    inside strings count alike on both sides, unless one was written as an escape.
    """
    if b"\\u00" in raw and (b"\\u0000" in raw or b"\\u003" in raw):
        return False
    if not _within(root, limits, len(raw) > limits.string):
        return False
    return raw.count(b":") == orjson.dumps(root).count(b":")


def _within(root: Node, limits: JsonLimits, long: bool) -> bool:  # noqa: C901  the one hot loop: 40 ns a value
    """Walks level by level; a False may be about nothing, a True never is."""
    number, string, keys = limits.number, limits.string, limits.keys
    level: list[Node] = [root]
    for _ in range(limits.depth):
        below: list[Node] = []
        for node in level:
            kind = node.__class__
            if kind is dict:
                if len(node) > keys or (long and node and max(map(len, node)) > string):
                    return False
                below += node.values()
            elif kind is list:
                below += node
            elif kind is str:
                if len(node) > string:
                    return False
            elif (kind is int or kind is float) and not -number <= node <= number:
                return False
        if not below:
            return True
        level = below
    return False


class _Doubled(dict[str, Node]):
    """An object in which a key came twice."""


def _with_doubles(raw: bytes, root: Node) -> Node:
    """The same value with such objects marked, unless it is too deep to be read that way."""
    try:
        return json.loads(raw, object_pairs_hook=_mark)
    except RecursionError:
        return root


def _mark(pairs: list[tuple[str, Node]]) -> dict[str, Node]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else _Doubled(plain)


def _first_fault(root: Node, place: Place, limits: JsonLimits) -> BadJson | None:
    for node, at in _walk(root, place):
        if code := _fault(node, len(at), limits):
            return BadJson(code, _pointer(at))
    return None


def _walk(root: Node, place: Place) -> Iterator[tuple[Node, Place]]:
    """Every value with its place, in the order of the text."""
    waiting: list[tuple[Node, Place]] = [(root, place)]
    while waiting:
        node, at = waiting.pop()
        yield node, at
        if _is_object(node):
            waiting += [(value, (*at, key)) for key, value in reversed(node.items())]
        elif _is_array(node):
            waiting += [(value, (*at, index)) for index, value in reversed(list(enumerate(node)))]


def _fault(node: Node, depth: int, limits: JsonLimits) -> str | None:
    if _is_object(node) or _is_array(node):
        return "json-too-deep" if depth >= limits.depth else _fault_of_keys(node, limits)
    if isinstance(node, str):
        return _fault_of_text(node, limits)
    if isinstance(node, (int, float)) and not -limits.number <= node <= limits.number:
        return "json-number"
    return None


def _fault_of_keys(node: Node, limits: JsonLimits) -> str | None:
    if not _is_object(node):
        return None
    if isinstance(node, _Doubled):
        return "json-duplicate-key"
    if len(node) > limits.keys:
        return "json-too-many-keys"
    return next((code for key in node if (code := _fault_of_text(key, limits))), None)


def _is_object(node: Node) -> TypeGuard[dict[str, Node]]:
    return isinstance(node, dict)


def _is_array(node: Node) -> TypeGuard[list[Node]]:
    return isinstance(node, list)


def _fault_of_text(text: str, limits: JsonLimits) -> str | None:
    if "\0" in text:
        return "json-nul"
    return "json-string-too-long" if len(text) > limits.string else None


def _pointer(place: Place) -> str:
    """A JSON pointer. A key that is not a plain word is shown as `?`: it may hold anything, a person's number too."""
    return "/" + "/".join(_shown(part) for part in place)


def _shown(part: str | int) -> str:
    return str(part) if isinstance(part, int) or _PLAIN_KEY.fullmatch(part) else "?"
