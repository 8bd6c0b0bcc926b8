"""Understands how an upload comes in: as the body itself, or as the file of a form; never whole in memory."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

from credithub.http.problem import Problem
from services.gateway.edge import PIECE_SECONDS, Receive, Scope, header
from services.gateway.spool import Spool, TooLarge

MOST_PARTS = 20
MOST_HEADER = 8 * 1024  # bytes of all headers of one part
MOST_FIELD = 1024  # bytes of a form field that is no file


@dataclass(slots=True)
class Form:
    """What a form said beside its file."""

    file_name: str | None = None
    fields: dict[str, str] = field(default_factory=dict[str, str])


async def receive_upload(scope: Scope, receive: Receive, spool: Spool) -> Form:
    """Puts the file into the spool. Problem where it is too large, cut off, or no form that can be read."""
    kind, options = parse_options_header(header(scope, b"content-type") or "")
    try:
        if kind == b"multipart/form-data":
            form = await _form(_pieces(receive), options.get(b"boundary", b""), spool)
        else:
            form = Form()
            async for piece in _pieces(receive):
                await spool.write(piece)
        await spool.finish()
    except TooLarge:
        raise Problem("file-too-large", limit=spool.limit) from None
    except OSError as trouble:
        if trouble.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Problem("storage-full") from None
        raise
    return form


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise Problem("too-slow") from None
        if message["type"] == "http.disconnect":
            raise Problem("file-cut-off")
        if piece := message.get("body", b""):
            yield piece
        if not message.get("more_body", False):
            return


async def _form(pieces: AsyncIterator[bytes], boundary: bytes, spool: Spool) -> Form:
    if not boundary or len(boundary) > 256:
        raise Problem("body-unreadable")
    reader = _Reader()
    parser = MultipartParser(boundary, reader.callbacks())
    async for piece in pieces:
        try:
            parser.write(piece)
        except FormParserError:
            raise Problem("body-unreadable") from None
        for found in reader.taken():
            await spool.write(found)
    if not reader.ended:
        raise Problem("file-cut-off")
    if reader.files != 1:
        raise Problem("body-unreadable")
    return reader.form


class _Reader:
    """Collects what the parser calls out. The file's bytes are taken away after each piece."""

    def __init__(self) -> None:
        self.form = Form()
        self.files = 0
        self.ended = False
        self._file: list[bytes] = []
        self._parts = 0
        self._header_bytes = 0
        self._name, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        self._text = b""
        self._in_file = False

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def taken(self) -> list[bytes]:
        taken, self._file = self._file, []
        return taken

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise Problem("body-unreadable")
        self._headers, self._header_bytes = {}, 0
        self._name, self._value, self._field, self._text, self._in_file = b"", b"", None, b"", False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._grow(end - start)
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._grow(end - start)
        self._value += data[start:end]

    def _grow(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MOST_HEADER:
            raise Problem("body-unreadable")

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        file_name = options.get(b"filename")
        if file_name is None:
            self._field = options.get(b"name", b"").decode(errors="replace")
            return
        self._in_file = True
        self.files += 1
        self.form.file_name = file_name.decode(errors="replace")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._file.append(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > MOST_FIELD:
            raise Problem("body-unreadable")

    def _part_end(self) -> None:
        if self._field is not None:
            self.form.fields[self._field] = self._text.decode(errors="replace")

    def _end(self) -> None:
        self.ended = True
