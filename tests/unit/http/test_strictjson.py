"""Understands what the gateway's JSON loader must refuse, so that no later reader can take it another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credithub.http.strictjson import BadJson, JsonLimits, loads, loads_many

pytestmark = pytest.mark.unit

NESTED_32 = b"[" * 32 + b"]" * 32
REFUSED: list[tuple[str, bytes, str, str]] = [
    ("a key twice", b'{"a":1,"a":2}', "json-duplicate-key", "/"),
    ("a key twice, deep", b'{"data":[{"a":1,"b":{"c":1,"c":1}}]}', "json-duplicate-key", "/data/0/b"),
    ("a key twice, once escaped", rb'{"a":1,"\u0061":2}', "json-duplicate-key", "/"),
    ("a key twice, hidden by a colon that an escape brings", rb'{"a":"x","a":"\u003a"}', "json-duplicate-key", "/"),
    ("a key twice, hidden by several", rb'{"a":"x","a":"\u003A","b":"\u003a"}', "json-duplicate-key", "/"),
    ("a key twice with an empty object between", b'{"a":{},"a":{"b":1}}', "json-duplicate-key", "/"),
    ("NaN", b'{"a":NaN}', "json-number", "1:6"),
    ("Infinity", b"[Infinity]", "json-number", "1:2"),
    ("-Infinity", b"[-Infinity]", "json-number", "1:2"),
    ("1e999", b"[1e999]", "json-number", "1:2"),
    ("-1e999", b"[-1e999]", "json-number", "1:2"),
    ("a number of 5 000 digits", b"[" + b"1" * 5000 + b"]", "json-number", "1:2"),
    ("a number of 30 digits", b'{"a":' + b"1" * 30 + b"}", "json-number", "/a"),
    ("2^53", b"[9007199254740992]", "json-number", "/0"),
    ("-2^53", b"[-9007199254740992]", "json-number", "/0"),
    ("1e300", b"[1e300]", "json-number", "/0"),
    ("an escaped NUL", rb'{"a":["b","\u0000"]}', "json-nul", "/a/1"),
    ("an escaped NUL in a key", rb'{"data":{"a\u0000":1}}', "json-nul", "/data"),
    ("a bare NUL", b'{"a":"\x00"}', "json-syntax", "1:7"),
    ("a lone high surrogate", rb'["\ud800"]', "json-surrogate", "1:3"),
    ("a lone low surrogate", rb'["\udc00"]', "json-surrogate", "1:3"),
    ("two high surrogates", rb'["\ud800\ud800"]', "json-surrogate", "1:9"),
    ("a surrogate as UTF-8", b'["\xed\xa0\x80"]', "json-not-utf8", "1:1"),
    ("a byte order mark", b"\xef\xbb\xbf{}", "json-not-utf8", "1:1"),
    ("UTF-16", "[1]".encode("utf-16"), "json-not-utf8", "1:1"),
    ("UTF-16 without mark, little end", '{"a":1}'.encode("utf-16-le"), "json-not-utf8", "1:2"),
    ("UTF-16 without mark, big end", '{"a":1}'.encode("utf-16-be"), "json-not-utf8", "1:1"),
    ("UTF-32", "[1]".encode("utf-32"), "json-not-utf8", "1:1"),
    ("GB18030", '["演示"]'.encode("gb18030"), "json-not-utf8", "1:1"),
    ("overlong UTF-8", b'["\xc0\x80"]', "json-not-utf8", "1:1"),
    ("depth 33", b"[" + NESTED_32 + b"]", "json-too-deep", "/" + "/".join(["0"] * 32)),
    ("depth 900", b"[" * 900 + b"]" * 900, "json-too-deep", "/" + "/".join(["0"] * 32)),
    ("depth 100 000", b"[" * 100_000 + b"]" * 100_000, "json-too-deep", "1:1026"),
    ("depth of objects", b'{"a":' * 40 + b"1" + b"}" * 40, "json-too-deep", "/" + "/".join(["a"] * 32)),
    ("a string too long", b'{"a":{"b":"' + b"x" * 65_537 + b'"}}', "json-string-too-long", "/a/b"),
    ("a key too long", b'{"a":{"' + b"x" * 65_537 + b'":1}}', "json-string-too-long", "/a"),
    ("too many keys", orjson.dumps({"a": {f"k{i}": i for i in range(1001)}}), "json-too-many-keys", "/a"),
    ("too many values", b"[" + b"[]," * 150_000 + b"1]", "json-too-many-values", "/"),
    ("too large", b" " * (10 * 1024 * 1024 + 1), "json-too-large", "/"),
    ("nothing", b"", "json-syntax", "1:1"),
    ("a comma too many", b"[1,]", "json-syntax", "1:4"),
    ("text after the end", b"{} {}", "json-syntax", "1:4"),
    ("a leading zero", b"[01]", "json-syntax", "1:2"),
    ("a comment", b"/**/[1]", "json-syntax", "1:1"),
    ("single quotes", b"{'a':1}", "json-syntax", "1:2"),
    ("a bare line end in a string", b'["a\nb"]', "json-syntax", "1:4"),
    ("cut off", b'{"a":"b', "json-syntax", "1:8"),
]


@pytest.mark.parametrize(("raw", "code"), [pytest.param(raw, code, id=name) for name, raw, code, _ in REFUSED])
def test_what_a_later_reader_could_take_otherwise_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(BadJson) as refusal:
        loads(raw)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("raw", "where"),
    [pytest.param(raw, where, id=name) for name, raw, _, where in REFUSED if where.startswith("/") or where == "1:6"],
)
def test_a_refusal_says_where(raw: bytes, where: str) -> None:
    with pytest.raises(BadJson) as refusal:
        loads(raw)
    assert refusal.value.where == where


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(NESTED_32, id="depth 32"),
        pytest.param(b'{"a":' * 31 + b"[1]" + b"}" * 31, id="depth 32 of objects"),
        pytest.param(b'{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}', id="one key at several places"),
        pytest.param(rb'{"a":"\u003a\u003A","b":"\\u003a:::\":"}', id="colons in every spelling"),
        pytest.param(rb'{"a":"\\u0000"}', id="a backslash and the letters of NUL"),
        pytest.param(rb'{"a":"\u0001\u0041"}', id="other escapes"),
        pytest.param(rb'["\ud83d\ude00"]', id="a surrogate pair"),
        pytest.param(b"[9007199254740991,-9007199254740991,1.5,-0.0,1e15]", id="numbers within bounds"),
        pytest.param(b'{"a":"' + b"x" * 65_536 + b'"}', id="a string just short enough"),
        pytest.param(orjson.dumps({f"k{i}": i for i in range(1000)}), id="keys just few enough"),
        pytest.param(b'["' + b"," * 60_000 + b'"' + (b',"' + b"{" * 60_000 + b'"') * 4 + b"]", id="brackets in text"),
        pytest.param(b" \r\n\t null ", id="a bare null"),
    ],
)
def test_sound_json_comes_through_as_it_is(raw: bytes) -> None:
    assert loads(raw) == json.loads(raw)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.sampled_from('ab:"\\,{é演'), max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values, st.booleans())
@settings(max_examples=300)
def test_every_sound_value_survives_in_either_spelling(value: Any, ascii_only: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@dataclass(frozen=True)
class Members:
    """An object as written: its members in order, a key perhaps more than once."""

    pairs: list[tuple[str, Any]]


short_texts = st.text(st.sampled_from('a:"\\,{é演'), max_size=2)
written_values = st.recursive(
    st.none() | st.integers(0, 9) | short_texts,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(short_texts, inner), max_size=3).map(Members),
    max_leaves=10,
)


def _write(value: Any, spell: Callable[[str], str]) -> str:
    if isinstance(value, Members):
        return "{" + ",".join(f"{spell(key)}: {_write(member, spell)}" for key, member in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + " ,".join(_write(member, spell) for member in value) + "]"
    return spell(value) if isinstance(value, str) else json.dumps(value)


def _has_a_doubled_key(value: Any) -> bool:
    if isinstance(value, Members):
        doubled = len({key for key, _ in value.pairs}) < len(value.pairs)
        return doubled or any(_has_a_doubled_key(member) for _, member in value.pairs)
    return isinstance(value, list) and any(_has_a_doubled_key(member) for member in value)


@given(written_values, st.sampled_from(["plain", "ascii", "escaped"]))
@settings(max_examples=500)
def test_a_body_is_refused_exactly_when_some_key_in_it_comes_twice(value: Any, spelling: str) -> None:
    raw = _write(value, SPELLINGS[spelling]).encode()
    try:
        loads(raw)
        refused = None
    except BadJson as refusal:
        refused = refusal.code
    assert refused == ("json-duplicate-key" if _has_a_doubled_key(value) else None)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: json.dumps(text, ensure_ascii=False),
    "ascii": json.dumps,
    "escaped": lambda text: '"' + "".join(f"\\u{ord(char):04x}" for char in text) + '"',
}


def test_one_bad_entry_leaves_the_others_of_its_batch() -> None:
    raw = rb'[{"a":1},{"a":1,"a":2},{"a":"\u0000"},{"a":123456789012345678},{"b":{"a":3}}]'
    first, doubled, nul, number, last = loads_many(raw)
    assert (first, last) == ({"a": 1}, {"b": {"a": 3}})
    assert [(e.code, e.where) for e in (doubled, nul, number)] == [
        ("json-duplicate-key", "/1"),
        ("json-nul", "/2/a"),
        ("json-number", "/3/a"),
    ]


def test_a_sound_batch_comes_through_as_it_is() -> None:
    assert loads_many(b'[{"a":1},2,"x"]') == [{"a": 1}, 2, "x"]


@pytest.mark.parametrize(("raw", "code"), [(b'{"a":1}', "json-not-an-array"), (b'[{"a":1},{"a":', "json-syntax")])
def test_what_is_no_batch_at_all_is_refused_whole(raw: bytes, code: str) -> None:
    with pytest.raises(BadJson) as refusal:
        loads_many(raw)
    assert refusal.value.code == code


def test_a_place_never_repeats_what_a_supplier_wrote_as_a_key() -> None:
    with pytest.raises(BadJson) as refusal:
        loads(rb'{"110101199003070038":{"ok":"\u0000"}}')
    assert refusal.value.where == "/?/ok"


def test_limits_are_settings() -> None:
    with pytest.raises(BadJson, match="json-too-deep"):
        loads(b'{"a":{"b":[]}}', JsonLimits(depth=2))
    assert loads(b'{"a":{"b":1}}', JsonLimits(depth=2)) == {"a": {"b": 1}}


def test_an_unclosed_string_full_of_quotes_costs_no_more_than_reading_it() -> None:
    """Each escaped quote would start the search over if it could go back: 10^12 steps, not a second."""
    with pytest.raises(BadJson):
        loads(b'["' + b'\\",{' * 2_000_000)
