"""Understands what `credithub clock` refuses before it asks any database."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from credithub.cli import main
from credithub.cli.terminal import FAILED, USAGE
from credithub.errors import ConfigurationError

main.fill(["clock"])


def call(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main.app, main.hoisted(["clock", *words, "--data", str(folder), "--lang", "en"]))


@pytest.mark.parametrize("span", ["8", "wd", "0d", "8 wd", "1w", "12345d"])
def test_a_span_that_is_none_is_a_mistake_of_usage(tmp_path: Path, span: str) -> None:
    result = call(tmp_path, "advance", span)
    assert result.exit_code == USAGE
    assert "8wd (working days), 10d, 3mo or 3y" in result.output


@pytest.mark.parametrize("words", [["advance", "3y"], ["show"]])
def test_in_production_there_is_no_clock_to_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("CREDITHUB_MODE", "production")
    monkeypatch.setenv("CREDITHUB_KAFKA_SECURITY", "SASL_SSL")
    result = call(tmp_path, *words)
    assert result.exit_code == FAILED
    assert isinstance(result.exception, ConfigurationError)
    assert "in production" in str(result.exception)
