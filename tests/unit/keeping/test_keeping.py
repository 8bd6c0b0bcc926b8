"""What can be decided about backups, restores and retention without any server."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from credithub.db import migrate, retention
from credithub.db.restores import READERS
from credithub.embedded import epochs, pgtools
from credithub.embedded.archive import Manifest, Position, TopicEnds, look_into, pack, unpack
from credithub.embedded.pgtools import Place, put_back
from credithub.embedded.restore import Told, gaps_of, next_epoch
from credithub.embedded.restore_report import state_of
from credithub.errors import ConfigurationError, CreditHubError
from credithub.kafka.offsets import Extent
from credithub.settings import Settings
from credithub.topics import EVENTS
from tests.harness.told import lift, notification, refusal, reminder
from tests.house.tree import text

EVENTS_READER = next(reader for reader in READERS if reader.topic is EVENTS)


def manifest(**changed: object) -> Manifest:
    values: dict[str, object] = {
        "made_at": "2026-11-20T00:00:00.000000Z", "epoch": 3, "clock_ahead_seconds": 0.0, "revision": "0005",
        "catalogues": ("demo-1",), "secrets": "ab", "server": 18, "cluster": "c",
        "topics": (TopicEnds(topic=EVENTS.name, topic_id="t", ends=(5, 7)),), "positions": (position(3),),
    }  # fmt: skip
    return Manifest(**values | changed)  # type: ignore[arg-type]


def position(offset: int, **changed: object) -> Position:
    values: dict[str, object] = {
        "service": "matcher", "grp": EVENTS_READER.group, "cluster": "c", "topic": EVENTS.name, "topic_id": "t",
        "partition": 0, "position": offset,
    }  # fmt: skip
    return Position(**values | changed)  # type: ignore[arg-type]


def extent(begin: int = 0, end: int = 10, cluster: str = "c") -> Extent:
    place = (EVENTS.name, 0)
    return Extent(cluster=cluster, topic_ids={EVENTS.name: "t"}, begins={place: begin}, ends={place: end})


# ------------------------------------------------------------------------------------------------ the file
def test_a_backup_comes_out_as_it_went_in(tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(b"content" * 1000)
    made = pack(tmp_path / "b.tar", manifest(), tmp_path / "dump")
    assert look_into(tmp_path / "b.tar") == made
    assert unpack(tmp_path / "b.tar", tmp_path / "again") == made
    assert (tmp_path / "again").read_bytes() == (tmp_path / "dump").read_bytes()
    assert (tmp_path / "b.tar").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "b.tar", "dump"]


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(b"content" * 1000)
    pack(tmp_path / "b.tar", manifest(), tmp_path / "dump")
    content = (tmp_path / "b.tar").read_bytes().replace(b"contentcontent", b"contenTcontent", 1)
    (tmp_path / "b.tar").write_bytes(content)
    with pytest.raises(ConfigurationError, match="SHA-256"):
        unpack(tmp_path / "b.tar", tmp_path / "again")


@pytest.mark.parametrize("told", [b"{}", b"[]", b"no json", json.dumps({"format": 99}).encode()])
def test_what_is_no_backup_of_ours_is_refused(tmp_path: Path, told: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(told)
    with pytest.raises(ConfigurationError):
        look_into(tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(told)
        tar.addfile(entry, io.BytesIO(told))
    with pytest.raises(ConfigurationError):
        look_into(tmp_path / "x.tar")


# ------------------------------------------------------------------------------------------------ epochs
def test_the_highest_epoch_is_kept_outside_the_database(tmp_path: Path) -> None:
    assert epochs.highest(tmp_path) == 1
    epochs.keep(tmp_path, {"epoch": 4, "at": "x", "dump": "y"})
    epochs.keep(tmp_path, {"epoch": 3, "at": "x", "dump": "y"})
    assert epochs.highest(tmp_path) == 4
    assert len(epochs.raised(tmp_path)) == 2


def test_an_unreadable_file_of_epochs_is_an_error_and_not_the_first_epoch(tmp_path: Path) -> None:
    (tmp_path / epochs.FILE).write_text("{}")
    with pytest.raises(ConfigurationError):
        epochs.highest(tmp_path)


def test_a_restore_takes_an_epoch_above_all_known_and_far_above_where_nobody_would_remember() -> None:
    assert next_epoch((1, 4, 2, 0), same_kafka=True) == 5
    assert next_epoch((1, 1, 1, 0), same_kafka=False) > 50


# ------------------------------------------------------------------------------------------------ what Kafka tells
def test_of_each_obligation_the_newest_version_told_counts_and_refusals_are_none() -> None:
    told = Told()
    later = lift(1, epoch=2)
    for one in (notification(1), lift(2), notification(1), reminder(2), refusal(), later):
        told.hear(one)
    assert told.newest == {(later.agency, later.obligation): ((2, 1), "lifted")}
    assert told.highest_epoch == 2


def test_a_reader_behind_what_kafka_still_has_is_a_gap() -> None:
    assert gaps_of([position(3)], extent(begin=3)) == []
    (gap,) = gaps_of([position(3)], extent(begin=5))
    assert (gap.topic, gap.since, gap.until) == (EVENTS.name, 3, 5)


def test_positions_of_another_cluster_topic_or_reader_are_no_gap() -> None:
    others = [position(3, cluster="d"), position(3, topic_id="u"), position(3, grp="credithub-notifier-feedback")]
    assert gaps_of(others, extent(begin=5)) == []


@pytest.mark.parametrize(
    ("there", "newer", "caught_up", "now"),
    [
        (False, False, False, "unknown"),
        (False, False, True, "orphan"),
        (True, False, True, "awaiting"),
        (True, True, True, "known"),
    ],
)
def test_a_doubt_is_unknown_until_all_is_read_and_then_an_orphan(
    there: bool, newer: bool, caught_up: bool, now: str
) -> None:
    assert state_of(there=there, newer=newer, caught_up=caught_up) == now


def test_the_readers_are_the_groups_that_the_services_run() -> None:
    """The names stand in two places, since the command line may not lean on services."""
    said = {service: text(Path(f"services/{service}/wiring.py")) for service in ("ingest", "matcher", "notifier")}
    assert '"credithub-ingest"' in said["ingest"]
    assert "credithub-matcher-{topic.rsplit('.', 1)[1]}" in said["matcher"]
    assert "credithub-notifier-{lane}" in said["notifier"]
    assert 'LANES = {"ends": topics.ENDS, "rest": topics.NOTIFICATIONS}' in said["notifier"]
    for reader in (reader for reader in READERS if reader.service == "matcher"):
        assert reader.group == f"credithub-matcher-{reader.topic.name.rsplit('.', 1)[1]}"


# ------------------------------------------------------------------------------------------------ the programs
def test_the_password_is_in_the_environment_of_the_programs_and_nowhere_else() -> None:
    place = Place.of(Settings(database_url="postgresql+asyncpg://owner:p%40ss@db.example:6432/hub", database_ca="/ca"))
    assert (place.host, place.port, place.user, place.database) == ("db.example", 6432, "owner", "hub")
    assert place.env()["PGPASSWORD"] == "p@ss"
    assert place.env()["PGSSLMODE"] == "verify-full"


def test_programs_older_than_the_server_are_not_used() -> None:
    place = Place.of(Settings(), own_programs=True)
    newest = pgtools.major(pgtools.programs(place, 15))
    with pytest.raises(ConfigurationError, match="postgresql-client"):
        pgtools.programs(place, newest + 1)


def test_nothing_is_committed_where_the_script_breaks_off(tmp_path: Path) -> None:
    """pg_restore dies half-way: psql never hears COMMIT."""
    heard = tmp_path / "heard"
    _program(tmp_path / "pg_restore", "import sys; sys.stdout.write('SELECT 1;\\n'); sys.exit(1)")
    _program(tmp_path / "psql", f"import sys; open({str(heard)!r}, 'w').write(sys.stdin.read())")
    with pytest.raises(CreditHubError, match="as it was"):
        put_back(Place.of(Settings()), tmp_path, tmp_path / "dump", server=18, before="DROP;", after=["UPDATE;\n"])
    assert heard.read_text() == "BEGIN;\nDROP;\nSELECT 1;\n"


def test_an_older_server_is_not_told_of_a_setting_that_it_lacks(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = "SET transaction_timeout = 0;\\nSELECT 1;\\n"
    _program(tmp_path / "pg_restore", f"import sys; sys.stdout.write('{script}')")
    _program(tmp_path / "psql", f"import sys; open({str(heard)!r}, 'w').write(sys.stdin.read())")
    put_back(Place.of(Settings()), tmp_path, tmp_path / "dump", server=15, before="", after=["UPDATE;\n"])
    assert heard.read_text() == "BEGIN;\n\nSELECT 1;\nUPDATE;\nCOMMIT;\n"


def _program(path: Path, code: str) -> None:
    path.write_text(f"#!{sys.executable}\n{code}\n")
    path.chmod(0o755)


# ------------------------------------------------------------------------------------------------ retention
def terms(tmp_path: Path, table: str, days: int | None) -> Path:
    file = tmp_path / "retention.json"
    file.write_text(json.dumps({"datasets": [{"dataset": "x", "tables": [table], "keep_days": days}]}))
    return file


def test_the_shipped_terms_can_be_read_and_those_without_a_rule_say_unconfirmed() -> None:
    assert {keep.table for keep in retention.read()} == set(retention.SETTLED)
    rows = json.loads(retention.shipped().read_text(encoding="utf-8"))["datasets"]
    for row in rows:
        assert row["status"] == "unconfirmed" or row["keep_days"] is None
        assert row["why_zh"]
        assert row["why_en"]


def test_a_record_is_never_removed_whatever_the_terms_say(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="never removed"):
        retention.read(terms(tmp_path, "matcher.records", 3650))
    assert retention.read(terms(tmp_path, "matcher.records", None)) == []


def test_no_term_is_shorter_than_kafka_keeps_what_a_restore_reads_again(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 30"):
        retention.read(terms(tmp_path, "matcher.feedback", 29))


# ------------------------------------------------------------------------------------------------ revisions
def test_the_program_knows_its_revisions_in_one_line() -> None:
    known = migrate.revisions()
    assert known[-1] == "0001"
    assert list(known) == sorted(known, reverse=True)
    assert str(migrate.Upgraded(before="0001", after="0005")) == "0001 → 0005"
    assert str(migrate.Upgraded(before=None, after="0005")) == str(migrate.Upgraded(before="0005", after="0005"))
