"""Understands that what got a 202 lies on the topic."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer

from credithub.domain.events import SUBMISSIONS_CONTEXT, SubmittedEntry
from credithub.kafka.connection import aiokafka_options
from tests.integration.gateway.conftest import Hub
from tests.unit.gateway.desk import BATCH, penalty
from tests.unit.gateway.test_files import table


async def sent(hub: Hub, submission: str, count: int) -> list[SubmittedEntry]:
    """The entries of one submission as they lie on the topic."""
    options = aiokafka_options(hub.database.infra.admin_settings())
    reader = AIOKafkaConsumer("credit.submissions", **options, auto_offset_reset="earliest")
    await reader.start()
    try:
        found: list[SubmittedEntry] = []
        while len(found) < count:
            for records in (await reader.getmany(timeout_ms=1000)).values():
                for record in records:
                    try:
                        plain = hub.parts.vault.decrypt(record.value, SUBMISSIONS_CONTEXT)
                    except Exception:  # noqa: BLE001  another test's, sealed with another key
                        continue
                    entry = SubmittedEntry.from_bytes(plain)
                    if entry.submission == submission:
                        found.append(entry)
        return found
    finally:
        await reader.stop()


async def test_what_got_a_202_lies_on_the_topic(hub: Hub) -> None:
    await hub.agency("samr-130822")
    supplier = await hub.supplier("samr-130822", ["penalty"], ["//samr-130822/penalties"])
    answer = await supplier.post("/v1/events", [penalty(str(n)) for n in range(700)], headers=BATCH)
    assert answer.status == 202, answer.text
    found = await sent(hub, answer.json()["submission"], 700)
    assert sorted(entry.index for entry in found) == list(range(700))
    assert [entry.index for entry in found] == list(range(700)), "one subject keeps its order"
    told = await supplier.get(f"/v1/submissions/{answer.json()['submission']}")
    assert told.json()["state"] == "received"


async def test_a_file_is_read_in_a_worker_process_and_sent_whole(hub: Hub) -> None:
    await hub.agency("samr-130822")
    supplier = await hub.supplier("samr-130822", ["penalty"], ["//samr-130822/penalties"])
    answer = await supplier.request(
        "POST", "/v1/feeds/penalty-2018/files", headers={"content-type": "text/csv"}, body=table(1200).encode("gb18030")
    )
    assert answer.status == 202, answer.text
    found = await sent(hub, answer.json()["submission"], 1201)
    assert sum(entry.form == "row" for entry in found) == 1200
    assert [entry.count for entry in found if entry.form == "manifest"] == [1200]
