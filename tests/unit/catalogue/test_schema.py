"""Understands that the published JSON Schemas and the shipped catalogue files agree."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import jsonschema_rs
import pytest

from credithub.domain.catalogue import FILES, content, rows, terms
from credithub.domain.catalogue.files import OPTIONAL
from tests.unit.catalogue.shelf import BENCH, EXAMPLES, SHELF, SHIPPED, shipped

SCHEMAS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (SHELF / "schema").glob("*.json")}
WHOLE = SCHEMAS["catalogue.json"]


def validator(name: str) -> jsonschema_rs.Validator:
    registry = jsonschema_rs.Registry([(f"json-schema:///{each}", schema) for each, schema in SCHEMAS.items()])
    return jsonschema_rs.validator_for(SCHEMAS[name], registry=registry)


@pytest.mark.parametrize("folder", [SHIPPED, BENCH], ids=lambda folder: folder.name)
@pytest.mark.parametrize("name", sorted(FILES.values()))
def test_every_shipped_file_fits_its_schema(folder: Path, name: str) -> None:
    if folder == BENCH and name in {FILES[key] for key in OPTIONAL}:
        assert not (folder / name).exists()  # a version of before these files is still read
        return
    validator(name).validate(json.loads((folder / name).read_text(encoding="utf-8")))


def test_the_whole_as_it_is_posted_fits_the_schema() -> None:
    validator("catalogue.json").validate(shipped().to_json())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_fits_its_schema(path: Path) -> None:
    validator("example.json").validate(json.loads(path.read_text(encoding="utf-8")))


def test_the_schema_refuses_free_text_and_uncited_measures() -> None:
    measures = validator("measures.json")
    executable = next(entry for entry in shipped().to_json()["measures"] if entry["executable"])
    measures.validate([executable])
    for change in ({"id": "从严处理"}, {"note": "随便写"}, {"departments": []}, {"binding": "perhaps"}):
        assert not measures.is_valid([{**executable, **change}])
    assert not measures.is_valid([{key: executable[key] for key in executable if key != "citation"}])


@pytest.mark.parametrize("name", sorted(WHOLE["$defs"]))
def test_the_schema_and_the_rows_name_the_same_fields(name: str) -> None:
    row = getattr(rows, name, None) or getattr(terms, name)
    assert set(WHOLE["$defs"][name]["properties"]) == {field.name for field in fields(row)}
    assert WHOLE["$defs"][name]["additionalProperties"] is False


def test_the_schema_and_the_folder_name_the_same_files() -> None:
    assert set(WHOLE["properties"]) == set(FILES) == {field.name for field in fields(content.Content)}
    assert set(SCHEMAS) == {*FILES.values(), "catalogue.json", "example.json"}
