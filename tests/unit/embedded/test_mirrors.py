"""Understands that downloads go by the mirrors and proxies this machine has been told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from credithub.embedded.mirrors import Repository, route
from credithub.errors import ConfigurationError

CENTRAL = "https://central.example/maven2"
SETTINGS = """<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
  <mirrors>
    <mirror><id>other</id><mirrorOf>spring</mirrorOf><url>https://no.example</url></mirror>
    <mirror><id>house</id><mirrorOf>{of}</mirrorOf><url>https://mirror.example/maven/</url></mirror>
  </mirrors>
  <servers><server><id>house</id><username>${{env.MIRROR_USER}}</username><password>p</password></server></servers>
  <proxies><proxy><active>true</active><host>proxy.example</host><port>3128</port></proxy></proxies>
</settings>"""


def settings(folder: Path, of: str = "central") -> Path:
    path = folder / "settings.xml"
    path.write_text(SETTINGS.format(of=of), encoding="utf-8")
    return path


def test_without_any_settings_it_is_the_central_repository(tmp_path: Path) -> None:
    assert route({}, tmp_path / "none.xml", CENTRAL, {}).repositories == (Repository(url=CENTRAL),)


@pytest.mark.parametrize("of", ["central", "*", "external:*", "*,!spring"])
def test_a_mirror_of_central_takes_its_place_with_its_account(tmp_path: Path, of: str) -> None:
    way = route({"MIRROR_USER": "reader"}, settings(tmp_path, of), CENTRAL, {})
    assert way.repositories == (Repository(url="https://mirror.example/maven", user="reader", password="p"),)


def test_a_mirror_that_leaves_central_out_is_not_used(tmp_path: Path) -> None:
    assert route({}, settings(tmp_path, "*,!central"), CENTRAL, {}).repositories == (Repository(url=CENTRAL),)


def test_the_environment_wins_over_every_file(tmp_path: Path) -> None:
    env = {"CREDITHUB_MAVEN_REPOSITORY": "https://a.example/, https://b.example"}
    urls = [repository.url for repository in route(env, settings(tmp_path), CENTRAL, {}).repositories]
    assert urls == ["https://a.example", "https://b.example"]


def test_repositories_of_jgo_come_after_central_or_replace_it(tmp_path: Path) -> None:
    none = tmp_path / "none.xml"
    assert [r.url for r in route({}, none, CENTRAL, {"x": "https://x.example"}).repositories] == [
        CENTRAL,
        "https://x.example",
    ]
    assert [r.url for r in route({}, none, CENTRAL, {"central": "https://c.example"}).repositories] == [
        "https://c.example"
    ]


def test_the_proxy_of_settings_serves_where_the_environment_names_none(tmp_path: Path) -> None:
    path = settings(tmp_path)
    assert route({}, path, CENTRAL, {}).proxy == "http://proxy.example:3128"
    assert route({"HTTPS_PROXY": "http://mine.example"}, path, CENTRAL, {}).proxy == ""


def test_broken_settings_are_named_as_the_trouble(tmp_path: Path) -> None:
    path = tmp_path / "settings.xml"
    path.write_text("<settings>", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"settings\.xml"):
        route({}, path, CENTRAL, {})
