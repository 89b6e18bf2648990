# The two commands that a new user needs: `make lab` and `make test`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UV_VERSION := 0.13.9

.PHONY: help lab test test-fast lint format bench conformance setup clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | column -t -s "$$(printf '\t')" 2>/dev/null || grep '##' Makefile

lab: setup ## set everything up, bring the cluster up, open JupyterLab at the first lesson
	@$(BIN)/labkit lab

test: setup ## set everything up and run all tests, the lessons included
	@$(BIN)/python tests

test-fast: setup ## only the tests that need no cluster
	$(BIN)/pytest tests/unit

lint: setup ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure the cluster on this machine
	$(BIN)/python -m benchmarks

conformance: setup ## run the chosen Kubernetes conformance tests against the embedded cluster
	$(BIN)/python -m tests.conformance

setup: .venv/.ready ## the Python environment, from the lock file

.venv/.ready: pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "error: no Python >= 3.11 on PATH. next: install one, or: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up the Python environment in .venv (about half a minute the first time)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "error: $(PYTHON) cannot make environments. next: install its venv module (Debian, Ubuntu: sudo apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv sync --frozen --quiet
	@touch $@

clean: ## remove the environment and, after asking, the clusters and the built programs
	@if [ -x $(BIN)/labkit ]; then $(BIN)/labkit clean; fi
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
