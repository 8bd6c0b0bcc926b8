"""Understands the file of refused rows that a supplier mends and sends again."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence

from credithub.domain.reasons import REASONS, Reason

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")
_ESCAPED = frozenset("'" + first for first in FORMULA)
ERROR_COLUMNS = ("错误原因", "字段", "建议")


def errors_of(reasons: Sequence[Reason]) -> tuple[str, str, str]:
    """What stands under ERROR_COLUMNS: each fault numbered the same in all three, Chinese and English."""
    texts = [(REASONS[reason.code], reason) for reason in reasons]
    what = (f"{t.zh} / {t.en} [{r.code}]".replace("{n}", r.code.partition("@")[2]) for t, r in texts)
    do = (f"{t.do_zh} / {t.do_en}" + (f" → {r.hint}" if r.hint else "") for t, r in texts)
    return _numbered(what), _numbered(r.field or "" for _, r in texts), _numbered(do)


def error_file(headers: Sequence[str], rows: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Iterator[bytes]:
    """The refused rows as a file to mend and send again: (cells, the three ERROR_COLUMNS) each. UTF-8 with BOM;
    no cell can start a formula."""
    yield BOM_UTF8 + _line([*headers, *ERROR_COLUMNS])
    for cells, errors in rows:
        yield _line([*cells, *errors])


def table_file(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """A plain table for a spreadsheet: UTF-8 with BOM; no cell can start a formula."""
    yield BOM_UTF8 + _line(headers)
    for cells in rows:
        yield _line(cells)


def _line(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([f"'{cell}" if _is_risky(cell) else cell for cell in cells])
    return out.getvalue().encode("utf-8", "replace")


def _is_risky(cell: str) -> bool:
    return cell.startswith(FORMULA) or cell[:2] in _ESCAPED


def unescaped(cell: str) -> str:
    """Without what keeps a spreadsheet from reading a formula or a number: '=1 and ="0123"."""
    if cell[:2] in _ESCAPED:
        return cell[1:]
    if cell[:2] == '="' and cell[-1] == '"' and len(cell) > 2:
        return cell[2:-1]
    return cell


def _numbered(texts: Iterable[str]) -> str:
    listed = list(texts)
    return listed[0] if len(listed) == 1 else " ".join(f"{n}) {text}" for n, text in enumerate(listed, 1))
