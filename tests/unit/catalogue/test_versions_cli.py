"""Understands the commands by which a version becomes binding: what they send, and what they tell."""

from __future__ import annotations

import json
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from credithub.cli.catalogue import app
from credithub.domain.catalogue import FILES
from tests.unit.catalogue.shelf import BENCH, SHIPPED, content, row, shipped

TOLD = {
    "version": "2027-demo.1", "state": "consulted", "effective_from": "2027-01-01", "changes_criteria": True,
    "consult_from": "2026-11-23", "consult_to": "2026-12-22",
}  # fmt: skip
PAIR = {"item": "penalty", "measure": "P64-27", "department": "gacc", "number": 12, "unrouted": 3}
PREVIEW = {
    "version": "2027-demo.1", "on": "2027-01-01", "reaches": "new", "compared_with": "2026-illustrative.2",
    "ends": {"total": 2, "pairs": [PAIR | {"number": 2, "because": "document-ended"}], "examples": []},
    "makes": {"hypothetical": True, "total": 12, "unrouted": 3, "pairs": [PAIR], "examples": []},
}  # fmt: skip


class FakeGateway(HTTPServer):
    """Answers every step with the proposal, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.taken: list[tuple[str, dict[str, Any]]] = []


class Door(BaseHTTPRequestHandler):
    server: FakeGateway

    def do_POST(self) -> None:
        self.server.taken.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
        self._say(200, orjson.dumps(TOLD))

    def do_GET(self) -> None:
        if self.path.endswith("format=csv"):
            self._say(200, b"what,record\r\nend,rec_1\r\n")
        elif self.path.endswith("/preview"):
            self._say(200, orjson.dumps(PREVIEW))
        elif self.path == "/v1/catalogues/proposals/2027-demo.1":
            self._say(200, orjson.dumps({"content": shipped().to_json()}))
        else:
            self._say(404, orjson.dumps({"code": "not-found", "title_zh": "没有"}))

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the parent's name
        """Says nothing."""


@pytest.fixture
def gateway() -> Generator[FakeGateway]:
    with FakeGateway() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(gateway: FakeGateway, *arguments: str) -> tuple[int, str]:
    hub = ["--url", f"http://127.0.0.1:{gateway.server_port}", "--key", "operator-key"]
    result = CliRunner().invoke(app, [*arguments, *hub], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_each_step_goes_to_its_own_address_with_its_reason(gateway: FakeGateway) -> None:
    for words in (
        ("propose", str(SHIPPED), "--effective-from", "2027-01-01", "--why", "年度更新"),
        ("consult", "2027-demo.1", "--from", "2026-11-23", "--to", "2026-12-22"),
        ("approve", "2027-demo.1", "--why", "通过"),
        ("reject", "2027-demo.1", "--why", "依据不足"),
    ):
        code, said = run(gateway, *words)
        assert code == 0, said
        assert "2027-demo.1: consulted" in said
    paths = [path.removeprefix("/v1/catalogues/proposals") for path, _ in gateway.taken]
    assert paths == ["", "/2027-demo.1/consult", "/2027-demo.1/approve", "/2027-demo.1/reject"]
    bodies = [body for _, body in gateway.taken]
    assert (bodies[0]["effective_from"], bodies[0]["reason"]) == ("2027-01-01", "年度更新")
    assert bodies[1] == {"from": "2026-11-23", "to": "2026-12-22", "reason": ""}
    assert bodies[3] == {"reason": "依据不足"}


def test_a_preview_tells_the_same_numbers_and_writes_every_row_where_it_is_asked(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    to = tmp_path / "rows.csv"
    code, said = run(gateway, "preview", "2027-demo.1", "--csv", str(to))
    assert code == 0, said
    assert "终止 ends: 2" in said
    assert "document-ended" in said
    assert "would make" in said
    assert to.read_bytes().startswith(b"what,record")


def test_two_versions_are_compared_row_by_row_wherever_they_are(gateway: FakeGateway, tmp_path: Path) -> None:
    changed = content()
    row(changed, "measures", "P64-27")["due_working_days"] = 15
    for key, name in FILES.items():
        if key in changed:
            (tmp_path / name).write_bytes(orjson.dumps(changed[key]))
    code, said = run(gateway, "diff", "2027-demo.1", str(tmp_path))
    assert code == 0, said
    assert "P64-27" in said
    assert "due_working_days" in said
    assert "1 条不同" in said
    assert "没有" in run(gateway, "diff", "2099-none.1", str(BENCH))[1]
