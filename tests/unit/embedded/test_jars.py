"""Understands that no jar is used but the one the lock names, and that a download goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from credithub.embedded import jars
from credithub.embedded.jars import Jar, Lock, TamperedError
from credithub.errors import Unavailable

CONTENT = bytes(range(256)) * 1000


@dataclass
class Repository:
    """A Maven repository on this machine; `cut` bytes and it hangs up, once."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: list[str | None] = field(default_factory=list)
    cut: int = 0
    resumes: bool = True


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Generator[Repository]:
    repository = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("range")
            repository.ranges.append(asked)
            content = repository.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and repository.resumes else 0
            self.send_response(206 if start else 200)
            self.send_header("content-length", str(len(content) - start))
            self.end_headers()
            end = repository.cut or len(content)
            repository.cut = 0
            self.wfile.write(content[start:end])

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    repository.url = f"http://127.0.0.1:{server.server_port}"
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CREDITHUB_MAVEN_REPOSITORY", repository.url)
    yield repository
    server.shutdown()
    server.server_close()
    thread.join()


def lock_of(content: bytes = CONTENT) -> Lock:
    jar = Jar(coordinate="org.example:part:1.0", sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    return Lock(version="1.0", jars=(jar,))


def serve(repository: Repository, content: bytes) -> None:
    repository.files["/org/example/part/1.0/part-1.0.jar"] = content


def test_the_committed_lock_names_kafka_with_a_digest_for_every_jar() -> None:
    lock = jars.read_lock()
    assert lock.version.startswith("4.")
    assert f"org.apache.kafka:kafka_2.13:{lock.version}" in {jar.coordinate for jar in lock.jars}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in lock.jars)
    clients = {jar.coordinate for jar in lock.jars if ":kafka-" in jar.coordinate}
    assert {coordinate.rsplit(":", 1)[1] for coordinate in clients} == {lock.version}


def test_the_lock_names_no_host() -> None:
    text = (Path(jars.__file__).parent / jars.LOCK).read_text(encoding="utf-8")
    assert "://" not in text
    assert set(json.loads(text)) == {"version", "jars"}


def test_a_jar_is_downloaded_verified_and_then_used_offline(repository: Repository, tmp_path: Path) -> None:
    serve(repository, CONTENT)
    seen: list[tuple[int, int]] = []
    lock = lock_of()
    paths = jars.classpath(lock, tmp_path, lambda there, total: seen.append((there, total)))
    assert paths[0].read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    repository.files.clear()
    assert jars.classpath(lock, tmp_path) == paths


def test_a_download_that_broke_off_goes_on_where_it_stopped(repository: Repository, tmp_path: Path) -> None:
    serve(repository, CONTENT)
    repository.cut = 100_000
    jars.classpath(lock_of(), tmp_path)
    resumed = [asked for asked in repository.ranges if asked]
    assert len(resumed) == 1
    assert 0 < int(resumed[0].removeprefix("bytes=").rstrip("-")) <= 100_000


def test_a_server_that_cannot_resume_is_read_from_the_start(repository: Repository, tmp_path: Path) -> None:
    serve(repository, CONTENT)
    repository.cut, repository.resumes = 100_000, False
    assert jars.classpath(lock_of(), tmp_path)[0].read_bytes() == CONTENT


def test_another_jar_from_the_net_is_refused_and_not_kept(repository: Repository, tmp_path: Path) -> None:
    serve(repository, CONTENT[:-1] + b"!")
    with pytest.raises(TamperedError, match=r"org\.example:part"):
        jars.classpath(lock_of(), tmp_path)
    assert not list(tmp_path.rglob("*.jar*"))


def test_a_jar_changed_on_disk_is_replaced_before_use(repository: Repository, tmp_path: Path) -> None:
    serve(repository, CONTENT)
    path = jars.classpath(lock_of(), tmp_path)[0]
    path.write_bytes(b"!" + CONTENT[1:])
    assert jars.classpath(lock_of(), tmp_path)[0].read_bytes() == CONTENT


def test_an_absent_jar_says_what_may_be_set(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="CREDITHUB_MAVEN_REPOSITORY"):
        jars.classpath(lock_of(), tmp_path)
