"""Understands what the demonstration says, in Chinese and in English."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, TypeAlias

Lang: TypeAlias = Literal["zh", "en"]

TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("CreditHub 演示：一个县的一天（单位、主体均为虚构）", "CreditHub demo: a county's day, all invented"),
    "data": ("数据目录 {data}   第 {run} 次演示", "data folder {data}   run {run}"),
    "first": ("首次启动，需要时下载 Kafka（44 MB，可续传）", "first start; downloads Kafka if needed (44 MB, resumes)"),
    "attached": ("使用已在运行的中枢 {url}", "uses the hub that runs already, {url}"),
    "moved": (
        "端口 {usual} 被 {holder} 占用，{part} 改用 {port}",
        "port {usual} is held by {holder}; {part} uses {port}",
    ),
    "someone": ("其他程序", "another program"),
    "died": (
        "{part} 已退出（第 {deaths} 次），{again:.1f} 秒后重启",
        "{part} ended ({deaths}); again in {again:.1f} s",
    ),
    "download": ("下载 Kafka", "downloading Kafka"),
    "jars": ("Kafka 程序包已校验", "Kafka jars verified"),
    "postgres": ("PostgreSQL", "PostgreSQL"),
    "migrations": ("数据库迁移", "migrations"),
    "kafka": ("Kafka", "Kafka"),
    "services": ("服务就绪", "services ready"),
    # steps
    "onboard": ("接入单位", "agencies brought in"),
    "onboard_detail": ("{all} 个（新增 {new}），标注“演示”", "{all}, {new} of them new"),
    "desks": ("两个单位在岗", "two agencies at work"),
    "desks_detail": ("{kafka}（Kafka）· {http}（HTTP）", "{kafka} (Kafka), {http} (HTTP)"),
    "registry": ("登记信息", "register"),
    "licences": ("许可表（2018 版）", "licences, table of 2018"),
    "resources": ("许可表（GB18030）", "licences, in GB18030"),
    "penalties": ("处罚表（含错误行）", "penalties with faulty rows"),
    "legacy": ("许可表（只有旧注册号）", "licences by older codes"),
    "late": ("补登记：旧码对上新码", "late registrations"),
    "debtor_table": ("失信被执行人表", "judgment debtors, table"),
    "decisions": ("失信决定（逐条报送）", "judgment debtors, posted"),
    "fines": ("处罚（事件）", "penalties, as events"),
    "repeat": ("同一事件再报一次", "the same event again"),
    "conflict": ("同一编号换了内容", "same id, other content"),
    "again": ("同一文件再报一次", "the same file again"),
    "re_export": ("同样内容换编码重新导出", "same facts, other encoding"),
    "removal": ("删除一条失信决定", "one debtor removed"),
    "rows": ("{n} 条", "{n} entries"),
    "deciding": ("等待处理结果", "waiting for outcomes"),
    "duties": ("响应任务、通知、反馈", "obligations, notices, answers"),
    "lifting": ("解除与确认", "lifts and confirmations"),
    "open": ("{what}：还有 {n} 项", "{what}: {n} to come"),
    "settled": ("{n} 项任务", "{n} obligations"),
    "stuck": ("{what}：{seconds:.0f} 秒没有进展，还有 {n} 项", "{what}: no move for {seconds:.0f} s, {n} to come"),
    # table
    "what": ("报送", "what was sent"),
    "supplier": ("报送单位", "by"),
    "submitted": ("条目", "entries"),
    "archived": ("归档", "archived"),
    "waiting": ("等待", "waiting"),
    "quarantined": ("问题数据", "quarantined"),
    "duplicates": ("重复", "duplicates"),
    "total": ("合计", "total"),
    "cases": ("案件", "cases"),
    "obligations": ("响应任务", "obligations"),
    "notifications": ("通知", "notifications"),
    "delivered": ("已投递", "delivered"),
    "feedback": ("反馈", "answers"),
    "lost": ("丢失", "lost"),
    "seconds": ("秒", "seconds"),
    "state_triggered": ("已触发", "triggered"),
    "state_delivered": ("已送达", "delivered"),
    "state_acknowledged": ("已接收", "acknowledged"),
    "state_executed": ("已执行", "executed"),
    "state_declined": ("不予执行", "declined"),
    "state_lifting": ("待确认解除", "lift told, not confirmed"),
    "state_lifted": ("已解除", "lifted"),
    "state_cancelled": ("未曾告知即取消", "cancelled before anybody was told"),
    # checks
    "check_balance": ("报送 = 归档 + 等待 + 问题 + 重复", "sent = archived + waiting + quarantined + duplicates"),
    "check_lost": ("没有丢失", "nothing is lost"),
    "check_sent": ("每次报送的结果都如预期", "each submission ended as it must"),
    "check_waited": ("旧码的行先等待，登记后归档", "rows by older codes waited for their registration"),
    "check_reasons": ("每个错误行都说明了原因", "each faulty row was told why"),
    "check_conflict": ("换内容的重报被指为冲突", "other content under an old id is told as a conflict"),
    "check_cases": ("每个失信决定一个案件", "each decision opened one case"),
    "check_pairs": ("每个案件恰有目录规定的（措施, 单位）", "each case has exactly the catalogue's (measure, agency)"),
    "check_removal": ("删除恰好解除该案件的任务", "the removal ended exactly its case's obligations"),
    "check_answers": ("反馈推动了任务状态", "the answers moved their obligations"),
    "check_refused": ("没有反馈被退回", "no answer was refused"),
    "reconciles": ("全部对得上", "everything reconciles"),
    "broken": ("对不上", "does not reconcile"),
    "wanted": ("应为 {wanted}，实为 {found}", "wanted {wanted}, found {found}"),
    "lost_entry": ("无人知晓：{submission} #{index} {id}", "nobody knows of {submission} #{index} {id}"),
    # addresses
    "ops": ("运维看板", "operators"),
    "key": ("操作密钥", "operator key"),
    "contract": ("接口文档", "contract"),
    "example": ("看一个案件", "one case"),
    "agencies": ("部门 Kafka", "agencies' Kafka"),
    "figures": ("数字", "figures"),
    "key_in": ("在 {file}", "in {file}"),
    "running": ("保持运行；Ctrl-C 停止（数据保留）", "keeps running; Ctrl-C stops and keeps the data"),
    "stopping": ("正在停止：服务 → Kafka → PostgreSQL", "stopping: services, Kafka, PostgreSQL"),
    "stopped": ("已停止，数据保留在 {data}", "stopped; the data is kept in {data}"),
    "interrupted": ("演示中断", "the demonstration was broken off"),
    "failed": ("演示失败：{problem}", "the demonstration failed: {problem}"),
    "no_kafka_agency": (
        "没有可用的单位 Kafka 口令（均非本演示接入）。清空数据目录：credithub reset",
        "no agency's Kafka password is known here (others brought them in). Clear the data: credithub reset",
    ),
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
