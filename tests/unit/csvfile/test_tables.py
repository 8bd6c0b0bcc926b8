"""Understands which text tables can be read, and that a broken row costs itself only."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credithub.csvfile import Count, Limits, Table, Unreadable, error_file, errors_of, open_table
from credithub.domain.feeds import FAULTS, load
from credithub.domain.reasons import Reason
from credithub.domain.tables import SHIPPED
from tests.harness.feedfiles import HEADERS, licence_row, licence_rows

MAPPING = load(SHIPPED / "feeds").latest("licence-2018")


def opened(raw: bytes, size: int = 7, limits: Limits | None = None) -> Table:
    """In small pieces, so that no character, line or quote is spared being cut."""
    assert MAPPING

    def pieces() -> Iterable[bytes]:
        return (raw[start : start + size] for start in range(0, len(raw), size))

    return open_table(pieces, MAPPING, limits)


def text_of(*rows: Iterable[str], header: Iterable[str] = HEADERS) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue()


def cells(n: int, **changes: str) -> list[str]:
    return list((licence_row(n) | changes).values())


def read(raw: bytes | str, **options: object) -> list[tuple[int, dict[str, str]]]:
    table = opened(raw.encode() if isinstance(raw, str) else raw, **options)  # type: ignore[arg-type]
    count = Count()
    rows = [(row.number, row.cells) for row in table.rows(count) if row.kind == "row"]
    assert count.reconciles()
    assert count.entries == len(rows)
    return rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_separator_and_line_ends_do_not_matter(encoding: str, delimiter: str, end: str) -> None:
    rows = read(licence_rows(3).to_csv(encoding, delimiter, end))
    assert rows == [(n + 1, licence_row(n)) for n in (1, 2, 3)]


def test_utf8_is_judged_on_the_whole_file_and_not_on_its_start() -> None:
    plain = text_of(*[["x"] * len(HEADERS)] * 400).encode()
    assert opened(plain, size=4096).encoding == "utf-8"
    assert opened(plain + ",".join(cells(1)).encode("gb18030"), size=4096).encoding == "gb18030"


def test_a_rare_character_of_gb18030_survives() -> None:
    raw = text_of(cells(1, XK_XDR_MC="𠮷野演示有限公司")).encode("gb18030")
    assert read(raw)[0][1]["XK_XDR_MC"] == "𠮷野演示有限公司"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "file-empty"),
        (b" \r\n\r\n", "file-empty"),
        (b"a,b,c\r\n1,2,3\r\n", "header-not-found"),
        (b"\xff\xff\xff", "encoding-unknown"),
        (b"\x80\x80,\xff", "encoding-unknown"),
    ],
)
def test_what_is_no_such_table_is_refused_whole_with_a_code(raw: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        opened(raw)
    assert refused.value.code == code


def test_titles_and_instructions_above_the_header_are_stepped_over_and_counted() -> None:
    raw = "行政许可信息\r\n表格说明：请勿修改表头\r\n\r\n" + text_of(cells(1))
    assert [number for number, _ in read(raw)] == [5]


def test_blank_rows_instructions_and_a_repeated_header_are_no_entries() -> None:
    blank, explained = [""] * len(HEADERS), ["表格说明：带*为必填", *[""] * (len(HEADERS) - 1)]
    chinese = ["行政相对人名称", "行政相对人类别", "许可内容", "许可机关", "许可类别"]
    raw = text_of(chinese, cells(1), blank, explained, HEADERS, cells(2)) + "\r\n"
    table = opened(raw.encode())
    count = Count()
    assert [row.number for row in table.rows(count) if row.kind == "row"] == [3, 7]
    assert (count.rows, count.entries, count.blank, count.instructions) == (8, 2, 2, 3)
    assert count.reconciles()


def test_a_quoted_cell_may_hold_lines_separators_and_quotes() -> None:
    said = '准予"取水",\r\n年取水量5万立方米'
    rows = read(text_of(cells(1, XK_NR=said), cells(2)))
    assert rows[0] == (2, licence_row(1) | {"XK_NR": said})
    assert rows[1] == (3, licence_row(2))


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("wrong", ['"演示未闭合', '"演示"后,"又'])
def test_a_quote_never_closed_costs_its_own_row_only(place: int, wrong: str) -> None:
    lines = [",".join(cells(n)) for n in (1, 2, 3)]
    lines[place] = wrong + lines[place][lines[place].index(",") :]
    rows = read(",".join(HEADERS) + "\r\n" + "\r\n".join(lines) + "\r\n")
    assert [number for number, _ in rows] == [2, 3, 4]
    assert [number - 2 for number, row in rows if FAULTS in row] == [place]
    assert all(row == licence_row(number - 1) for number, row in rows if number - 2 != place)


def test_two_stray_quotes_that_pair_up_do_not_swallow_what_is_between() -> None:
    lines = [",".join(cells(n)) for n in range(1, 6)]
    lines[0] = lines[0].replace("准予", '"准予')
    lines[3] = lines[3].replace("准予", '"准予')
    rows = read(",".join(HEADERS) + "\n" + "\n".join(lines))
    assert [number for number, row in rows if FAULTS in row] == [2, 5]
    assert len(rows) == 5


def test_a_row_with_too_many_or_too_few_cells_is_flagged_unless_only_optional_ones_lack() -> None:
    raw = text_of([*cells(1), "", ""], [*cells(2), "多"], cells(3)[:10], cells(4)[:-1])
    assert [row.get(FAULTS) for _, row in read(raw)] == [None, "row-too-long", "row-too-short", None]


def test_a_doubled_header_keeps_both_columns_and_one_without_text_is_dropped() -> None:
    header = [*HEADERS, "XK_NR", ""]
    rows = read(text_of([*cells(1), "另一内容", "无名"], header=header))
    assert rows[0][1]["XK_NR#2"] == "另一内容"
    assert "" not in rows[0][1]


def test_limits_are_kept_in_rows_cells_and_broken_quotes() -> None:
    file = licence_rows(5).to_csv()
    with pytest.raises(Unreadable, match="file-too-many-rows"):
        list(opened(file, limits=Limits(rows=4)).rows())
    long = read(text_of(cells(1, XK_NR="长" * 40_000)), limits=Limits(cell=100))
    assert long[0][1][FAULTS] == "cell-too-long"
    assert len(long[0][1]["XK_NR"]) == 100
    broken = ",".join(HEADERS) + "\n" + '"a\n' * 50
    with pytest.raises(Unreadable, match="file-too-many-broken-rows"):
        list(opened(broken.encode(), limits=Limits(broken=10)).rows())


def test_a_line_without_end_is_read_in_bounded_pieces() -> None:
    raw = text_of(cells(1)).encode() + b"x" * 300_000
    rows = read(raw, size=4096, limits=Limits(line=10_000))
    assert [row.get(FAULTS) for _, row in rows] == [None, "row-too-short"]


@given(st.binary(max_size=300), st.integers(0, 2))
def test_no_bytes_whatever_break_the_reader(noise: bytes, place: int) -> None:
    sound = [text_of(), ",".join(cells(1)) + "\n", ",".join(cells(2)) + "\n"]
    raw = b"".join(part.encode() + (noise if n == place else b"") for n, part in enumerate(sound))
    try:
        rows = list(opened(raw).rows())
    except Unreadable:
        return
    assert all(row.number > 1 for row in rows)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), min_size=1, max_size=5))
def test_what_the_error_file_says_is_read_back_as_it_was(texts: list[str]) -> None:
    rows = [(cells(1, XK_NR=text), errors_of([Reason(code="LENGTH", field="XK_NR")])) for text in texts]
    raw = b"".join(error_file(HEADERS, rows))
    assert [row["XK_NR"] for _, row in read(raw)] == [text.lstrip(" ") for text in texts]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t"])
def test_no_cell_of_the_error_file_can_start_a_formula(first: str) -> None:
    reason = Reason(code="CHARSET@11", field="XK_NR", hint="91130800PDY900077X")
    raw = b"".join(error_file(HEADERS, [(cells(1, XK_NR=f"{first}cmd()"), errors_of([reason, reason]))]))
    assert raw.startswith(b"\xef\xbb\xbf")
    written = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    assert written[0][-3:] == ["错误原因", "字段", "建议"]
    assert written[1][HEADERS.index("XK_NR")] == f"'{first}cmd()"
    assert "CHARSET@11" in written[1][-3]
    assert "91130800PDY900077X" in written[1][-1]
    assert read(raw)[0][1]["XK_NR"] == f"{first}cmd()"
