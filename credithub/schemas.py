"""Understands the public contract: the only door to the JSON Schemas that are shipped beside the program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import jsonschema_rs
import orjson

from credithub.domain.reasons import Reason
from credithub.domain.tables import SHIPPED

JsonObject: TypeAlias = dict[str, Any]

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
CODES = {
    "required": "required-missing",
    "minLength": "required-missing",
    "type": "type-wrong",
    "additionalProperties": "field-unknown",
    "maxLength": "too-long",
    "enum": "enumeration-unknown",
    "const": "enumeration-unknown",
    "pattern": "form-wrong",
    "format": "form-wrong",
}


def schemas_dir(root: Path | None = None) -> Path:
    """Where the schemas are: `root` (Settings.schemas) or, in a checkout and in a wheel alike, beside the package."""
    return root or SHIPPED


@cache
def kinds(root: Path | None = None) -> tuple[str, ...]:
    """Every event kind that has a schema."""
    return tuple(sorted(path.parent.name for path in schemas_dir(root).glob("events/*/v1.json")))


def schema(kind: str, root: Path | None = None) -> JsonObject:
    """The schema of an event kind's `data`, whole: references are replaced by what they name. Not to be changed."""
    return document(f"events/{kind}/v1.json", root)


def validator(kind: str, root: Path | None = None) -> jsonschema_rs.Draft202012Validator:
    """The compiled schema of an event kind's `data`."""
    return validator_of(f"events/{kind}/v1.json", root)


def faults(kind: str, data: object, root: Path | None = None) -> list[Reason]:
    """Every way in which `data` breaks the kind's schema, as reasons: field and code, never the value."""
    return faults_of(f"events/{kind}/v1.json", data, root)


@cache
def document(path: str, root: Path | None = None) -> JsonObject:
    """Any schema by its path below the schemas' folder, references replaced. Not to be changed."""
    file = schemas_dir(root) / path
    whole = _resolved(orjson.loads(file.read_bytes()), file)
    assert _is_object(whole)
    return whole


@cache
def validator_of(path: str, root: Path | None = None) -> jsonschema_rs.Draft202012Validator:
    """Any schema by its path, compiled. Formats (date, date-time, uri) are checked."""
    return jsonschema_rs.Draft202012Validator(document(path, root), validate_formats=True)


def faults_of(path: str, data: object, root: Path | None = None) -> list[Reason]:
    """The same, by the schema's path below the schemas' folder."""
    compiled = validator_of(path, root)
    if compiled.is_valid(data):
        return []
    return list(dict.fromkeys(_reasons(compiled.iter_errors(data), document(path, root))))


def _resolved(node: Any, file: Path) -> Any:
    if _is_array(node):
        return [_resolved(part, file) for part in node]
    if not _is_object(node):
        return node
    if "$ref" not in node:
        return {name: _resolved(part, file) for name, part in node.items()}
    return _named(node["$ref"], file) | {name: _resolved(part, file) for name, part in node.items() if name != "$ref"}


def _named(reference: str, file: Path) -> JsonObject:
    """What `path#/pointer` names, seen from the file in which it stands."""
    path, _, pointer = reference.partition("#/")
    target = (file.parent / path).resolve() if path else file
    node: Any = orjson.loads(target.read_bytes())
    for part in pointer.split("/") if pointer else ():
        node = node[part]
    return _resolved(node, target)


def _reasons(errors: Iterator[jsonschema_rs.ValidationError], whole: JsonObject) -> Iterator[Reason]:
    for error in errors:
        place = [str(part) for part in error.instance_path]
        code = _code(error, whole)
        for name in _names(error.kind):
            yield Reason(code=code, field=".".join([*place, *name]) or None)


def _names(kind: Any) -> list[list[str]]:
    """The members a fault is about, which the path to the faulty object does not name."""
    if kind.name == "required":
        return [[kind.property]]
    if kind.name == "additionalProperties":  # a name we do not know may hold anything, a person's number too
        return [[name if _PLAIN_KEY.fullmatch(name) else "?"] for name in kind.unexpected]
    return [[]]


def _code(error: jsonschema_rs.ValidationError, whole: JsonObject) -> str:
    """A schema says with `x-reason` what a value of the wrong form is called, or one that fits no alternative."""
    if error.kind.name in ("pattern", "format", "oneOf"):
        node: Any = whole
        for part in error.schema_path[:-1]:
            node = node[part]
        return node.get("x-reason", CODES.get(error.kind.name, "schema-violation"))
    return CODES.get(error.kind.name, "schema-violation")


def _is_object(node: Any) -> TypeGuard[JsonObject]:
    return isinstance(node, dict)


def _is_array(node: Any) -> TypeGuard[list[Any]]:
    return isinstance(node, list)
