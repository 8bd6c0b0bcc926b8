"""Understands that a received file lies on disk unreadable, and no longer than needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from services.gateway.spool import BLOCK, TAG, Spool, TooLarge, opened, sweep

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
async def test_what_was_spooled_is_read_again(tmp_path: Path, size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    with Spool(tmp_path, size) as spool:
        for start in range(0, size, 70_000):
            await spool.write(content[start : start + 70_000])
        await spool.finish()
        assert b"".join(opened(spool.path, spool.key)) == content


async def test_nothing_readable_lies_on_disk_and_nothing_stays(tmp_path: Path) -> None:
    with Spool(tmp_path, 10_000_000) as spool:
        await spool.write(b"CANARY" * 100_000)
        await spool.finish()
        lying = [path.read_bytes() for path in tmp_path.iterdir()]
        assert len(lying) == 1
        assert b"CANARY" not in lying[0]
        assert spool.path.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.iterdir())


async def test_an_upload_over_the_limit_is_stopped_at_once_and_removed(tmp_path: Path) -> None:
    with pytest.raises(TooLarge), Spool(tmp_path, 10) as spool:
        await spool.write(b"12345678901")
    assert not list(tmp_path.iterdir())


async def test_a_file_cut_short_is_noticed(tmp_path: Path) -> None:
    with Spool(tmp_path, 10_000_000) as spool:
        await spool.write(b"x" * (2 * BLOCK + 5))
        await spool.finish()
        spool.path.write_bytes(spool.path.read_bytes()[: 2 * (BLOCK + TAG)])
        with pytest.raises(InvalidTag):
            list(opened(spool.path, spool.key))


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / "credithub-spool-4194305-left").write_bytes(b"x")  # above the highest process id there can be
    (tmp_path / f"credithub-spool-{os.getpid()}-mine").write_bytes(b"x")
    (tmp_path / "other").write_bytes(b"x")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"credithub-spool-{os.getpid()}-mine", "other"]
