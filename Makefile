# All that a person types. A machine needs Python 3.11 or newer and make; the rest comes into .venv and .local.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# How many processes share the tests. Many tests wait for processes of their own, so more than two cores have pays.
JOBS ?= 4

# The virtual environment is redone for another version of Python and when the folder was moved, since it holds its path.
KEY := $(shell $(PYTHON) -c 'import os, sys, zlib; print("%d.%d-%08x" % (*sys.version_info[:2], zlib.crc32(os.getcwd().encode())))' 2>/dev/null)
INSTALLED := $(VENV)/.installed-$(KEY)

# What would bring foreign packages in, or ours elsewhere, is kept out. Where pip gets packages from stays as it is set.
unexport PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_PYTHON PIP_NO_DEPS PIP_DRY_RUN PIP_REQUIREMENT
# Each of the hundreds of processes that the tests start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run test check format openapi reset faults bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  Variables: PYTHON=python3.12 (which Python), PORT=8001, WEB_CONCURRENCY=4, ARGS='-k name' and JOBS=1 (for pytest),"
	@echo "  DATABASE_URL=postgresql://… and REDIS_URL=redis://… (your own servers instead of those in .local)."

install: $(INSTALLED) ## Make the virtual environment (all others do it by themselves)

run: $(INSTALLED) ## Run everything here: servers, schema, web, worker, clock, sample data. Ctrl-C stops it
	@$(BIN)/python -m workers.launcher

test: $(INSTALLED) ## Run all tests but those of the whole service; nothing needs to be running
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not e2e" $(ARGS)

check: $(INSTALLED) ## Run all that must pass before a commit: ruff, mypy, import-linter, known vulnerabilities, all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/audit.py
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

format: $(INSTALLED) ## Put the code in the form that check wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: $(INSTALLED) ## Write the OpenAPI document anew: web/openapi.json
	@$(BIN)/python -m web.openapi

reset: $(INSTALLED) ## Delete all data of make run
	@$(BIN)/python -m workers.launcher reset

faults: $(INSTALLED) ## Run the tests that kill, freeze and flood real processes
	@FAULTS=long $(BIN)/python -m pytest tests/faults -s $(ARGS)

bench: $(INSTALLED) ## Measure everything against what it has to beat, into report/. ARGS=--short: only see that it works
	@PIP_CONSTRAINT=.ci/constraints.txt $(BIN)/python -m pip install --quiet --editable '.[embedded,otel,test,bench]'
	@$(BIN)/python -m tests.performance $(ARGS)

$(INSTALLED): pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed. Choose one: PYTHON=python3.12 make …")'
	@test -e $@ || { echo "Making $(VENV) …"; $(PYTHON) -m venv --clear $(VENV); }
	@PIP_CONSTRAINT=.ci/constraints.txt PIP_BUILD_CONSTRAINT=.ci/constraints.txt \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded,otel,test]'
	@touch $@
