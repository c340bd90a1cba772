# Every target bootstraps what it needs: a machine has Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV := .venv
UV_VERSION := 0.13.8
UV := $(VENV)/bin/uv
BIN := $(VENV)/bin
DIST := dist
export UV_PROJECT_ENVIRONMENT := $(VENV)
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export NO_MKDOCS_2_WARNING := 1
# once, here, and not by each process that comes first; our own sources too, whatever the shell says
export UV_COMPILE_BYTECODE := 1
export PYTHONDONTWRITEBYTECODE :=

# --inexact keeps uv itself, and the groups that an earlier target added
SYNC := $(UV) sync --frozen --inexact --quiet --extra console
LOCK := pyproject.toml calibration/pyproject.toml uv.lock

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-alone test-fast generate lint format bench docs docs-serve wheels clean browser

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "qbank needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": run make PYTHON=python3.11 …")'
	@echo "making $(VENV) (uv $(UV_VERSION))"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python's venv module is missing: install it (Debian: apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.runtime: $(LOCK) | $(UV)
	@echo "installing the packages of uv.lock"
	@$(SYNC) && touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@$(SYNC) --group dev && touch $@

$(VENV)/.alone: $(VENV)/.dev
	@$(SYNC) --group dev --group clickhouse && touch $@

$(VENV)/.bench: $(VENV)/.runtime
	@$(SYNC) --group bench && touch $@

$(VENV)/.docs: $(VENV)/.runtime
	@$(SYNC) --group docs && touch $@

setup: $(VENV)/.dev ## make the environment in .venv
	@echo "ready: $(BIN)/qbank --help"

demo: $(VENV)/.runtime ## everything from nothing: database, demo data, the whole night, a summary
	@$(BIN)/qbank demo

serve: $(VENV)/.runtime ## Dagit with its daemon, the API and the console; Ctrl-C stops all
	@exec $(BIN)/qbank serve

test: $(VENV)/.dev browser ## all tests but those that want the machine for themselves
	@$(BIN)/pytest -n 2 --no-loadscope-reorder --durations=25

test-alone: $(VENV)/.alone browser ## Dagit under faults and by the mouse, nights killed or beside a daemon, mutants of the gates: nothing beside it
	@$(BIN)/pytest -m alone --durations=25

test-fast: $(VENV)/.dev ## the tests that take seconds
	@$(BIN)/pytest -m "not slow"

generate: $(VENV)/.dev ## from dbt's yml and the requests: LookML, docs, what the API says
	@$(BIN)/python -m dictionary
	@$(BIN)/python -m qbank.requests.page > docs/calibration/requests.md
	@$(BIN)/python -m qbank.requests.import_page > docs/core/import-options.md
	@$(BIN)/python -m qbank.events.contract

lint: $(VENV)/.dev ## formatting, lint, types, imports, SQL, Dagster definitions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m dictionary --check
	@$(BIN)/sqlfluff lint --processes 2 dbt_qbank/models dbt_qbank/tests
	@VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/dg check defs

format: $(VENV)/.dev ## format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.bench ## ratios against named baselines, in one run
	@$(BIN)/python -m bench

docs: $(VENV)/.docs ## the docs as a site, in .qbank/site; opens without a server
	@$(BIN)/mkdocs build --strict
	@echo "built: .qbank/site/index.html"

docs-serve: $(VENV)/.docs ## the same at http://127.0.0.1:8080, made again with each edit
	@exec $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8080

wheels: | $(UV) ## the two distributions, in dist/
	@rm -f "$(DIST)"/*.whl
	@$(UV) build --quiet --all-packages --wheel --out-dir "$(DIST)"
	@ls "$(DIST)"/*.whl

# The browser tests drive a real Chromium. Root installs it where it is missing; others are told.
browser:
	@if ! command -v chromium chromium-browser google-chrome >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "installing chromium"; apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  else echo "no Chromium found: the browser tests will be skipped (Debian: apt-get install chromium)"; fi; fi

clean: ## remove the environment, the embedded database and all build products
	@if [ -x $(BIN)/qbank ] && [ -e .qbank ]; then $(BIN)/qbank db drop-embedded --yes; fi
	@rm -rf $(VENV) .qbank dist dbt_qbank/target dbt_qbank/logs .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
