"""Understands what the command line answers without a hub: languages, exit codes, options, checks."""

from __future__ import annotations

import json
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import typer
from typer.testing import CliRunner, Result

from credithub.cli import main, texts
from credithub.cli.checks import CHECKS
from credithub.cli.terminal import AUTH, FAILED, UNREACHABLE

runner = CliRunner()
OBJECTION = {
    "objection": "异1",
    "state": "open",
    "next": [{"who": "samr-130822", "what": "verify", "due_on": "2026-11-20", "late": True}],
    "late": True,
}


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    main.fill()
    return main.app


@pytest.fixture
def hub() -> Generator[str]:
    """A hub that answers each path with a status of its own."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            kind = self.path.partition("?")[0].rsplit("/", 1)[-1]
            if "format=csv" in self.path:
                return self.say(200, "部门 department\nmnr\n".encode())
            status, body = {
                "agencies": (200, {"agencies": [{"id": "mnr-130822", "channels": ["kafka", "pull"]}], "next": None}),
                "objections": (200, {"objections": [OBJECTION], "next": None}),
                "异1": (200, OBJECTION),
                "%E5%BC%821": (200, OBJECTION),
                "accounting": (200, {"figures": [{"department": "mnr", "triggered": 3}], "violations": []}),
                "holding": (200, {"known": True, "holding": [{"agency": "mnr-130822", "number": 2, "hours": 4.5}]}),
                "keys": (403, {"code": "not-allowed", "title": "只有操作员可以 / operators only"}),
            }.get(kind, (404, {"code": "no-such-thing", "title": "没有 / none"}))
            return self.say(status, json.dumps(body).encode())

        def say(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def call(app: typer.Typer, folder: Path, *words: str) -> Result:
    return runner.invoke(app, main.hoisted([*words, "--data", str(folder)]))


def test_global_options_may_follow_our_commands_but_not_those_of_other_rooms() -> None:
    assert main.hoisted(["status", "--json", "--lang=zh"]) == ["--json", "--lang=zh", "status"]
    assert main.hoisted(["agency", "list", "--data", "x"]) == ["--data", "x", "agency", "list"]
    assert main.hoisted(["catalogue", "load", "--url", "u"]) == ["catalogue", "load", "--url", "u"]


@pytest.mark.parametrize(("said", "lang"), [("zh_CN.UTF-8", "zh"), ("en_GB.UTF-8", "en"), ("C.UTF-8", "en")])
def test_the_terminal_s_language_is_spoken(monkeypatch: pytest.MonkeyPatch, said: str, lang: str) -> None:
    for name in ("CREDITHUB_LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", said)
    assert texts.language() == lang
    assert texts.language("zh") == "zh"


def test_every_text_is_there_in_both_languages_with_the_same_gaps() -> None:
    import string

    for name, (zh, en) in texts.TEXTS.items():
        gaps = [{field for _, field, _, _ in string.Formatter().parse(said) if field} for said in (zh, en)]
        assert gaps[0] == gaps[1], name


def test_rows_come_as_a_table_or_as_json(app: typer.Typer, hub: str, tmp_path: Path) -> None:
    table = call(app, tmp_path, "agency", "list", "--url", hub, "--key", "k")
    assert "mnr-130822" in table.output
    assert "kafka,pull" in table.output
    listed = call(app, tmp_path, "agency", "list", "--url", hub, "--key", "k", "--json")
    assert json.loads(listed.stdout)[0]["id"] == "mnr-130822"


def test_a_refused_key_ends_with_four_and_says_why(app: typer.Typer, hub: str, tmp_path: Path) -> None:
    result = call(app, tmp_path, "key", "list", "--url", hub, "--key", "k")
    assert result.exit_code == AUTH
    assert "not-allowed" in result.output


def test_any_other_refusal_ends_with_one(app: typer.Typer, hub: str, tmp_path: Path) -> None:
    assert call(app, tmp_path, "agency", "revoke", "x-130822", "--url", hub, "--key", "k").exit_code == FAILED


def test_no_hub_and_an_unreachable_one_end_with_five(app: typer.Typer, tmp_path: Path) -> None:
    assert call(app, tmp_path, "agency", "list").exit_code == UNREACHABLE
    away = call(app, tmp_path, "agency", "list", "--url", "http://127.0.0.1:1", "--key", "k")
    assert away.exit_code == UNREACHABLE


def test_a_mistyped_command_ends_with_two(app: typer.Typer, tmp_path: Path) -> None:
    assert call(app, tmp_path, "stauts").exit_code == 2


def test_doctor_has_many_checks_and_a_line_for_each_finding(app: typer.Typer, tmp_path: Path) -> None:
    assert len(CHECKS) >= 12
    found = json.loads(call(app, tmp_path, "doctor", "--json").stdout)
    assert len(found) == len(CHECKS)
    assert all(one["mend"] for one in found if one["level"] in ("warn", "fail"))


def test_status_says_that_nothing_runs(app: typer.Typer, tmp_path: Path) -> None:
    result = call(app, tmp_path, "status", "--json")
    assert result.exit_code == FAILED
    assert json.loads(result.stdout)["running"] is False


def test_reset_asks_first_and_never_deletes_a_folder_that_is_not_ours(app: typer.Typer, tmp_path: Path) -> None:
    foreign, ours = tmp_path / "foreign", tmp_path / "ours"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("dear", encoding="utf-8")
    assert call(app, foreign, "reset", "--yes").exit_code == FAILED
    assert (foreign / "letter.txt").exists()
    (ours / "secrets").mkdir(parents=True)
    refused = runner.invoke(app, main.hoisted(["reset", "--data", str(ours)]), input="n\n")
    assert refused.exit_code == FAILED
    assert ours.exists()
    assert call(app, ours, "reset", "--yes").exit_code == 0
    assert not ours.exists()


def test_what_is_under_way_is_shown_with_who_must_do_what(app: typer.Typer, hub: str, tmp_path: Path) -> None:
    listed = call(app, tmp_path, "objection", "list", "--mine", "late", "--url", hub, "--key", "k")
    assert "samr-130822 verify 2026-11-20 !" in listed.output
    shown = call(app, tmp_path, "objection", "show", "异1", "--url", hub, "--key", "k", "--json")
    assert json.loads(shown.stdout)["objection"] == "异1"


def test_accounting_and_holding_come_as_tables_and_figures_as_a_file(
    app: typer.Typer, hub: str, tmp_path: Path
) -> None:
    assert "triggered" in call(app, tmp_path, "accounting", "--url", hub, "--key", "k").output
    assert "4.5" in call(app, tmp_path, "holding", "--url", hub, "--key", "k").output
    file = tmp_path / "figures.csv"
    call(app, tmp_path, "accounting", "--csv", str(file), "--url", hub, "--key", "k")
    assert file.read_text(encoding="utf-8").startswith("部门 department")
