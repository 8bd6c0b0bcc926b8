"""Understands synthetic licence tables: sound ones, and ones of whose planted faults every field and code is known."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from credithub.demo.synthetic import organisation_code, unified_code
from credithub.domain.checkdigits import citizen_check, usc_check

_COLUMNS = """XK_XDR_MC XK_XDR_LB XK_XDR_SHXYM XK_XDR_GSZC XK_XDR_ZZJG XK_XDR_SWDJ XK_XDR_SYDW XK_XDR_SHZZ
XK_FRDB XK_FR_ZJLX XK_FR_ZJHM XK_XDR_ZJLX XK_XDR_ZJHM XK_XKWS XK_WSH XK_XKLB XK_XKZS XK_XKBH XK_NR XK_JDRQ
XK_YXQZ XK_YXQZI XK_XKJG XK_XKJGDM XK_ZT XK_LYDW XK_LYDWDM BZ"""
HEADERS = tuple(_COLUMNS.split())
ISSUER, ISSUER_CODE = "演示县水务局", unified_code(99_001, registrar="1")
PERSON_NUMBER = "11010119491001000" + citizen_check("11010119491001000")  # invented: serial numbers begin at 001
UNCLOSED = '"演示未闭合'

Cells = dict[str, str]
Expected = frozenset[tuple[str | None, str]]  # (field, code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to go wrong. `extra`: cells after the last column."""

    name: str
    change: Callable[[Cells], Mapping[str, str]]
    expected: Expected
    extra: tuple[str, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(self.change(licence_row(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    number: int  # of the row in the file, the header is 1
    names: tuple[str, ...]
    expected: Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFile:
    """A table with what must be found in it."""

    rows: tuple[Cells, ...]
    sound: tuple[Cells, ...]  # the same rows before anything was planted
    planted: tuple[Planted, ...] = ()
    extras: Mapping[int, tuple[str, ...]]

    def to_csv(self, encoding: str = "utf-8", delimiter: str = ",", end: str = "\r\n") -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
        writer.writerow(HEADERS)
        for number, row in enumerate(self.rows, 2):
            cells = [row[header] for header in HEADERS]
            if cells[0] == UNCLOSED:
                out.write(delimiter.join(cells) + end)
            else:
                writer.writerow([*cells, *self.extras.get(number, ())])
        return out.getvalue().encode(encoding)

    def mended(self) -> FeedFile:
        """Only the rows that were wrong, put right, as a supplier sends them again."""
        rows = tuple(self.sound[planted.number - 2] for planted in self.planted)
        return FeedFile(rows=rows, sound=rows, extras={})


def licence_row(n: int) -> Cells:
    """The n-th sound row; each has a document number and a subject of its own."""
    given = {
        "XK_XDR_MC": f"演示{n}号（兴隆）有限公司",
        "XK_XDR_LB": "法人及非法人组织",
        "XK_XDR_SHXYM": unified_code(n),
        "XK_XKWS": "取水许可决定书",
        "XK_WSH": f"演水许〔2026〕{n}号",
        "XK_XKLB": "普通",
        "XK_XKZS": "取水许可证",
        "XK_XKBH": f"D130822S2026-{n:05d}",
        "XK_NR": f"准予取用地下水，年取水量{n}万立方米，退水方式为管网排放。",
        "XK_JDRQ": "2026-01-05",
        "XK_YXQZ": "2026-01-05",
        "XK_YXQZI": "2031-01-04",
        "XK_XKJG": ISSUER,
        "XK_XKJGDM": ISSUER_CODE,
        "XK_ZT": "1",
        "XK_LYDW": ISSUER,
        "XK_LYDWDM": ISSUER_CODE,
    }
    return {header: given.get(header, "") for header in HEADERS}


def licence_rows(n: int, faults: Mapping[int, Sequence[Fault]] | None = None) -> FeedFile:
    """n rows; `faults` says by row number (the header is 1) what is planted where."""
    sound = tuple(licence_row(number) for number in range(1, n + 1))
    rows, planted, extras = list(sound), list[Planted](), dict[int, tuple[str, ...]]()
    for number, several in sorted((faults or {}).items()):
        for fault in several:
            rows[number - 2] = rows[number - 2] | fault.change(rows[number - 2])
            if fault.extra:
                extras[number] = fault.extra
        expected = frozenset(one for fault in several for one in fault.expected)
        planted.append(Planted(number=number, names=tuple(fault.name for fault in several), expected=expected))
    return FeedFile(rows=tuple(rows), sound=sound, planted=tuple(planted), extras=extras)


def faulty_licences(n: int = 5_000, bad: int = 100) -> FeedFile:
    """`bad` of n rows wrong, spread evenly, all kinds among them, every third with a second fault in other columns."""
    plan: dict[int, list[Fault]] = {}
    for turn in range(bad):
        first = FAULTS[turn % len(FAULTS)]
        plan[2 + turn * (n // bad)] = [first]
        if turn % 3 == 0 and first.name not in ALONE:
            second = next(
                fault
                for fault in FAULTS[turn * 7 % len(FAULTS) :] + FAULTS
                if fault.name not in ALONE and not fault.columns & first.columns and not _clash(fault, first)
            )
            plan[2 + turn * (n // bad)].append(second)
    return licence_rows(n, plan)


def with_rows(file: FeedFile, rows: Sequence[Cells]) -> FeedFile:
    return replace(file, rows=tuple(rows), sound=tuple(rows), planted=(), extras={})


def _clash(one: Fault, other: Fault) -> bool:
    """Days are compared with one another, codes too."""
    days = {"dates-reversed", "valid-from-unreadable"}
    return {one.name, other.name} <= days or bool(one.columns & CODES and other.columns & CODES)


def _recoded(head: str) -> Callable[[Cells], Mapping[str, str]]:
    """Another beginning, with the last character computed anew: only what the beginning says is wrong."""

    def change(cells: Cells) -> Mapping[str, str]:
        first = head + cells["XK_XDR_SHXYM"][len(head) : 17]
        return {"XK_XDR_SHXYM": first + usc_check(first)}

    return change


def _wrong_last(cells: Cells) -> Mapping[str, str]:
    code = cells["XK_XDR_SHXYM"]
    return {"XK_XDR_SHXYM": code[:17] + ("0" if code[17] != "0" else "1")}


def _wrong_seventeenth(cells: Cells) -> Mapping[str, str]:
    code = cells["XK_XDR_SHXYM"]
    first = code[:16] + ("0" if code[16] != "0" else "1")
    return {"XK_XDR_SHXYM": first + usc_check(first)}


def _one(name: str, field: str, code: str, value: str) -> Fault:
    return Fault(name=name, change=lambda _: {field: value}, expected=frozenset({(field, code)}))


def _code(name: str, code: str, change: Callable[[Cells], Mapping[str, str]]) -> Fault:
    return Fault(name=name, change=change, expected=frozenset({("XK_XDR_SHXYM", code)}))


CODES = frozenset({"XK_XDR_SHXYM", "XK_XDR_GSZC", "XK_XDR_ZZJG", "XK_XDR_SWDJ"})
# Faults that hide all others of their row.
ALONE = frozenset({"natural-person", "unclosed-quote", "too-many-cells"})
FAULTS = (
    _code("code-check", "USC_CHECK", _wrong_last),
    _code("organisation-check", "ORG_CHECK", _wrong_seventeenth),
    _code("code-short", "LENGTH", lambda cells: {"XK_XDR_SHXYM": cells["XK_XDR_SHXYM"][:17]}),
    _code("letter-o", "CHARSET@12", lambda c: {"XK_XDR_SHXYM": c["XK_XDR_SHXYM"][:11] + "O" + c["XK_XDR_SHXYM"][12:]}),
    _code("registrar", "REGISTRAR", _recoded("01")),
    _code("class", "CATEGORY", _recoded("94")),
    _code("province", "DIVISION_UNKNOWN", _recoded("91990822")),
    _code("division", "DIVISION_FORMAT", _recoded("9113A8")),
    _code("masked-code", "masked-identifier", lambda c: {"XK_XDR_SHXYM": c["XK_XDR_SHXYM"][:8] + "******" + "0001"}),
    _code("person-in-code", "person-number-in-field", lambda _: {"XK_XDR_SHXYM": PERSON_NUMBER}),
    Fault(
        name="other-organisation",
        change=lambda _: {"XK_XDR_ZZJG": organisation_code(99_999)},
        expected=frozenset({("XK_XDR_ZZJG", "identifiers-disagree")}),
    ),
    _one("registration-check", "XK_XDR_GSZC", "REGISTRATION_CHECK", "130822000000070"),
    _one("no-name", "XK_XDR_MC", "required-missing", ""),
    _one("name-of-digits", "XK_XDR_MC", "name-implausible", "12345"),
    _one("person-in-name", "XK_XDR_MC", "person-number-in-field", f"演示商行{PERSON_NUMBER}"),
    _one("no-number", "XK_WSH", "required-missing", "— —"),
    _one("number-of-signs", "XK_WSH", "document-number-implausible", "〔〕"),
    _one("number-too-long", "XK_WSH", "too-long", "演" * 65),
    _one("no-content", "XK_NR", "required-missing", "暂无"),
    _one("control-character", "XK_NR", "characters-not-allowed", "准予取水\u202e。"),
    _one("category", "XK_XKLB", "enumeration-unknown", "特别许可"),
    _one("subject-kind", "XK_XDR_LB", "enumeration-unknown", "外星组织"),
    _one("day-unreadable", "XK_JDRQ", "date-unreadable", "2026-02-30"),
    _one("day-to-come", "XK_JDRQ", "date-in-future", "2098-01-05"),
    _one("day-long-ago", "XK_JDRQ", "date-implausible", "1026-01-05"),
    _one("valid-from-unreadable", "XK_YXQZ", "date-unreadable", "去年"),
    _one("dates-reversed", "XK_YXQZI", "dates-reversed", "2025-12-31"),
    _one("issuer-code", "XK_XKJGDM", "USC_CHECK", ISSUER_CODE[:17] + ("0" if ISSUER_CODE[17] != "0" else "1")),
    _one("no-issuer", "XK_XKJG", "required-missing", "null"),
    Fault(
        name="natural-person",
        change=lambda _: {"XK_XDR_LB": "自然人", "XK_XDR_ZJHM": PERSON_NUMBER, "XK_XDR_SHXYM": ""},
        expected=frozenset({(None, "person-data-refused")}),
    ),
    Fault(
        name="too-many-cells", change=lambda _: {}, expected=frozenset({(None, "row-too-long")}), extra=("多余的内容",)
    ),
    Fault(
        name="unclosed-quote",
        change=lambda _: {"XK_XDR_MC": UNCLOSED},
        expected=frozenset({(None, "quote-unclosed")}),
    ),
)
