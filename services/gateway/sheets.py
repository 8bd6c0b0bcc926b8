"""Understands how an uploaded table becomes sealed records: read in a process of its own, so that requests go on."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO

import orjson

from credithub.csvfile import Count, Limits, Pieces, Table, Unreadable, open_table
from credithub.domain.events import SUBMISSIONS_CONTEXT, digest_of
from credithub.domain.feeds import FAULTS, FeedMapping, Feeds, load
from credithub.domain.persons import contains_person_number
from credithub.domain.reasons import Reason
from credithub.domain.receipts import Root
from credithub.vault import Vault
from services.gateway.intake import Sealer
from services.gateway.rules import code_columns, key_of_cells
from services.gateway.spool import opened

FRAME = struct.Struct(">II")  # lengths of key and value
CUT = 200  # characters left of each cell where a whole row is too big to be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Everything a worker needs to read one upload."""

    upload: Path
    key: bytes = field(repr=False)
    out: Path
    secrets_dir: str
    feeds_dir: Path
    feed: str
    mapping: str
    submission: str
    supplier: str
    source: str
    received_at: str
    catalogue: str
    allowed_items: list[str]
    digest: str
    name: str | None
    most_rows: int
    most_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What was found: column problems, and then nothing else; or the counts, with the records lying in `Job.out`."""

    reasons: tuple[Reason, ...] = ()
    rows: int = 0
    entries: int = 0
    blank: int = 0
    instructions: int = 0
    encoding: str = ""
    root: str = ""
    unknown_columns: tuple[str, ...] = ()


class Sheets:
    """The worker process, started with the first upload."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def read(self, job: Job) -> Sheet | None:
        """None where the worker died over it."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_settle)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, read_sheet, job)
        except BrokenProcessPool:
            self.close()
            return None

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _settle() -> None:
    """In the worker: Ctrl-C is the gateway's business, and without the gateway there is nothing to work for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"

    def follow() -> None:
        parent.join()
        os._exit(0)

    threading.Thread(target=follow, daemon=True).start()


def read_sheet(job: Job) -> Sheet:
    """Runs in the worker. Judges the header first; then writes every row out, sealed and keyed."""
    mapping = _feeds(job.feeds_dir).get(job.feed, job.mapping)
    assert mapping is not None, "the gateway names a mapping that there is"
    pieces: Pieces = lambda: opened(job.upload, job.key)  # noqa: E731  a name for how the file is opened anew
    try:
        table = open_table(pieces, mapping, Limits(rows=job.most_rows))
        reasons = tuple(_column_problems(table, mapping))
        return Sheet(reasons=reasons) if reasons else _write(job, table, mapping)
    except Unreadable as unreadable:
        return Sheet(reasons=(Reason(code=unreadable.code, hint=unreadable.detail or None),))


def frames(out: BinaryIO, most: int) -> Iterator[list[tuple[bytes, bytes]]]:
    """The records of a read table again, `most` at a time."""
    part: list[tuple[bytes, bytes]] = []
    while head := out.read(FRAME.size):
        key, value = FRAME.unpack(head)
        part.append((out.read(key), out.read(value)))
        if len(part) == most:
            yield part
            part = []
    if part:
        yield part


def _column_problems(table: Table, mapping: FeedMapping) -> Iterator[Reason]:
    for place, header in enumerate(table.headers, 1):
        if contains_person_number(header):
            yield Reason(code="person-number-in-field", field=f"第{place}列", row=table.header_row)
    for code in table.match.missing:
        names = mapping.by_code[code].zh
        yield Reason(code="header-column-missing", field=code, hint=names[0] if names else None, row=table.header_row)


def _write(job: Job, table: Table, mapping: FeedMapping) -> Sheet:
    sealer, count, root = Sealer(_vault(job.secrets_dir), job.most_bytes), Count(), Root()
    file = {"digest": job.digest, "name": job.name, "rows": None}
    codes = code_columns(mapping, [header for header in table.headers if header])
    index = 0
    with os.fdopen(os.open(job.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        for row in table.rows(count):
            if row.kind != "row":
                continue
            digest, plain = _entry(job, file, index, row.number, row.cells)
            if len(plain) > job.most_bytes:
                cells = {header: cell[:CUT] for header, cell in row.cells.items()}
                cells[FAULTS] = f"{row.cells.get(FAULTS, '')} cell-too-long".strip()
                digest, plain = _entry(job, file, index, row.number, cells)
            root.add(digest)
            key = sealer.key_of(key_of_cells(codes, row.cells), job.source, f"{job.digest}#{row.number}")
            value = sealer.vault.encrypt(plain, SUBMISSIONS_CONTEXT)
            out.write(FRAME.pack(len(key), len(value)) + key + value)
            index += 1
    if not index:
        return Sheet(reasons=(Reason(code="file-empty"),))
    return Sheet(
        rows=count.rows,
        entries=index,
        blank=count.blank,
        instructions=count.instructions,
        encoding=table.encoding,
        root=root.hex(),
        unknown_columns=table.match.unknown,
    )


def _entry(job: Job, file: dict[str, str | None], index: int, number: int, cells: dict[str, str]) -> tuple[str, bytes]:
    """Digest and bytes of a SubmittedEntry."""
    digest = digest_of(job.feed, None, cells)
    plain = orjson.dumps(
        {
            "submission": job.submission,
            "index": index,
            "count": None,
            "supplier": job.supplier,
            "source": job.source,
            "id": f"{job.digest}#{number}",
            "digest": digest,
            "received_at": job.received_at,
            "form": "row",
            "catalogue": job.catalogue,
            "mapping": job.mapping,
            "allowed_items": job.allowed_items,
            "body": {"feed": job.feed, "cells": cells},
            "file": file,
            "row": number,
        }
    )
    return digest, plain


@cache
def _feeds(folder: Path) -> Feeds:
    return load(folder)


@cache
def _vault(secrets_dir: str) -> Vault:
    return Vault.open(secrets_dir)
