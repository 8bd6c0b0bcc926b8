"""Understands POST of a table: row by row, then a manifest, or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from credithub.domain import receipts
from credithub.vault import is_genuine
from services.gateway.sheets import Job, Sheet, read_sheet
from tests.harness.asgi import Client
from tests.unit.gateway.desk import CODE, SOURCE, Desk, desk

PERSON = "11010519491231002X"
HEADER = (
    "行政相对人名称,行政相对人代码_1(统一社会信用代码),行政处罚决定书文号,违法行为类型,违法事实,处罚依据,"
    "处罚类别,处罚内容,处罚决定日期,处罚机关"
)
ROW = f"演示商贸有限公司,{CODE},兴市监罚〔2026〕{{n}}号,虚假宣传,无,法第二十条,罚款,罚款五千元,2026-11-18,兴隆县市场监督管理局"


class Here:
    """Reads tables in this process."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def read(self, job: Job) -> Sheet | None:
        self.jobs.append(job)
        return read_sheet(job)

    def close(self) -> None:
        return None


@pytest.fixture
def hub(tmp_path: Path) -> Desk:
    made = desk(tmp_path, secrets_dir=str(tmp_path / "secrets"), spool_dir=str(_spool(tmp_path)))
    made.parts.sheets = Here()  # type: ignore[assignment]
    return made


def _spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def table(rows: int, *, header: str = HEADER) -> str:
    return "\n".join([header, *(ROW.format(n=n) for n in range(rows))]) + "\n"


async def post(client: Client, content: bytes, path: str = "/v1/feeds/penalty-2018/files", **query: object) -> Any:
    return await client.request("POST", path, query=query, headers={"content-type": "text/csv"}, body=content)


async def test_each_row_is_sent_and_then_a_manifest_that_counts_them(hub: Desk, tmp_path: Path) -> None:
    content = table(3).encode()
    answer = await post(hub.supplier(), content, name="处罚_2026-11.csv")

    assert answer.status == 202, answer.text
    told = answer.json()
    assert told["received"] == told["file"]["entries"] == told["receipt"]["file"]["rows"] == 3
    *rows, manifest = hub.entries()
    assert [(row.form, row.index, row.row, row.count) for row in rows] == [("row", n, n + 2, None) for n in range(3)]
    assert [row.id for row in rows] == [f"{told['file']['digest']}#{n + 2}" for n in range(3)]
    assert {row.source for row in rows} == {SOURCE}
    assert rows[0].body["cells"]["行政相对人名称"] == "演示商贸有限公司"
    assert (manifest.form, manifest.count, manifest.file and manifest.file["rows"]) == ("manifest", 3, 3)
    assert {key for _, key, _ in hub.sender.sent[:3]} == {CODE[8:17].encode()}
    assert receipts.verify(told["receipt"], hub.parts.vault.public_key(), is_genuine) == ()
    assert told["receipt"]["root"] == receipts.root_of(row.digest for row in rows)
    assert not list((tmp_path / "spool").iterdir())


async def test_the_same_file_again_gives_the_same_ids_and_digests(hub: Desk) -> None:
    supplier = hub.supplier()
    await post(supplier, table(2).encode(), name="a.csv")
    await post(supplier, table(2).encode(), name="b.csv")
    first, second = hub.entries()[:2], hub.entries()[3:5]
    assert [(e.id, e.digest) for e in first] == [(e.id, e.digest) for e in second]
    assert first[0].submission != second[0].submission


async def test_gb18030_and_a_form_are_taken_as_well(hub: Desk) -> None:
    content = table(2).encode("gb18030")
    body = (
        b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
        + content
        + b"\r\n--X--\r\n"
    )

    async def in_small_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    answer = await hub.supplier().request(
        "POST",
        "/v1/feeds/penalty-2018/files",
        headers={"content-type": "multipart/form-data; boundary=X"},
        chunks=in_small_pieces(),
    )
    assert answer.status == 202, answer.text
    assert answer.json()["file"] | {"encoding": "gb18030", "name": "a.csv"} == answer.json()["file"]
    assert hub.entries()[0].body["cells"]["行政相对人名称"] == "演示商贸有限公司"


async def test_missing_columns_are_told_before_anything_is_sent(hub: Desk) -> None:
    answer = await post(hub.supplier(), "行政相对人名称,违法事实,处罚依据,处罚类别\n甲,乙,丙,丁\n".encode())
    assert (answer.status, answer.json()["code"]) == (422, "file-unreadable")
    assert {fault["code"] for fault in answer.json()["errors"]} == {"header-column-missing"}
    assert not hub.sender.sent


async def test_a_person_s_number_in_a_header_or_a_file_name_is_shown_nowhere(hub: Desk) -> None:
    supplier = hub.supplier()
    refused = await post(supplier, table(1, header=HEADER + f",备注{PERSON}").encode(), name=f"{PERSON}.csv")
    assert refused.status == 422
    assert PERSON.encode() not in refused.body
    taken = await post(supplier, table(1).encode(), name=f"名单 {PERSON}.csv")
    assert taken.status == 202
    assert PERSON.encode() not in taken.body
    assert "证件号码已隐去" in taken.json()["file"]["name"]


