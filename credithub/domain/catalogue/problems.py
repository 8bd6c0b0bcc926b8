"""Understands what can be wrong with a catalogue, in two languages: a closed table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemText:
    """What is wrong, and what to do about it."""

    zh: str
    en: str
    do_zh: str
    do_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault: a stable code, the file and row it is in, and the value at fault."""

    code: str
    file: str
    id: str
    detail: str = ""

    def explain(self, lang: Literal["zh", "en"] = "zh") -> str:
        text = PROBLEMS[self.code]
        what, do = (text.zh, text.do_zh) if lang == "zh" else (text.en, text.do_en)
        colon, stop = ("：", "；") if lang == "zh" else (": ", "; ")
        return f"{what}{colon}{self.detail}{stop}{do}" if self.detail else f"{what}{stop}{do}"


class CatalogueUnreadable(ValueError):
    """The files do not have the shape of a catalogue at all."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.file} {p.id}: {p.explain('en')}" for p in problems))
        self.problems = tuple(problems)


PROBLEMS: Mapping[str, ProblemText] = MappingProxyType(
    {
        "file-missing": ProblemText(
            zh="缺少文件",
            en="a file is missing",
            do_zh="补齐该版本目录下的文件",
            do_en="add it to the version's folder",
        ),
        "unreadable": ProblemText(
            zh="内容不合格式",
            en="the content does not have the agreed shape",
            do_zh="对照 schemas/catalogue/schema 改正",
            do_en="compare with schemas/catalogue/schema",
        ),
        "illustrative-missing": ProblemText(
            zh="没有说明是否为示例",
            en="it does not say whether it is illustrative",
            do_zh="在 manifest.json 中写明 illustrative",
            do_en="state `illustrative` in manifest.json",
        ),
        "unconfirmed-in-force": ProblemText(
            zh="正式目录含有未经核实的内容",
            en="a catalogue meant to be binding holds unconfirmed content",
            do_zh="核实后去掉标记，或标为示例",
            do_en="confirm it and drop the mark, or mark the catalogue illustrative",
        ),
        "id-repeated": ProblemText(
            zh="代码重复",
            en="a code is used twice",
            do_zh="每个代码只用一次",
            do_en="use each code once",
        ),
        "reference-unknown": ProblemText(
            zh="引用了不存在的代码",
            en="a reference leads nowhere",
            do_zh="补上被引用的条目或改正代码",
            do_en="add what it refers to, or correct the code",
        ),
        "dates-reversed": ProblemText(
            zh="失效日期不晚于生效日期",
            en="it ends no later than it begins",
            do_zh="改正日期",
            do_en="correct the dates",
        ),
        "successors-cyclic": ProblemText(
            zh="承接关系成环",
            en="the successors form a circle",
            do_zh="改正 succeeded_by",
            do_en="correct succeeded_by",
        ),
        "successor-undated": ProblemText(
            zh="有承接单位而无撤销日期，或早于承接单位成立",
            en="it has a successor, yet no last day, or one before its successor began",
            do_zh="补上 valid_to，并与承接单位的 valid_from 衔接",
            do_en="give valid_to, and let it meet the successor's valid_from",
        ),
        "department-abolished": ProblemText(
            zh="责任单位在目录生效日已撤销且无承接单位，或尚未成立",
            en="the department is gone without successor, or not yet there, when the catalogue takes effect",
            do_zh="写明承接单位",
            do_en="name who took over",
        ),
        "department-generic": ProblemText(
            zh="责任单位只是领域或泛称，无法送达",
            en="the department is a field of work or a general phrase: nobody can be told",
            do_zh="写明具体部门，或将措施改为不可执行",
            do_en="name a department, or make the measure unexecutable",
        ),
        "item-without-basis": ProblemText(
            zh="信息项没有依据",
            en="the item rests on no document",
            do_zh="写明文件、条款与原文",
            do_en="cite document, clause and words",
        ),
        "item-without-owner": ProblemText(
            zh="信息项没有可报送的部门",
            en="no department may report the item",
            do_zh="写明报送部门",
            do_en="name its owners",
        ),
        "item-for-persons": ProblemText(
            zh="信息项涉及自然人，而依据不是法律法规",
            en="the item is about natural persons without a law behind it",
            do_zh="去掉自然人，或援引法律、行政法规",
            do_en="drop natural persons, or cite a law or regulation",
        ),
        "measure-uncited": ProblemText(
            zh="可执行措施缺少文件、条款或原文",
            en="an executable measure lacks document, clause or words",
            do_zh="直接援引条款原文",
            do_en="cite the clause itself",
        ),
        "citation-weak": ProblemText(
            zh="援引的文件层级不足（须为法律、法规或党中央、国务院政策文件）",
            en="the cited document ranks too low (law, regulation or central policy is asked for)",
            do_zh="改引有权设定的文件（国办发〔2020〕49号 五(九)）",
            do_en="cite one that may grant it (国办发〔2020〕49号 五(九))",
        ),
        "citation-not-in-force": ProblemText(
            zh="援引的文件在目录生效日未施行或已失效",
            en="the cited document is not in force when the catalogue takes effect",
            do_zh="改引现行文件",
            do_en="cite one in force",
        ),
        "measure-not-in-force": ProblemText(
            zh="可执行措施在目录生效日未施行或已失效",
            en="an executable measure is not in force when the catalogue takes effect",
            do_zh="改正日期或改为不可执行",
            do_en="correct the dates, or make it unexecutable",
        ),
        "measure-free-text": ProblemText(
            zh="措施不是清单条目：编号或效果不在封闭表内",
            en="the measure is free text: its id or effect is of no closed list",
            do_zh="使用清单编号与 effects.json 中的效果",
            do_en="use an id of the list and an effect of effects.json",
        ),
        "measure-without-department": ProblemText(
            zh="可执行措施没有责任单位",
            en="an executable measure names no department",
            do_zh="写明责任单位，或改为不可执行",
            do_en="name one, or make the measure unexecutable",
        ),
        "measure-for-persons": ProblemText(
            zh="可执行措施只适用于自然人",
            en="an executable measure applies to natural persons only",
            do_zh="改为不可执行",
            do_en="make it unexecutable",
        ),
        "measure-without-trigger": ProblemText(
            zh="可执行措施没有触发的信息项",
            en="no item triggers the executable measure",
            do_zh="写明 triggers",
            do_en="name its triggers",
        ),
        "measure-unexplained": ProblemText(
            zh="不可执行措施没有说明原因",
            en="it is not said why the measure is not executable",
            do_zh="写明 because",
            do_en="state `because`",
        ),
        "due-missing": ProblemText(
            zh="强制措施没有办理时限",
            en="a mandatory measure has no due date",
            do_zh="写明 due_working_days",
            do_en="state due_working_days",
        ),
        "due-unowed": ProblemText(
            zh="推荐性或参考性措施不得有时限",
            en="a recommended or reference measure owes nothing by a date",
            do_zh="去掉 due_working_days",
            do_en="drop due_working_days",
        ),
        "term-missing": ProblemText(
            zh="可执行措施没有期限",
            en="an executable measure has no term",
            do_zh="写明 term",
            do_en="state its term",
        ),
        "value-unsourced": ProblemText(
            zh="期限没有依据，也未标为未经核实",
            en="a period has no source and is not marked unconfirmed",
            do_zh="写明文件条款，或标 unconfirmed",
            do_en="cite document and clause, or mark it unconfirmed",
        ),
        "routing-uncovered": ProblemText(
            zh="责任单位没有分派规则",
            en="no routing rule covers the department",
            do_zh="补充规则或通用规则 *",
            do_en="add a rule, or the one for everybody, *",
        ),
        "list-without-exit": ProblemText(
            zh="名单没有移出理由或救济途径",
            en="the list has no reason to leave it, or no remedy",
            do_zh="写明移出条件与救济（国办发〔2020〕49号 四(七)）",
            do_en="state exit and remedy (国办发〔2020〕49号 四(七))",
        ),
        "list-basis-weak": ProblemText(
            zh="名单的设列依据或认定标准层级不足",
            en="the document that opens the list, or sets its criteria, ranks too low",
            do_zh="设列须有法律、法规或中央文件，认定标准至少为部门规章（国办发〔2020〕49号 四(六)(七)）",
            do_en="law or central policy opens it, a ministry rule at least sets criteria (国办发〔2020〕49号 四(六)(七))",
        ),
        "list-legacy-endless": ProblemText(
            zh="过渡期名单没有截止日期",
            en="a list kept for the time of transition has no last day",
            do_zh="写明 valid_to（国办发〔2020〕49号 九）",
            do_en="give valid_to (国办发〔2020〕49号 九)",
        ),
        "list-may-not-trigger": ProblemText(
            zh="仅供参考或过渡期的名单触发可执行措施",
            en="a list for reference, or of the time of transition, triggers an executable measure",
            do_zh="从措施的 triggers 中删去该信息项",
            do_en="drop its item from the measure's triggers",
        ),
        "red-list-restricts": ProblemText(
            zh="红名单触发了激励以外的措施",
            en="a red list triggers something other than an incentive",
            do_zh="从措施的 triggers 中删去该信息项",
            do_en="drop its item from the measure's triggers",
        ),
        "dishonesty-rewarded": ProblemText(
            zh="失信名单触发了激励措施",
            en="a list of dishonesty triggers an incentive",
            do_zh="从措施的 triggers 中删去该信息项",
            do_en="drop its item from the measure's triggers",
        ),
        "notice-by-trigger": ProblemText(
            zh="通报规则所用措施也可由信息项触发，或未标明仅限通报",
            en="a notice rule uses a measure that is not kept for notices",
            do_zh="该措施写 executable: false、because: by-notice",
            do_en="give the measure `executable: false` and `because: by-notice`",
        ),
        "notice-owed": ProblemText(
            zh="通报规则要求收文单位办理",
            en="a notice rule asks whoever is told to act",
            do_zh="通报仅供知悉：kind 为 supervision、binding 为 recommended、效果无办理时限",
            do_en="a notice is for information: kind supervision, binding recommended, an effect that is never overdue",
        ),
        "list-demands-missing": ProblemText(
            zh="严重失信主体名单缺少列入前提",
            en="a list of serious dishonesty leaves out a prerequisite",
            do_zh="demands 写全 basis、notice、parts、level（国办发〔2020〕49号 四(八)）",
            do_en="demand basis, notice, parts and level (国办发〔2020〕49号 四(八))",
        ),
        "list-level-missing": ProblemText(
            zh="没有写明列入决定单位的最低层级",
            en="the least level of the deciding organ is missing",
            do_zh="写明 entry.level",
            do_en="state entry.level",
        ),
        "list-waiting-missing": ProblemText(
            zh="要求事先告知而没有等待期",
            en="notice is demanded, yet no waiting time",
            do_zh="写明 waiting（期限表中的编号）",
            do_en="state `waiting`, a period",
        ),
        "list-without-criteria": ProblemText(
            zh="名单的认定标准缺少移出条件、程序或救济措施",
            en="the list's criteria lack conditions or procedure of removal, or remedies",
            do_zh="在 criteria 中写明（国办发〔2020〕49号 四(七)）",
            do_en="state them in `criteria` (国办发〔2020〕49号 四(七))",
        ),
        "list-consulted-too-short": ProblemText(
            zh="认定标准公开征求意见不足30日",
            en="the criteria were open for comment for less than 30 days",
            do_zh="重新征求意见不少于30日（国办发〔2020〕49号 四(七)）",
            do_en="consult again, for at least 30 days (国办发〔2020〕49号 四(七))",
        ),
        "repair-uncited": ProblemText(
            zh="不得修复而没有法律、法规或中央文件为据",
            en="not repairable, yet without a law, regulation or central policy behind it",
            do_zh="援引条款原文，或允许修复（国办发〔2020〕49号 六(十一)）",
            do_en="cite the clause, or let it be repaired (国办发〔2020〕49号 六(十一))",
        ),
        "tolerance-uncited": ProblemText(
            zh="从宽情形没有依据",
            en="a ground for tolerance rests on no clause",
            do_zh="写明文件、条款与原文",
            do_en="cite document, clause and words",
        ),
        "minor-recorded": ProblemText(
            zh="未成年人情形仍作记录",
            en="the ground of minors still leads to a record",
            do_zh="record 写 false（国办发〔2020〕49号 八(十六)）",
            do_en="let `record` be false (国办发〔2020〕49号 八(十六))",
        ),
        "local-without-regulation": ProblemText(
            zh="地方补充目录的条目没有援引地方性法规",
            en="a row of a local version cites no local regulation",
            do_zh="援引一部地方性法规（documents.json 中 rank 为 local-regulation），或删去该条目",
            do_en="cite a local regulation (rank `local-regulation` in documents.json), or remove the row",
        ),
        "layer-without-division": ProblemText(
            zh="地方补充目录没有写明行政区划",
            en="a local version names no division",
            do_zh="在 manifest.json 中写明 division（不得为 000000）",
            do_en="state its division in manifest.json (not 000000)",
        ),
        "calendar-not-contiguous": ProblemText(
            zh="工作日历不连续，或日期不在其年",
            en="the calendar has a gap, or a day outside its year",
            do_zh="逐年补齐",
            do_en="give every year in turn",
        ),
        "calendar-contradiction": ProblemText(
            zh="工作日历自相矛盾（周末放假、平日上班无须写出，一天不得两记）",
            en="the calendar contradicts the week (a weekend off or a weekday worked is not written; no day twice)",
            do_zh="删去该日",
            do_en="remove the day",
        ),
    }
)
