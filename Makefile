# Inferon: what one types. `make help` lists the targets.
#
# Each target sets up what it needs by itself: a virtual environment from constraints.txt and, for the
# tests, missing system tools (scripts/apt.sh). Another interpreter: make PYTHON=python3.12 test

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint format clean

export PYTHON ?= python3
# Test processes side by side. Compilers want 1 GB each.
JOBS ?= 2
# More arguments for pytest: make test ARGS="tests/unit -k table"
ARGS ?=

T := .venv-test/bin/python

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: ## jet taggers to C++ and Verilog: proven, timed, reported (4 minutes at most)
	@scripts/venv.sh .venv demo
	@.venv/bin/inferon demo

test: ## lint, types, layers and all tests but the long counts
	@scripts/apt.sh
	@$(MAKE) --no-print-directory lint
	@$(T) -m pytest -q -n $(JOBS) --dist worksteal $(ARGS)

test-all: ## the same with the long counts; writes benchmarks/results/test-all-DATE.json
	@scripts/apt.sh
	@$(MAKE) --no-print-directory lint
	@$(T) -m pytest -q -n $(JOBS) --dist worksteal --full --record=benchmarks/results $(ARGS)

lint: ## ruff, mypy --strict, import-linter
	@scripts/venv.sh .venv-test test,lint
	@$(T) -m ruff check
	@$(T) -m ruff format --check
	@$(T) -m mypy
	@.venv-test/bin/lint-imports

format: ## ruff: fix what can be fixed, then format
	@scripts/venv.sh .venv-test test,lint
	@$(T) -m ruff check --fix --quiet || true
	@$(T) -m ruff format

clean: ## remove the environments and caches
	rm -rf .venv .venv-test .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