async def test_a_row_s_person_number_lies_nowhere_readable(hub: Desk, tmp_path: Path) -> None:
    content = table(1).replace("演示商贸有限公司", f"张三{PERSON}").encode()
    seen: list[bytes] = []
    here = hub.parts.sheets

    class Peeking:
        async def read(self, job: Job) -> Sheet | None:
            sheet = await here.read(job)
            seen.extend(path.read_bytes() for path in (tmp_path / "spool").iterdir())
            return sheet

    hub.parts.sheets = Peeking()  # type: ignore[assignment]
    await post(hub.supplier(), content)
    assert len(seen) == 2
    assert all(PERSON.encode() not in lying and b"2026" not in lying for lying in seen)
    assert all(PERSON.encode() not in key + value for _, key, value in hub.sender.sent)


@pytest.mark.parametrize(
    ("path", "query", "grant", "status", "code"),
    [
        ("/v1/feeds/nothing/files", {}, {}, 404, "feed-unknown"),
        ("/v1/feeds/licence-2018/files", {}, {}, 403, "owner-not-allowed"),
        ("/v1/feeds/penalty-2018/files", {"source": "//other"}, {}, 403, "source-not-granted"),
        ("/v1/feeds/penalty-2018/files", {}, {"sources": ["//a", "//b"]}, 422, "request-invalid"),
        ("/v1/feeds/penalty-2018/files", {}, {"roles": ["agency"]}, 403, "role-missing"),
    ],
)
async def test_what_a_key_may_not_send(
    hub: Desk, path: str, query: dict[str, str], grant: dict[str, Any], status: int, code: str
) -> None:
    answer = await post(hub.supplier(**grant), table(1).encode(), path, **query)
    assert (answer.status, answer.json()["code"]) == (status, code)


async def test_limits_of_size_and_rows(tmp_path: Path) -> None:
    hub = desk(
        tmp_path,
        secrets_dir=str(tmp_path / "secrets"),
        spool_dir=str(_spool(tmp_path)),
        limit_file_bytes=4096,
        limit_rows=5,
    )
    hub.parts.sheets = Here()  # type: ignore[assignment]
    supplier = hub.supplier()
    large = await post(supplier, b"x" * 5000)
    long = await post(supplier, table(6).encode())
    assert (large.status, large.json()["code"]) == (413, "file-too-large")
    assert long.status == 413
    assert not hub.sender.sent


async def test_a_file_without_rows_and_one_that_is_no_table(hub: Desk) -> None:
    supplier = hub.supplier()
    for content in (b"", HEADER.encode(), b"\x00\x01\x02" * 50, b"\xff\xfe" + "甲,乙".encode("utf-16-le")):
        answer = await post(supplier, content)
        assert (answer.status, answer.json()["code"]) == (422, "file-unreadable"), answer.text


async def test_a_form_cut_off_or_with_two_files_is_refused(hub: Desk) -> None:
    supplier = hub.supplier()
    part = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nabc\r\n'
    kind = {"content-type": "multipart/form-data; boundary=X"}
    path = "/v1/feeds/penalty-2018/files"
    cut = await supplier.request("POST", path, headers=kind, body=part)
    two = await supplier.request("POST", path, headers=kind, body=part + part + b"--X--\r\n")
    none = await supplier.request("POST", path, headers=kind, body=b"--X--\r\n")
    assert [cut.status, two.status, none.status] == [400, 400, 400]


async def test_a_file_is_not_received_until_its_manifest_is(hub: Desk) -> None:
    hub.sender.loses = {1}
    answer = await post(hub.supplier(), table(3).encode())
    assert (answer.status, answer.json()["code"]) == (503, "kafka-away")
    assert "receipt" not in answer.json()


async def test_a_row_too_big_for_a_record_is_sent_cut_and_marked(hub: Desk) -> None:
    wide = table(1).replace("虚假宣传", "长" * 30_000).replace(",无,", f",{'长' * 30_000},")
    wide = wide.replace("法第二十条", "长" * 30_000).replace("罚款五千元", "长" * 30_000)
    answer = await post(hub.supplier(), wide.encode())
    assert answer.status == 202
    [row, _] = hub.entries()
    assert "cell-too-long" in row.body["cells"]["#faults"]


def test_the_fields_of_a_row_are_those_of_a_submitted_entry() -> None:
    from dataclasses import fields

    from credithub.domain.events import SubmittedEntry
    from services.gateway.sheets import _entry

    job: Any = Job(
        upload=Path(), key=b"", out=Path(), secrets_dir="", feeds_dir=Path(), feed="f", mapping="1", submission="s",
        supplier="x", source="//x", received_at="t", catalogue="c", allowed_items=[], digest="d", name=None,
        most_rows=1, most_bytes=1,
    )  # fmt: skip
    _, plain = _entry(job, {}, 0, 2, {"a": "b"})
    assert list(orjson.loads(plain)) == [field.name for field in fields(SubmittedEntry)]
