"""Understands that the shipped schemas are sound and that every example is what its folder says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import jsonschema
import orjson
import pytest

from credithub import schemas
from credithub.domain.codes import judge
from credithub.domain.events import KINDS, Role
from credithub.domain.persons import contains_person_number
from credithub.domain.reasons import REASONS, Reason

pytestmark = pytest.mark.contract

ROOT = schemas.schemas_dir()
CONTRACTS = sorted(
    str(path.relative_to(ROOT))
    for room in ("events", "messages", "envelope")
    for path in (ROOT / room).rglob("v1.json")
)
ISSUE_KINDS = {  # those that the issues ask for; another one is another folder
    "licence.granted", "penalty.imposed", "judgment-debtor.listed", "judgment-debtor.removed",
    "subject.registered", "subject.changed", "subject.deregistered", "obligation.feedback",
    "record.corrected", "record.withdrawn", "record.annotated", "record.shielded", "record.unshielded", "record.deleted",
    "objection.opened", "objection.verified", "objection.closed", "repair.applied", "repair.decided",
    "list.notice-given", "list.entered", "list.removed",
    "subject.recoded", "subject.merged", "subject.split", "subject.link-reverted",
    "case.initiated", "case.scope-answered", "identity.confirmed",
}  # fmt: skip
ROLES = set(get_args(Role))


def _examples(folder: str) -> list[Any]:
    return [
        pytest.param(contract, path, id=f"{Path(contract).parent.name}/{path.stem}")
        for contract in CONTRACTS
        for path in sorted((ROOT / contract).parent.glob(f"examples/{folder}/*.json"))
    ]


def _faults(contract: str, data: object) -> set[tuple[str, str | None]]:
    found = schemas.faults_of(contract, data)
    return {(reason.code, reason.field) for reason in found}


@pytest.mark.parametrize(("contract", "path"), _examples("valid"))
def test_a_valid_example_is_valid(contract: str, path: Path) -> None:
    assert _faults(contract, orjson.loads(path.read_bytes())) == set()


@pytest.mark.parametrize(("contract", "path"), _examples("invalid"))
def test_an_invalid_example_fails_for_the_reason_it_names(contract: str, path: Path) -> None:
    example = orjson.loads(path.read_bytes())
    assert _faults(contract, example["data"]) == {(why["code"], why["field"]) for why in example["why"]}


@pytest.mark.parametrize(("contract", "path"), [*_examples("valid"), *_examples("invalid")])
def test_another_validator_agrees(contract: str, path: Path) -> None:
    whole, example = schemas.document(contract), orjson.loads(path.read_bytes())
    data = example["data"] if path.parent.name == "invalid" else example
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    other = jsonschema.Draft202012Validator(whole, format_checker=checker)
    assert other.is_valid(data) == (path.parent.name == "valid")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_schema_is_sound_and_has_examples_of_both_sorts(contract: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas.document(contract))
    for folder in ("valid", "invalid"):
        assert len(list((ROOT / contract).parent.glob(f"examples/{folder}/*.json"))) >= 2


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_field_is_named_in_chinese_and_english(contract: str) -> None:
    for name, node in _properties(schemas.document(contract)):
        assert re.search(r"[\u4e00-\u9fff].* / .*[A-Za-z]", node.get("title", "")) or "SHA-256" in node["title"], name


@pytest.mark.parametrize("contract", CONTRACTS)
def test_nothing_outside_the_schema_is_taken(contract: str) -> None:
    granted = {"measure", "subject", "record", "reason", "document", "data"}
    for name, node in [("", schemas.document(contract)), *_properties(schemas.document(contract))]:
        if "object" in node.get("type", ""):
            open_on_purpose = ("messages/" in contract and name in granted) or name == "data"
            assert node.get("additionalProperties") is False or open_on_purpose, name


def test_there_is_no_place_for_a_person() -> None:
    names = {name for kind in schemas.kinds() for name, _ in _properties(schemas.schema(kind))}
    assert not [n for n in names if re.search(r"person|citizen|representative|id_number|sex|age$|birth", n)]


@pytest.mark.requirement("R030")
def test_the_kinds_are_those_of_the_issue_and_a_schema_makes_a_kind() -> None:
    assert set(schemas.kinds()) == set(KINDS) >= ISSUE_KINDS
    for kind in schemas.kinds():
        schema = schemas.schema(kind)
        assert (schema["x-kind"], schema["x-type"]) == (kind, f"credithub.{kind}.v1")
        assert schema["x-role"] in ROLES
        assert schema["x-role"] == "answer" or schema["x-group"] in schema["properties"]
    types = schemas.document("envelope/v1.json")["properties"]["type"]["enum"]
    assert set(types) == {f"credithub.{kind}.v1" for kind in KINDS}


def test_every_reason_a_schema_can_give_is_explained() -> None:
    codes = set(schemas.CODES.values()) | {"schema-violation"}
    for contract in CONTRACTS:
        codes |= set(re.findall(r'"x-reason":\s*"([^"]+)"', orjson.dumps(schemas.document(contract)).decode()))
    assert [code for code in sorted(codes) if code not in REASONS] == []


@pytest.mark.parametrize(("contract", "path"), _examples("valid"))
def test_examples_are_synthetic_and_their_codes_are_right(contract: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not contains_person_number(text)
    for code in re.findall(r'code": "([0-9A-Z]{18})"', text):
        assert code[8:11] == "PDY", code
        assert judge("unified_code", code).value == code


def test_a_field_that_nobody_knows_is_not_repeated_in_the_reason() -> None:
    found = schemas.faults("licence.granted", {"110101199003070038": 1})
    assert Reason(code="field-unknown", field="?") in found
    assert "110101199003070038" not in repr(found)


def test_the_schemas_can_be_another_folder(tmp_path: Path) -> None:
    (tmp_path / "events" / "x.made").mkdir(parents=True)
    (tmp_path / "events" / "x.made" / "v1.json").write_bytes(b'{"type":"object","required":["a"]}')
    assert schemas.kinds(tmp_path) == ("x.made",)
    assert schemas.faults("x.made", {}, tmp_path) == [Reason(code="required-missing", field="a")]


def _properties(node: Any) -> list[tuple[str, Any]]:
    if isinstance(node, list):
        return [found for part in node for found in _properties(part)]
    if not isinstance(node, dict):
        return []
    here = [(name, part) for name, part in node.get("properties", {}).items() if "then" not in node]
    within = [found for key, part in node.items() if key not in ("if", "then", "else") for found in _properties(part)]
    return here + within
