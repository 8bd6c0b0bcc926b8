"""Understands where this machine fetches Maven artifacts from: mirrors first, the central repository last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from credithub.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A Maven repository's address, with a name and password when settings.xml gives them."""

    url: str
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The repositories to try, in order, and the proxy of settings.xml where the environment names none."""

    repositories: tuple[Repository, ...]
    proxy: str = ""


def route(env: Mapping[str, str], settings_xml: Path, central: str, configured: Mapping[str, str]) -> Route:
    """CREDITHUB_MAVEN_REPOSITORY wins; then settings.xml's mirror of central, jgo's own repositories, central."""
    named = [url for url in env.get("CREDITHUB_MAVEN_REPOSITORY", "").split(",") if url.strip()]
    if named:
        return Route(repositories=tuple(Repository(url=_clean(url)) for url in named), proxy=_proxy(env, settings_xml))
    mirror = _mirror(env, settings_xml)
    rest = [Repository(url=_clean(url)) for name, url in configured.items() if name != "central"]
    first = mirror or Repository(url=_clean(configured.get("central", central)))
    return Route(repositories=(first, *rest), proxy=_proxy(env, settings_xml))


def _mirror(env: Mapping[str, str], settings_xml: Path) -> Repository | None:
    root = _read(settings_xml)
    for mirror in [] if root is None else root.findall("./mirrors/mirror"):
        of = [part.strip() for part in _text(env, mirror, "mirrorOf").split(",")]
        if "!central" not in of and {"central", "*", "external:*"} & set(of):
            user, password = _server(env, root, _text(env, mirror, "id"))
            return Repository(url=_clean(_text(env, mirror, "url")), user=user, password=password)
    return None


def _server(env: Mapping[str, str], root: ElementTree.Element | None, name: str) -> tuple[str, str]:
    for server in [] if root is None else root.findall("./servers/server"):
        if _text(env, server, "id") == name:
            return _text(env, server, "username"), _text(env, server, "password")
    return "", ""


def _proxy(env: Mapping[str, str], settings_xml: Path) -> str:
    if any(env.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return ""  # requests reads these itself, NO_PROXY too
    root = _read(settings_xml)
    for proxy in [] if root is None else root.findall("./proxies/proxy"):
        if _text(env, proxy, "active").lower() != "false" and _text(env, proxy, "host"):
            return f"http://{_text(env, proxy, 'host')}:{_text(env, proxy, 'port') or '8080'}"
    return ""


def _read(settings_xml: Path) -> ElementTree.Element | None:
    """The parsed file without its namespace, or None where there is no such file."""
    try:
        text = settings_xml.read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        return ElementTree.fromstring(re.sub(r'\sxmlns="[^"]+"', "", text, count=1))  # noqa: S314 - the user's own file
    except ElementTree.ParseError as problem:
        raise ConfigurationError(f"Maven settings.xml 不可读 / is unreadable: {problem}") from None


def _text(env: Mapping[str, str], element: ElementTree.Element, name: str) -> str:
    raw = (element.findtext(name) or "").strip()
    return re.sub(r"\$\{env\.([^}]+)}", lambda m: env.get(m.group(1), ""), raw)


def _clean(url: str) -> str:
    return url.strip().rstrip("/")


def settings_file() -> Path:
    """Where Maven keeps a user's settings."""
    return Path("~").expanduser() / ".m2" / "settings.xml"
