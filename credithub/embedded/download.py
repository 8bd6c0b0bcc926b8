"""Understands how locked jars come from a Maven repository to this machine, and go on where they stopped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL

from credithub.embedded import mirrors
from credithub.embedded.jars import CHUNK, Jar, Progress, TamperedError, digest
from credithub.errors import Unavailable

AT_ONCE = 4
TRIES = 4
TIMEOUT = (15, 60)  # seconds to connect, seconds without a byte


class _Counter:
    """Adds up bytes of several threads for one progress bar."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._lock, self._total, self._progress, self._there = Lock(), total, progress, 0

    def add(self, count: int) -> None:
        with self._lock:
            self._there += count
            if self._progress:
                self._progress(self._there, self._total)


def download(jars: Sequence[Jar], repository: Path, progress: Progress | None = None) -> None:
    """Fetches each jar to `<path>.part`, resumes one that is there, checks its SHA-256, then gives it its name."""
    way = mirrors.route(os.environ, mirrors.settings_file(), MAVEN_CENTRAL_URL, GlobalSettings.load().repositories)
    counter = _Counter(sum(jar.size for jar in jars), progress)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(_one, jar, repository / jar.path, way, counter) for jar in jars]
        try:
            for job in jobs:
                job.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # one that failed or Ctrl-C ends the rest


def _one(jar: Jar, target: Path, way: mirrors.Route, counter: _Counter) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    counter.add(part.stat().st_size if part.exists() else 0)
    problems: list[str] = []
    for attempt in range(TRIES * len(way.repositories)):
        problem = _attempt(jar, part, way.repositories[attempt % len(way.repositories)], way.proxy, counter)
        if problem is None:
            part.replace(target)
            return
        problems.append(problem)
    if problems[-1] == "sha256":
        raise TamperedError(f"{jar.coordinate}: SHA-256 与锁定文件不符，未使用 / differs from the lock, not used")
    raise Unavailable(
        f"{jar.coordinate} 下载失败 / download failed ({problems[-1]}). "
        "镜像 / mirror: CREDITHUB_MAVEN_REPOSITORY=<url> 或 / or ~/.m2/settings.xml; 代理 / proxy: HTTPS_PROXY"
    )


def _attempt(jar: Jar, part: Path, source: mirrors.Repository, proxy: str, counter: _Counter) -> str | None:
    """None when the part is whole and right; otherwise what went wrong, in a word or two."""
    try:
        _receive(f"{source.url}/{jar.path}", jar, part, source, proxy, counter)
    except (requests.RequestException, OSError) as problem:
        return type(problem).__name__ if not isinstance(problem, requests.HTTPError) else str(problem.response)
    size = part.stat().st_size
    if size < jar.size:
        return "短 / short"
    if digest(part) == jar.sha256:
        return None
    part.unlink()
    counter.add(-size)
    return "sha256"


def _receive(url: str, jar: Jar, part: Path, source: mirrors.Repository, proxy: str, counter: _Counter) -> None:
    there = part.stat().st_size if part.exists() else 0
    if there >= jar.size:
        return
    with requests.get(
        url,
        stream=True,
        timeout=TIMEOUT,
        headers={"Range": f"bytes={there}-"} if there else {},
        auth=(source.user, source.password) if source.user else None,
        proxies={"https": proxy, "http": proxy} if proxy else None,
    ) as response:
        response.raise_for_status()
        if there and response.status_code != requests.codes.partial:
            counter.add(-there)  # this server does not resume: from the start
            there = 0
        with part.open("ab" if there else "wb") as file:
            for chunk in response.iter_content(CHUNK // 16):
                counter.add(file.write(chunk))
