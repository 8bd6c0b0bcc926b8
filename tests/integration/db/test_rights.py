"""Understands who may write what in PostgreSQL, as the server itself tells it."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from tests.harness.ground import ROOT, Database

SERVICES = ("gateway", "ingest", "matcher", "notifier")
CROSSING = sorted((ROOT / "deploy" / "migrations" / "sql").glob("*_grants.sql"))
WRITE = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


async def rights(database: Database) -> dict[str, dict[str, set[str]]]:
    """Per table or view: per role that is not its owner, what it may do."""
    rows = await database.rows(
        """
        SELECT format('%s.%s', n.nspname, c.relname) AS name, r.rolname AS role, a.privilege_type AS may
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v') AND a.grantee <> c.relowner
        """,
        [*SERVICES, "hub"],
    )
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        found[str(row["name"])][str(row["role"])].add(str(row["may"]))
    return found


async def test_each_table_is_written_by_its_own_service_alone(database: Database) -> None:
    for name, roles in (await rights(database)).items():
        writers = {role for role, may in roles.items() if may & set(WRITE)}
        assert writers <= {f"credithub_{name.split('.')[0]}"}, name


async def test_the_dashboards_role_can_only_read(database: Database) -> None:
    for name, roles in (await rights(database)).items():
        assert roles.get("credithub_dashboard", set()) <= {"SELECT"}, name


async def test_no_right_is_given_to_everyone(database: Database) -> None:
    open_to_all = await database.rows(
        """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL aclexplode(c.relacl) a WHERE n.nspname = ANY ($1) AND a.grantee = 0
        """,
        [*SERVICES, "hub"],
    )
    assert open_to_all == []


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_can_do_something_in_its_schema(database: Database, service: str) -> None:
    mine = {name: roles for name, roles in (await rights(database)).items() if name.startswith(f"{service}.")}
    assert any("INSERT" in roles.get(f"credithub_{service}", set()) for roles in mine.values())


async def test_what_crosses_between_services_is_read_only_and_stands_in_the_files_of_grants(database: Database) -> None:
    said = "\n".join(path.read_text(encoding="utf-8") for path in CROSSING)
    listed = set(re.findall(r"\b(?:gateway|ingest|matcher|notifier)\.\w+", said))
    for name, roles in (await rights(database)).items():
        schema = name.split(".")[0]
        strangers = roles.keys() - {f"credithub_{schema}", "credithub_dashboard"} if schema != "hub" else set[str]()
        assert not strangers or name in listed, f"{name}: {strangers}"
        assert all(roles[role] == {"SELECT"} for role in strangers), name
