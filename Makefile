# One line a target; what it does is in the tool it calls. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup run check lint types imports quick test bench chaos screens fmt docs lock

PY := .venv/bin/python
N ?= 30
ONCE ?=

help: ## 列出各目标 / this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## 建立 .venv（哈希锁定的依赖）/ make .venv from the hashed lock; does nothing when it is ready
	@python3 tools/setup.py

run: setup ## 启动一切并演示；ONCE=1 演示后退出 / start everything, play a county; ONCE=1 ends after the table
	@$(PY) -m credithub.demo $(if $(ONCE),--once)

check: setup lint types imports quick ## 静态检查与快速测试 / style, types, import rule, quick tests

lint:
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .

types:
	@$(PY) -m basedpyright

imports:
	@.venv/bin/lint-imports --no-cache

quick:
	@$(PY) -m pytest -q tests/unit tests/contract tests/house

test: setup ## 全部测试 / every test: also real Kafka and PostgreSQL, four processes, kills, a browser
	@$(PY) tools/need_chromium.py && $(PY) -m pytest

bench: setup ## 性能与其下限 / speed of each path beside its floor
	@$(PY) -m bench

chaos: setup ## N 次故障后核对 / N faults at bad moments, then prove that nothing was lost (N=30, SEED=…)
	@$(PY) -m tests.chaos --faults $(N) $(if $(SEED),--seed $(SEED))

screens: setup ## 页面截图 / pictures of the pages, in .credithub/screens
	@$(PY) tools/need_chromium.py && $(PY) -m tests.browser.screens

fmt: setup ## 统一格式 / put the code in its one format
	@$(PY) -m ruff check --fix-only --quiet . ; $(PY) -m ruff format .

docs: setup ## 从代码生成参考文档 / write docs/reference from the code
	@$(PY) tools/reference.py

lock: setup ## 重写锁文件 / write the lock files again (UPGRADE=1: newest versions)
	@$(PY) tools/lock.py $(if $(UPGRADE),--upgrade)
