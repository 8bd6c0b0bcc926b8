"""Understands the first steps with a Kafka and a PostgreSQL of one's own: what they are told, what is made in them."""

from __future__ import annotations

import asyncio
import base64
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from credithub.cli import certificates
from credithub.db.migrate import upgrade
from credithub.embedded import accounts, roles
from credithub.embedded.passwords import CONTROLLER, KAFKA_ADMIN, POSTGRES_ADMIN, SERVICES, passwords, private
from credithub.errors import ConfigurationError
from credithub.kafka.admin import ensure_hub_topics
from credithub.settings import PREFIX, Settings
from credithub.vault import create_secrets

OURS = 10001  # the uid in our image
OWNERS: Mapping[str, int] = {"kafka": 1000, "postgres": 999, "authority": 0}  # uids in the official images
app = typer.Typer(
    no_args_is_help=True, help="自有 Kafka 与 PostgreSQL：首次准备 / first steps with servers of your own"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the parts find one another, and where agencies find the hub."""

    public: str = "localhost"
    kafka: str = "kafka:9092"
    agency_port: int = 9094
    postgres: str = "postgres:5432"


@app.command("begin")
def begin_command(
    folder: Annotated[Path, typer.Option(help="须为空 / must be empty")] = Path("private"),
    host: Annotated[
        str, typer.Option(help="单位访问本中枢的主机名 / the name agencies reach this host by")
    ] = "localhost",
) -> None:
    """生成全部密钥、口令与证书 / make every secret, password and certificate."""
    begin(folder, Addresses(public=host))
    typer.echo(f"已生成，请妥善保管 / made; keep it safe: {folder}")


@app.command("prepare")
def prepare_command(
    folder: Annotated[Path, typer.Option(exists=True, help="begin 所生成 / what begin made")] = Path("private"),
) -> None:
    """建角色、表、主题、用户与权限，可重复运行 / roles, tables, topics, users, rights; may be run again."""
    prepare(folder, Settings.from_env())
    typer.echo("就绪 / ready")


def begin(folder: Path, addresses: Addresses) -> None:
    """Writes the folder once; one that holds something is left alone."""
    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"目录非空，不覆盖 / not empty, nothing is overwritten: {folder}")
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    known = passwords(folder / "passwords")
    create_secrets(folder / "secrets")
    _certificates(folder, addresses)
    private(folder / "kafka" / "cluster-id", base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode())
    lines = {"admin": known[KAFKA_ADMIN], "controller": known[CONTROLLER]}
    private(folder / "kafka" / "secrets.properties", "".join(f"{k}={v}\n" for k, v in lines.items()))
    private(folder / "postgres" / "password", known[POSTGRES_ADMIN])
    for name in (*SERVICES, "prepare"):
        told = settings_of(name, folder, addresses, known)
        private(folder / "env" / f"{name}.env", "".join(f"{k}={v}\n" for k, v in told.items()))
    _give(folder)


def prepare(folder: Path, settings: Settings) -> None:
    """Brings PostgreSQL and Kafka to what the services expect. Each step may be repeated."""
    known = passwords(folder / "passwords")
    place = settings.database_url.rpartition("@")[2].partition("?")[0]
    server, _, database = place.partition("/")
    admin = f"postgresql://{POSTGRES_ADMIN}:{known[POSTGRES_ADMIN]}@{server}/postgres"
    if settings.database_ca:  # asyncpg reads the authority from here, in its own words and in SQLAlchemy's
        os.environ["PGSSLROOTCERT"] = settings.database_ca
    roles.create_roles(f"{admin}?sslmode={_tls(settings)}", known, database)
    owner = f"postgresql+asyncpg://credithub_owner:{known['credithub_owner']}@{place}"
    asyncio.run(upgrade(f"{owner}?ssl={_tls(settings)}"))
    asyncio.run(_kafka(settings, known))


async def _kafka(settings: Settings, known: Mapping[str, str]) -> None:
    await accounts.set_up(settings, known, accounts.least_rights())
    await ensure_hub_topics(settings)


def settings_of(name: str, folder: Path, addresses: Addresses, known: Mapping[str, str]) -> dict[str, str]:
    """The environment of one service, or of `prepare`."""
    role = "owner" if name == "prepare" else name
    told = {
        "mode": "production",
        "database_url": f"postgresql+asyncpg://credithub_{role}:{known[f'credithub_{role}']}@{addresses.postgres}/credithub",
        "database_ca": str(folder / "tls" / "ca.pem"),
        "kafka_bootstrap": addresses.kafka,
        "kafka_security": "SASL_SSL",
        "kafka_user": f"credithub-{name}" if name in SERVICES else KAFKA_ADMIN,
        "kafka_password": known[f"credithub-{name}" if name in SERVICES else KAFKA_ADMIN],
        "kafka_ca": str(folder / "tls" / "ca.pem"),
        "kafka_agency_bootstrap": f"{addresses.public}:{addresses.agency_port}",
        "secrets_dir": str(folder / "secrets"),
    }
    if name in ("notifier", "prepare"):
        told |= {"kafka_admin_user": KAFKA_ADMIN, "kafka_admin_password": known[KAFKA_ADMIN]}
    if name == "gateway":
        told |= {"http_host": "0.0.0.0", "advertised_url": f"https://{addresses.public}:8010"}
        told |= {"services": ",".join(f"{n}=http://{n}:8011" for n in SERVICES if n != "gateway")}
        told |= {"tls_cert": str(folder / "tls" / "gateway.pem"), "tls_key": str(folder / "tls" / "gateway.key")}
    elif name in SERVICES:
        told |= {"health_host": "0.0.0.0", "health_port": "8011"}
    return {PREFIX + key.upper(): value for key, value in told.items()}


def _certificates(folder: Path, addresses: Addresses) -> None:
    ca = certificates.authority()
    private(folder / "tls" / "ca.pem", ca.certificate_pem())
    private(folder / "authority" / "ca.key", ca.key_pem())
    reached = {
        "gateway": ("gateway", addresses.public, "localhost", "127.0.0.1"),
        "kafka": (addresses.kafka.partition(":")[0], addresses.public, "localhost", "127.0.0.1"),
        "postgres": (addresses.postgres.partition(":")[0], "localhost", "127.0.0.1"),
    }
    for name, hosts in reached.items():
        made = certificates.server(ca, tuple(dict.fromkeys(hosts)))
        place = folder / ("tls" if name == "gateway" else name)
        private(place / f"{name}.pem", made.certificate_pem())
        private(place / f"{name}.key", made.key_pem())
    kafka = folder / "kafka"
    private(kafka / "keystore.pem", (kafka / "kafka.key").read_text() + (kafka / "kafka.pem").read_text())
    private(kafka / "ca.pem", ca.certificate_pem())


def _give(folder: Path) -> None:
    """Run by root, as in a container: each image's own user gets what is its, and no more."""
    if os.geteuid() != 0:
        return
    for path in sorted(folder.rglob("*")):
        room = path.relative_to(folder).parts[0]
        owner = OWNERS.get(room, OURS)
        os.chown(path, owner, owner)


def _tls(settings: Settings) -> str:
    return "verify-full" if settings.database_ca else "prefer"


if __name__ == "__main__":
    app()
