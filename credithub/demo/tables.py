"""Understands the table files of a day, written in the departments' real formats when they are needed."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TypeAlias

from credithub.demo.organisations import Organisation
from credithub.domain import feeds
from credithub.schemas import schemas_dir

Row: TypeAlias = dict[str, str]  # column code → cell
UTF8, UTF8_BOM, GB18030 = "utf-8", "utf-8-sig", "gb18030"
COUNTY = "兴隆县"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file as its department would send it, and what must become of its rows: outcome → how many."""

    feed: str
    name: str
    supplier: str
    content: bytes
    rows: int
    expected: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A department's office as it signs its decisions."""

    agency: str
    name: str
    short: str  # as in its document numbers


APPROVAL = Office(agency="aab-130822", name="兴隆县行政审批局（演示）", short="兴审批")
RESOURCES = Office(agency="mnr-130822", name="兴隆县自然资源和规划局（演示）", short="兴自然资")
HOUSING = Office(agency="mohurd-130822", name="兴隆县住房和城乡建设局（演示）", short="兴住建")
MARKET = Office(agency="samr-130822", name="兴隆县市场监督管理局（演示）", short="兴市监")
ECOLOGY = Office(agency="mee-130822", name="承德市生态环境局兴隆县分局（演示）", short="兴环")
COURT = Office(agency="spc-130822", name="兴隆县人民法院（演示）", short="冀0822")

LICENCES = (
    ("普通", "食品经营许可证", "准予从事预包装食品销售（含冷藏冷冻食品）"),
    ("核准", "建筑工程施工许可证", "准予演示标准厂房工程开工，建筑面积 3600 平方米"),
    ("登记", "不动产权证书", "准予办理演示地块不动产登记"),
    ("特许", "城镇燃气经营许可证", "准予在演示片区经营瓶装燃气"),
    ("认可", "检验检测机构资质认定证书", "准予开展演示项目检验检测"),
)
OFFENCES = (
    ("违反广告管理规定", "在经营场所发布含有绝对化用语的演示广告", "《中华人民共和国广告法》第五十七条", "罚款", "2"),
    ("未按规定公示企业信息", "未在规定期限公示演示年度报告", "《企业信息公示暂行条例》第十七条", "警告", ""),
    ("销售不合格产品", "销售的演示批次产品经检验不合格", "《中华人民共和国产品质量法》第四十九条", "罚款", "0.5"),
)


def table(feed: str, office: Office, name: str, rows: Sequence[Row], encoding: str, **expected: int) -> Table:
    """Rows as a CSV file under the feed's Chinese headings. What is not said of them is archived."""
    counted = Counter({outcome.replace("_", "-"): number for outcome, number in expected.items() if number})
    if left := len(rows) - counted.total():
        counted["archived"] = left
    content = written(feed, rows).encode(encoding)
    return Table(
        feed=feed, name=name, supplier=office.agency, content=content, rows=len(rows), expected=dict(counted)
    )  # fmt: skip


def written(feed: str, rows: Sequence[Row]) -> str:
    """Every column of the table that any row fills, in the table's order, under its first Chinese heading."""
    filled = {code for row in rows for code in row}
    columns = [column for column in _mapping(feed).columns if column.code in filled]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.zh[0] for column in columns])
    writer.writerows([[row.get(column.code, "") for column in columns] for row in rows])
    return out.getvalue()


def licence(office: Office, who: Organisation, number: int, run: int, today: date, *, coded: bool = True) -> Row:
    """One licence. Without `coded` it names its holder by the code of before 2015 alone."""
    category, certificate, content = LICENCES[number % len(LICENCES)]
    decided = today - timedelta(days=number % 7 + 1)
    ending = "2099-12-31" if number % 3 == 0 else (decided + timedelta(days=1095)).isoformat()
    codes = {"XK_XDR_SHXYM": who.unified_code} if coded else {"XK_XDR_GSZC": who.registration_number}
    return {
        "XK_XDR_MC": who.name,
        "XK_XDR_LB": _kind(who),
        **codes,
        "XK_XKWS": "准予行政许可决定书",
        "XK_WSH": document_number(office, "许", run, number, today),
        "XK_XKLB": category,
        "XK_XKZS": certificate,
        "XK_XKBH": f"演示{run:04d}{number:04d}",
        "XK_NR": content,
        "XK_JDRQ": _day(decided, number),
        "XK_YXQZ": decided.isoformat(),
        "XK_YXQZI": ending,
        "XK_XKJG": office.name,
        "XK_ZT": "1",
        "XK_LYDW": office.name,
    }


def penalty(office: Office, who: Organisation, number: int, run: int, today: date) -> Row:
    offence, facts, basis, category, fine = OFFENCES[number % len(OFFENCES)]
    decided = today - timedelta(days=number % 7 + 1)
    return {
        "CF_XDR_MC": who.name,
        "CF_XDR_LB": _kind(who),
        "CF_XDR_SHXYM": who.unified_code,
        "CF_WSH": document_number(office, "罚", run, number, today),
        "CF_WFXW": offence,
        "CF_SY": facts,
        "CF_YJ": basis,
        "CF_CFLB": category,
        "CF_NR": f"{category}（演示）",
        "CF_NR_FK": fine,
        "CF_JDRQ": _day(decided, number),
        "CF_YXQ": "2099-12-31",
        "CF_CFJG": office.name,
        "CF_SJLY": office.name,
    }


def debtor(who: Organisation, number: int, run: int, today: date) -> Row:
    """A row of the court's table; its day of publication as the public form writes it."""
    filed = today - timedelta(days=120)
    return {
        "iname": who.name,
        "partyTypeName": "1",
        "cardNum": who.unified_code,
        "courtName": COURT.name,
        "areaName": "河北",
        "gistId": f"（{today.year - 1}）冀0822民初{run:03d}{number:03d}号",
        "gistUnit": COURT.name,
        "caseCode": case_number(number, run, today),
        "regDate": filed.strftime("%Y%m%d"),
        "publishDate": f"{today.year}年{today.month:02d}月{today.day:02d}日",
        "duty": "支付货款及利息（演示）",
        "performance": "全部未履行",
        "disruptTypeName": "有履行能力而拒不履行生效法律文书确定义务",
    }


def case_number(number: int, run: int, today: date) -> str:
    """The court's number of an enforcement; it also names the decision to list."""
    return f"（{today.year}）冀0822执{run:03d}{number:03d}号"


def document_number(office: Office, word: str, run: int, number: int, today: date) -> str:
    """The run's number is part of it, so that each run has facts of its own."""
    return f"{office.short}{word}〔{today.year}〕{run:04d}{number:04d}号"


def share(whole: Iterable[Organisation], many: int) -> list[Organisation]:
    """So many organisations, going round where there are fewer."""
    known = list(whole)
    return [known[index % len(known)] for index in range(many)]


def _kind(who: Organisation) -> str:
    return "个体工商户" if who.sole_trader else "法人及非法人组织"


def _day(day: date, number: int) -> str:
    """Departments write days in four ways; all of them are read."""
    forms = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日")
    return day.strftime(forms[number % len(forms)])


@lru_cache
def _mapping(feed: str) -> feeds.FeedMapping:
    found = feeds.load(schemas_dir() / "feeds").latest(feed)
    assert found is not None, feed
    return found
