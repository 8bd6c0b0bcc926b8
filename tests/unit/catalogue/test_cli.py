"""Understands `credithub catalogue` at the terminal: what it proves, what it shows, what it posts."""

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
from credithub.domain.catalogue import FILES, from_json
from tests.unit.catalogue.shelf import BENCH, SHIPPED, content, row, shipped

PROBLEM = {"code": "not-allowed", "title": "Operators only", "detail": "仅限运维人员 · operators only"}


class FakeGateway(HTTPServer):
    """Takes one catalogue from whoever has the operator's key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.taken: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Door(BaseHTTPRequestHandler):
    server: FakeGateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        allowed = self.path == "/v1/catalogues" and self.headers["authorization"] == "Bearer operator-key"
        if allowed:
            self.server.taken.append(body)
        self.send_response(201 if allowed else 403)
        self.end_headers()
        self.wfile.write(orjson.dumps({"version": "x"} if allowed else PROBLEM))

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


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def written(folder: Path, spoilt: dict[str, Any]) -> str:
    for key, name in FILES.items():
        (folder / name).write_bytes(orjson.dumps(spoilt[key]))
    return str(folder)


def test_checking_the_shipped_catalogue_succeeds_without_a_path() -> None:
    code, said = run("check")
    assert code == 0
    assert "2026-illustrative.2" in said
    assert "35 可执行 executable" in said


def test_checking_a_faulty_catalogue_names_file_row_and_what_to_do_in_two_languages(tmp_path: Path) -> None:
    spoilt = content()
    row(spoilt, "measures", "P64-44")["departments"] = ["agencies_any"]
    code, said = run("check", written(tmp_path, spoilt))
    assert code == 1
    assert "measures.json P64-44 department-generic" in said
    assert "写明具体部门" in said
    assert "name a department" in said


def test_checking_a_catalogue_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    spoilt = content()
    row(spoilt, "measures", "P64-44")["binding"] = "perhaps"
    code, said = run("check", written(tmp_path, spoilt))
    assert code == 1
    assert "measures.json P64-44 unreadable" in said


def test_an_empty_folder_is_no_shelf(tmp_path: Path) -> None:
    code, said = run("check", str(tmp_path))
    assert code == 1
    assert "没有目录版本" in said


def test_showing_says_that_it_is_illustrative_and_how_far_the_calendar_goes() -> None:
    code, said = run("show")
    assert code == 0
    assert "illustrative" in said
    assert "示例" in said
    assert "2026-12-31" in said
    assert "81 项 pairs" in said


def test_showing_an_item_lists_its_pairs_with_their_clauses() -> None:
    code, said = run("show", "judgment-debtor")
    assert code == 0
    assert "81 组" in said


def test_showing_a_measure_gives_its_citation_and_an_unknown_name_is_refused() -> None:
    code, said = run("show", "P64-44")
    assert code == 0
    assert "中办发[2016]64号" in said
    assert run("show", "P99-99")[0] == 1


def test_loading_posts_the_whole_catalogue_and_its_date(gateway: FakeGateway) -> None:
    code, said = run("load", str(SHIPPED), "--url", gateway.url, "--key", "operator-key")
    assert code == 0, said
    (body,) = gateway.taken
    assert body["effective_from"] == "2026-01-01"
    assert from_json(body["content"]) == shipped()


def test_loading_can_set_another_date(gateway: FakeGateway) -> None:
    run("load", str(BENCH), "--url", gateway.url, "--key", "operator-key", "--effective-from", "2026-12-01")
    assert gateway.taken[0]["effective_from"] == "2026-12-01"


def test_a_refusal_is_told_as_the_gateway_words_it(gateway: FakeGateway) -> None:
    code, said = run("load", str(SHIPPED), "--url", gateway.url, "--key", "another")
    assert code == 1
    assert "not-allowed" in said
    assert "仅限运维人员" in said
    assert gateway.taken == []


def test_a_gateway_that_is_away_is_said_to_be_away(gateway: FakeGateway) -> None:
    code, said = run("load", str(SHIPPED), "--url", "http://127.0.0.1:1", "--key", "operator-key")
    assert code == 1
    assert "cannot be reached" in said


def test_a_faulty_catalogue_is_never_posted(tmp_path: Path, gateway: FakeGateway) -> None:
    spoilt = content()
    row(spoilt, "measures", "P64-44")["citation"] = None
    code, _ = run("load", written(tmp_path, spoilt), "--url", gateway.url, "--key", "operator-key")
    assert code == 1
    assert gateway.taken == []
