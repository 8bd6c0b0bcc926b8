"""Understands what is shipped for servers: linted, without default secrets, each word of it known to the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from credithub.cli.server import Addresses, begin, settings_of
from credithub.embedded.accounts import least_rights
from credithub.embedded.passwords import KAFKA_USERS, SERVICES, passwords
from credithub.settings import Settings
from credithub.topics import AGENCY_PREFIX, HUB_TOPICS
from tests.house.test_docs import anchors
from tests.house.tree import ROOT, text
from tools import reference

pytestmark = pytest.mark.house

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load(text(Path("deploy/compose.yaml")))
TOOLS = Path(sys.executable).parent


def lint(*command: str) -> str:
    done = subprocess.run([str(TOOLS / command[0]), *command[1:]], check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    assert lint("hadolint", str(DEPLOY / "Dockerfile")) == ""


def test_compose_is_what_its_specification_allows() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    assert lint("check-jsonschema", *schema, str(DEPLOY / "compose.yaml")) == ""


def test_the_image_holds_what_it_copies_and_is_not_run_by_root() -> None:
    lines = text(Path("deploy/Dockerfile")).splitlines()
    allowed = text(Path("deploy/Dockerfile.dockerignore")).splitlines()
    for line in (line for line in lines if line.startswith("COPY ") and "--from" not in line):
        for source in line.split()[1:-1]:
            assert (ROOT / source).exists(), line
            assert f"!{source}" in allowed, f"{source} is kept out of the build"
    assert [line for line in lines if line.startswith("USER")][-1] == "USER 10001:10001"
    assert "--require-hashes" in text(Path("deploy/Dockerfile"))


def test_the_four_commands_are_the_four_services() -> None:
    commands = {name: COMPOSE["services"][name]["command"] for name in SERVICES}
    assert commands == {name: [f"services.{name}"] for name in SERVICES}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_container_has_a_secret_of_its_own_or_an_unpinned_image(name: str) -> None:
    service = COMPOSE["services"][name]
    for key, value in service.get("environment", {}).items():
        assert "PASSWORD" not in key or value.startswith("/private/"), key
    image = service["image"]
    assert image == "credithub" or re.fullmatch(r"[\w./-]+:\d[\w.-]*", image)
    if service.get("restart") == "unless-stopped":
        assert "healthcheck" in service
        assert service["logging"]["options"]["max-size"]


def test_what_begin_makes_is_what_compose_mounts(tmp_path: Path) -> None:
    private = tmp_path / "private"
    begin(private, Addresses())
    wanted = [
        source
        for service in COMPOSE["services"].values()
        for source in (*service.get("env_file", []), *(v.split(":")[0] for v in service.get("volumes", [])))
        if source.startswith("./private/")
    ]
    assert wanted
    for source in wanted:
        assert (tmp_path / source).exists(), source
    for file in private.rglob("*"):
        assert file.is_dir() or file.stat().st_mode & 0o077 == 0, file


def test_every_variable_of_an_environment_is_a_setting(tmp_path: Path) -> None:
    known = passwords(tmp_path)
    for name in (*SERVICES, "prepare"):
        env = settings_of(name, Path("/private"), Addresses(public="hub"), known)
        settings = Settings.from_env(env)
        assert settings.mode == "production"
        assert {key.removeprefix("CREDITHUB_").lower() for key in env} <= set(Settings.__dataclass_fields__)
    gateway = settings_of("gateway", Path("/private"), Addresses(), known)
    assert not any("ADMIN" in key for key in gateway)


def test_rights_in_kafka_name_only_our_users_and_topics() -> None:
    for right in least_rights():
        assert right.user in KAFKA_USERS
        inside = right.name in HUB_TOPICS or (right.prefixed and right.name in {"credit.", AGENCY_PREFIX})
        assert inside or (right.kind == "group" and right.name == "credithub-")
    assert not any(right.user == "credithub-gateway" and right.operation == "READ" for right in least_rights())


def test_every_alert_counts_what_we_count_and_has_its_runbook() -> None:
    metrics = reference.metrics()
    rules = yaml.safe_load(text(Path("deploy/alerts/credithub.yml")))["groups"][0]["rules"]
    for rule in rules:
        for metric in re.findall(r"credithub_\w+", rule["expr"]):
            assert f"`{metric}`" in metrics, rule["alert"]
        assert rule["annotations"]["runbook"] in anchors(Path("docs/en/runbooks.md")), rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_the_broker_configuration_holds_no_secret_and_makes_no_topic_by_itself() -> None:
    properties = text(Path("deploy/kafka/server.properties"))
    for value in re.findall(r'(?:password|user_[\w-]+)="([^"]*)"', properties):
        assert value.startswith("${file:/private/kafka/")
    assert "auto.create.topics.enable=false" in properties
    assert "allow.everyone.if.no.acl.found=false" in properties
