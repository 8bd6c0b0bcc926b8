"""Understands what the command line says, in Chinese and in English."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

Lang = Literal["zh", "en"]

TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("公共信用信息联动中枢 CreditHub {version}", "CreditHub {version}, public-credit event hub"),
    "data": ("数据目录 {data}   （清空：credithub reset）", "data folder {data}   (clear it: credithub reset)"),
    "first": (
        "首次启动，需要时下载 Kafka（44 MB，可中断续传）",
        "first start; downloads Kafka if needed (44 MB, resumes)",
    ),
    "jars": ("Kafka 程序包已校验", "Kafka jars verified"),
    "postgres": ("PostgreSQL", "PostgreSQL"),
    "migrations": ("数据库迁移", "migrations"),
    "kafka": ("Kafka", "Kafka"),
    "services": ("服务就绪", "services ready"),
    "download": ("下载 Kafka", "downloading Kafka"),
    "moved": (
        "端口 {usual} 被 {holder} 占用，{part} 改用 {port}",
        "port {usual} is held by {holder}; {part} uses {port}",
    ),
    "many_moved": ("端口被 {holders} 占用，改用 {ports}", "ports are held by {holders}; now {ports}"),
    "someone": ("其他程序", "another program"),
    "died": (
        "{part} 已退出（第 {deaths} 次），{again:.1f} 秒后重启",
        "{part} ended ({deaths}); again in {again:.1f} s",
    ),
    "api": ("接口", "API"),
    "ops": ("运维看板", "operators"),
    "contract": ("接口文档", "contract"),
    "agencies": ("部门 Kafka", "agencies' Kafka"),
    "key": ("操作密钥", "operator key"),
    "key_new": (
        "{key}\n  （仅此一次显示；已存入 {file}，命令行自动使用）",
        "{key}\n  (shown once; kept in {file}, used by this command)",
    ),
    "key_kept": ("在 {file}，命令行自动使用", "in {file}, used by this command"),
    "key_lost": ("已有密钥，但 {file} 不在；请设 CREDITHUB_KEY", "there is one, but not in {file}; set CREDITHUB_KEY"),
    "logs": ("日志", "logs"),
    "ready": ("就绪，共 {seconds:.1f} 秒。另开一个终端：", "ready in {seconds:.1f} s. In another terminal:"),
    "next_status": ("各部分的状态", "how every part is"),
    "next_doctor": ("检查环境，并给出修复命令", "checks, each with the line that mends it"),
    "next_agency": ("接入一个部门", "bring an agency in"),
    "stop": (
        "Ctrl-C 停止（数据保留），或 credithub down",
        "Ctrl-C stops and keeps the data, and so does: credithub down",
    ),
    "loopback": ("仅监听本机 127.0.0.1", "listens on 127.0.0.1 only"),
    "stopping": (
        "正在停止：服务 → Kafka → PostgreSQL（再按 Ctrl-C 立即结束）",
        "stopping: services, Kafka, PostgreSQL (Ctrl-C again: at once)",
    ),
    "stopped": ("已停止，数据保留在 {data}", "stopped; the data is kept in {data}"),
    "already": ("已在运行 pid {pid}  {url}", "already running, pid {pid}  {url}"),
    "not_running": ("没有在运行（{data}）\n  credithub up", "not running ({data})\n  credithub up"),
    "left": ("清理了上次遗留的进程：{names}", "ended what an earlier start left behind: {names}"),
    "starting": ("正在启动", "starting"),
    "reset_ask": (
        "将删除 {data}（{size}）：数据库、主题、密钥全部丢失。继续？",
        "This deletes {data} ({size}): database, topics, keys. Go on?",
    ),
    "reset_no": ("未删除任何内容", "nothing was deleted"),
    "reset_done": ("已清空 {data}", "{data} is cleared"),
    "reset_foreign": (
        "{data} 不像是 CreditHub 的数据目录，不予删除",
        "{data} does not look like a CreditHub data folder; not deleted",
    ),
    "backup_there": ("{file} 已存在，不覆盖", "{file} is there already; nothing is overwritten"),
    "backup_done": (
        "已备份 {size}，纪元 {epoch}，修订 {revision}\n  SHA-256 {sha256}",
        "backed up: {size}, epoch {epoch}, revision {revision}\n  SHA-256 {sha256}",
    ),
    "backup_without": (
        "不含密钥，请另行妥善复制，缺则备份无用：{secrets}\n也不含 Kafka 的主题：其后受理的仍由 Kafka 保存 30 天",
        "not in it: the secrets. Copy them apart, or it is of no use: {secrets}\nnor Kafka's topics, which keep 30 days",
    ),
    "restore_what": (
        "请指明备份文件\n  credithub restore FILE    或    credithub restore --report",
        "which backup?\n  credithub restore FILE    or    credithub restore --report",
    ),
    "restore_up": ("仍在运行 pid {pid}，请先停止\n  credithub down", "it is running, pid {pid}\n  credithub down"),
    "restore_ask": (
        "{data} 的数据库将由 {file}（{made_at}）取代。继续？",
        "The database of {data} is replaced by {file} ({made_at}). Go on?",
    ),
    "restore_no": ("未作改动", "nothing was changed"),
    "restore_done": (
        "已恢复到 {made_at}，纪元升为 {epoch}\n  credithub up    （随后自动补读备份之后的内容）",
        "restored to {made_at}, the epoch is {epoch} now\n  credithub up    (what came after is then read again)",
    ),
    "restore_never": ("从未恢复过", "nothing was ever restored"),
    "restore_report": (
        "纪元 {epoch}：{at} 恢复到 {dumped_at}。以下单位可能持有恢复后未知的事项：",
        "epoch {epoch}: restored {at} to {dumped_at}. These agencies may hold what the restored state does not know:",
    ),
    "restore_behind": (
        "尚余 {behind} 条待补读，此前时钟停摆，“仍在执行”一概不明",
        "{behind} records are still to be read again; until then the clock rests and who holds what is unknown",
    ),
    "restore_gap": (
        "Kafka 中已缺失、须由报送方重报：{gap}",
        "Kafka has these no more; their senders must send them again: {gap}",
    ),
    "restore_orphans": (
        "{orphans} 项任务已无人知晓（orphans）：请逐一询问上列单位是否仍在执行，并由报送方重报相应事项",
        "{orphans} obligations are nobody's (orphans): ask these agencies what they hold; have the facts sent again",
    ),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "no_context": (
        "不知道中枢在哪里：没有 {file}\n  credithub up    或 / or    --url … --key …",
        "no hub known: there is no {file}\n  credithub up    or    --url … --key …",
    ),
    "unreachable": ("连不上 {url}：{problem}\n  credithub status", "cannot reach {url}: {problem}\n  credithub status"),
    "do": ("怎么办：{do}", "what to do: {do}"),
    "done": ("完成", "done"),
    "none": ("（没有）", "(none)"),
    "up": ("运行", "up"),
    "down": ("停止", "down"),
    "not_ready": ("未就绪", "not ready"),
    "doctor_sum": (
        "{ok} 项正常，{warn} 项提醒，{fail} 项失败，{skip} 项未查",
        "{ok} fine, {warn} to note, {fail} failed, {skip} not looked at",
    ),
    "clock_is": (
        "业务日期 {today}（比实际日期提前 {days} 天）",
        "business date {today} ({days} days ahead of the real one)",
    ),
    "clock_moved": (
        "业务日期 {before} → {today}（比实际日期提前 {days} 天）",
        "business date {before} → {today} ({days} days ahead of the real one)",
    ),
    "clock_next": (
        "各服务 1 秒内跟上；到期事项随即办理。时钟不能拨回：credithub reset 清空后重来",
        "the services follow within a second, and what is due is worked then. It never goes back: credithub reset",
    ),
    "clock_span": (
        "{span}：应为 8wd（工作日）、10d、3mo 或 3y",
        "{span}: expected 8wd (working days), 10d, 3mo or 3y",
    ),
    "clock_production": (
        "生产模式下业务时钟就是实际时间，不能拨动",
        "in production business time is the real time and cannot be moved",
    ),
    "written": ("已写入 {file}", "written to {file}"),
    "holding_unknown": (
        "恢复后正在追赶：此刻无法断言谁仍在执行",
        "catching up after a restore: who still holds cannot be told at this moment",
    ),
    "only_now": ("以下内容只显示这一次，请立即妥善保存：", "Shown this once only; keep it safe now:"),
}


def language(chosen: str | None = None) -> Lang:
    """`--lang` wins, then CREDITHUB_LANG, then what the terminal says."""
    for value in (chosen, *(os.environ.get(name) for name in ("CREDITHUB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))):
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def text(lang: Lang, name: str, **values: object) -> str:
    zh, en = TEXTS[name]
    return (zh if lang == "zh" else en).format(**values)
