"""Understands PostgreSQL's own programs for dumps: which to use, how to dump, how to put a dump back as one transaction."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from credithub.embedded import postgres
from credithub.errors import ConfigurationError, CreditHubError
from credithub.settings import Settings

NEEDED = ("pg_dump", "pg_restore", "psql")
CHUNK = 1 << 20
NEW_IN_17 = b"SET transaction_timeout = 0;\n"  # older servers do not know it


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database and who its owner is."""

    host: str
    port: int
    user: str
    password: str
    database: str
    ca: str = ""
    own_programs: bool = False  # the embedded server's; they know no TLS

    @staticmethod
    def of(settings: Settings, *, own_programs: bool = False) -> Place:
        parts = urlsplit(settings.database_url)
        return Place(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 5432,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=parts.path.lstrip("/"),
            ca=settings.database_ca,
            own_programs=own_programs,
        )

    def env(self) -> dict[str, str]:
        """What the programs are told; the password is in no list of processes."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        told = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
            "PGAPPNAME": "keeping",
            "PGCONNECT_TIMEOUT": "10",
            "PGSSLMODE": "verify-full" if self.ca else "prefer",
        }
        return inherited | told | ({"PGSSLROOTCERT": self.ca} if self.ca else {})


def programs(place: Place, server: int) -> Path:
    """A folder with pg_dump, pg_restore and psql that are at least as new as the server of that major version."""
    own = _own()
    found = [own] if place.own_programs and own else [*_installed(), *([own] if own and not place.ca else [])]
    for folder in found:
        if major(folder) >= server:
            return folder
    raise ConfigurationError(
        f"需要 {server} 及以上版本的 pg_dump、pg_restore、psql / these are needed, version {server} or newer"
        f"\n  apt install postgresql-client-{server}"
    )


def major(folder: Path) -> int:
    """The version of the programs in the folder."""
    said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)", said)
    return int(found.group(1)) if found else 0


def dump(place: Place, folder: Path, file: Path, snapshot: str) -> None:
    """Everything in the database as that snapshot sees it; who writes meanwhile is not held up."""
    command = [folder / "pg_dump", "--format=custom", "--compress=6", f"--snapshot={snapshot}", f"--file={file}"]
    done = subprocess.run(command, env=place.env(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CreditHubError(f"pg_dump: {done.stderr.strip()[-500:]}")


def put_back(place: Place, folder: Path, file: Path, *, server: int, before: str, after: Iterable[str]) -> None:
    """Runs `before`, the dump, then `after` as one transaction: all of it, or the database stays as it was."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as trouble:
        reading = subprocess.Popen(
            [folder / "pg_restore", "--file=-", file], stdout=subprocess.PIPE, stderr=trouble, env=_plain()
        )
        writing = subprocess.Popen(
            [folder / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=place.env(),
        )  # fmt: skip
        assert reading.stdout
        assert writing.stdin
        whole = _feed(writing.stdin, reading, server=server, before=before, after=after)
        ended = writing.wait(), reading.wait()
        if not whole or any(ended):
            raise CreditHubError(
                f"未恢复，数据库保持原状 / not restored, the database is as it was\n{_end(said, trouble)}"
            )


def _feed(into: IO[bytes], reading: subprocess.Popen[bytes], *, server: int, before: str, after: Iterable[str]) -> bool:
    """False where it broke off: without the last word nothing is committed."""
    assert reading.stdout
    with suppress(BrokenPipeError), reading.stdout as script, into:
        into.write(f"BEGIN;\n{before}\n".encode())
        head = script.read(4096)
        into.write(head if server >= 17 else head.replace(NEW_IN_17, b""))
        shutil.copyfileobj(script, into, CHUNK)
        if reading.wait() != 0:
            return False
        for part in after:
            into.write(part.encode())
        into.write(b"COMMIT;\n")
        into.flush()
        return True
    return False


def _end(*logs: IO[bytes]) -> str:
    said: list[str] = []
    for log in logs:
        log.seek(0)
        said.append(log.read().decode(errors="replace").strip()[-500:])
    return "\n".join(filter(None, said))


def _own() -> Path | None:
    try:
        return postgres.programs()
    except ConfigurationError:
        return None


def _installed() -> list[Path]:
    """On the PATH, or where Debian keeps each version, newest first."""
    found = shutil.which("pg_dump")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    folders = [*([Path(found).parent] if found else []), *versions]
    return [folder for folder in folders if all((folder / name).exists() for name in NEEDED)]


def _plain() -> Mapping[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}
