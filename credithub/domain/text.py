"""Understands how text from many systems is brought to one form before it is kept or compared."""

from __future__ import annotations

import re
import unicodedata

# Compared without spaces and in small letters; dashes alone, however many, mean nothing either.
_NOTHING = frozenset({"/", "／", "暂无", "空", "未填", "无数据", "nan", "nat", "null", "(null)", "none", "n/a", "#n/a"})
_DASHES_AND_SPACES = "-—–－ \t\u3000"
_MAY_BE_NOTHING = frozenset([*_DASHES_AND_SPACES, *(word[0] for word in _NOTHING), "N"])
_ZERO_WIDTH = dict.fromkeys([0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x180E, 0x200E, 0x200F])
_SPACES = re.compile(r"\s+")
# Control characters but tab and line ends, direction marks, lone surrogates, noncharacters, broken encoding's mark.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffc-\uffff]")
_BRACKETS = dict(zip("[]{}<>〔〕【】《》〈〉「」『』", "()" * 9, strict=True))
_SAME = _BRACKETS | dict.fromkeys("‐‑‒–—―−ー", "-") | dict.fromkeys("•・‧∙⋅●", "·")
_FOLDED = re.compile(f"[{re.escape(''.join(_SAME))}\\s]")


def clean(raw: str) -> str | None:
    """Trimmed, without zero-width marks; None where nothing, or a mark for nothing (- — 暂无 nan null), is left."""
    text = (raw if raw.isprintable() else raw.translate(_ZERO_WIDTH)).strip()
    if len(text) > 9 or (text and text[0] not in _MAY_BE_NOTHING):
        return text
    return None if not text.strip(_DASHES_AND_SPACES) or _SPACES.sub("", text).lower() in _NOTHING else text


def has_forbidden(text: str) -> bool:
    """Whether it holds characters that no field may: control, direction, lone surrogates, U+FFFD."""
    return "\ufffd" in text or (not text.isprintable() and _FORBIDDEN.search(text) is not None)


def nfkc(raw: str) -> str:
    """For codes only: full-width letters and digits become plain, zero-width marks go."""
    if raw.isascii():
        return raw
    return unicodedata.normalize("NFKC", raw if raw.isprintable() else raw.translate(_ZERO_WIDTH))


def fold_document_number(raw: str) -> str:
    """The form on which numbers of documents are compared: one kind of bracket and dash, no spaces, capitals."""
    return _fold(raw)


def fold_name(raw: str) -> str:
    """The form on which names are compared, never a proof that two are one."""
    return _fold(raw)


def _fold(raw: str) -> str:
    return _FOLDED.sub(_same, nfkc(raw)).upper()


def _same(found: re.Match[str]) -> str:
    """The one spelling of a bracket, dash or dot; nothing for a space."""
    return _SAME.get(found.group(), "")


def without_forbidden(text: str) -> str:
    """The same, fit for a database: what no field may hold is shown as a question mark."""
    return _FORBIDDEN.sub("?", text)
