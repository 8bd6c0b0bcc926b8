"""Understands how docs/reference is written: each page is read off the one table in the code that it describes."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from credithub import topics
from credithub.embedded import options
from credithub.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
MACHINE = "For one machine, the command line, tests 单机、命令行与测试"
ONE_MACHINE = (
    ("DATA", ".credithub", "the data folder 数据目录"),
    ("LANG", "", "zh or en; otherwise as LANG says 界面语言"),
    ("URL", "", "another hub's address, for the command line 另一个中枢的地址"),
    ("KEY", "", "the operator's key, for the command line 运维密钥"),
    ("AGENCY_HOST", "127.0.0.1", "where the broker listens for agencies 单位接入的监听地址"),
    ("AGENCY_ADVERTISED", "", "the host name agencies are told 告知单位的主机名"),
    ("KAFKA_HEAP", options.HEAP, "memory of the embedded broker 内嵌 Kafka 的内存"),
    ("MAVEN_REPOSITORY", "", "a mirror for Kafka's jars; otherwise Maven's own settings Kafka 程序包的镜像地址"),
    ("HOST", "", "in compose: the name agencies reach this host by 编排中单位访问的主机名"),
    ("CRASH", "", "chaos only: the named point at which to die 仅混沌测试"),
    ("CRASH_LEDGER", "", "chaos only: where each hit is written 仅混沌测试"),
    ("DEMO_PLANT", "", "tests only: a fault that the demonstration must notice 仅测试：演示应察觉的缺陷"),
)
NOTE = "<!-- written by `make docs`; do not edit -->"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (FOLDER / name).write_text(page, encoding="utf-8")
        print(f"docs/reference/{name}")


def pages() -> dict[str, str]:
    """File name to content; a house test compares them with what is committed."""
    return {
        "settings.md": settings(),
        "topics.md": topic_table(),
        "metrics.md": metrics(),
        "reasons.md": reasons(),
        "problems.md": problems(),
    }


def settings() -> str:
    remarks = dict(re.findall(r"^    (\w+): [^#\n]+?  # (.+)$", source("credithub/settings.py"), re.MULTILINE))
    rows = [
        (code(PREFIX + field.name.upper()), code(_shown(field.default)), remarks.get(field.name, ""))
        for field in dataclasses.fields(Settings)
    ]
    services = page(
        "Settings 设置",
        "Read once from the environment when a process starts. 进程启动时从环境变量读取一次。",
        ("name 名称", "default 默认", "remark 说明"),
        rows,
    )
    ports = [
        (f"{name.upper()}_PORT", str(port), "0: any free one 任一空闲端口") for name, port in options.PORTS.items()
    ]
    machine = [(code(PREFIX + name), code(default), remark) for name, default, remark in (*ONE_MACHINE, *ports)]
    head = ("name 名称", "default 默认", "remark 说明")
    return services + "\n".join(["", f"## {MACHINE}", "", *table(head, machine)]) + "\n"


def topic_table() -> str:
    listed = [*topics.HUB_TOPICS.values(), *topics.agency_topics("<agency>")]
    rows = [
        (code(t.name), t.payload, t.key, f"{t.retention_ms // topics.DAY} d", "1" if t.one_partition else "setting")
        for t in listed
    ]
    return page(
        "Topics 主题",
        "The closed table of Kafka topics; the last three exist once per agency. Kafka 主题全表，末三项每单位各一。",
        ("topic 主题", "value 值", "key 键", "kept 保存", "partitions 分区"),
        rows,
    )


def metrics() -> str:
    found = re.findall(
        r"^# (.+)\n[A-Z_]+ = (Counter|Gauge|Histogram)\(\s*\"(\w+)\",\s*\"([^\"]+)\"(?:,\s*\[([^\]]*)\])?",
        source("credithub/metrics.py"),
        re.MULTILINE,
    )
    rows = [(code(name), kind.lower(), labels.replace('"', "") or "", why) for why, kind, name, _, labels in found]
    return page(
        "Metrics 指标",
        "What `/metrics` exposes, for Prometheus. 供 Prometheus 抓取的指标。",
        ("name 名称", "kind 类型", "labels 标签", "why it is counted 用途"),
        rows,
    )


def reasons() -> str:
    table = json.loads(source("schemas/codes/reasons.json"))
    rows = [(code(r["code"]), r["level"], f"{r['zh']}<br>{r['en']}", f"{r['do_zh']}<br>{r['do_en']}") for r in table]
    return page(
        "Reasons 原因代码",
        "Why an entry was refused (`refuse`) or taken with a remark (`warn`). 原因与处理办法。",
        ("code 代码", "level 级别", "what is wrong 问题", "what to do 怎么办"),
        rows,
    )


def problems() -> str:
    rows = [
        (
            code(r["code"]),
            str(r["status"]),
            f"{r['title_zh']}<br>{r['title']}",
            f"{r['what_to_do_zh']}<br>{r['what_to_do']}",
        )
        for r in json.loads(source("schemas/openapi/problems.json"))
    ]
    return page(
        "Problems 接口错误",
        "What the API answers as problem+json, by its `code`. 接口以 problem+json 答复的错误，按 `code` 查。",
        ("code 代码", "status 状态码", "what is wrong 问题", "what to do 怎么办"),
        rows,
    )


def page(title: str, lead: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([NOTE, f"# {title}", "", lead, "", *table(head, rows)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]


def code(word: str) -> str:
    return f"`{word}`" if word else ""


def source(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _shown(default: object) -> str:
    return f"{default:,}".replace(",", "_") if isinstance(default, int) and default > 9_999 else str(default)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
