# Stretto. `make help` lists the targets; each sets up what it needs first.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
PYTEST_ARGS ?=
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test test-web check attack bench screenshots lock clean python

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

python:
	@test -n "$(PYTHON)" || { echo "Stretto needs Python 3.11 or newer, and found none on PATH. Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }

setup: python ## Make .venv from the locks and build the dashboard; instant when nothing has changed
	@$(PYTHON) tools/make_venv.py dev
	@$(PYTHON) tools/make_web.py

run: setup ## Start everything with the review engine on http://127.0.0.1:8700; Ctrl-C stops it
	@$(BIN)/stretto up --app reviews --samples

test: setup ## Run the tests; PYTEST_ARGS="-k words" chooses among them
	@$(BIN)/pytest -q -n 2 --dist worksteal $(PYTEST_ARGS)
ifeq ($(PYTEST_ARGS),)
	@$(MAKE) --no-print-directory test-web
	@echo "test: all passed"
endif

test-web: setup ## Run the dashboard's tests; those in a browser where Chromium is found
	@cd web && npm run --silent test

check: setup ## Lint, formatting, types, import rules, sizes and names of files
	@echo "check: ruff check" && $(BIN)/ruff check
	@echo "check: ruff format" && $(BIN)/ruff format --check
	@echo "check: pyright" && PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	@echo "check: import-linter" && $(BIN)/lint-imports --no-logo
	@echo "check: dashboard" && $(BIN)/python -m tools.dashboard_client && cd web && npm run --silent check
	@echo "check: files" && $(BIN)/python tools/check_files.py
	@echo "check: all passed"

attack: setup ## Attack a server of one's own as another tenant, as lesser roles, with forged tokens, odd words, rough clients; and its reviews with many hands at once
	@$(BIN)/python -m tests.attack
	@$(BIN)/python -m tests.attack.reviews --seconds 120

bench: python ## Measure beside the references, and print ratios; BENCH="steps edges" chooses, BENCH=--quick is short
	@$(PYTHON) tools/make_venv.py --into .venv-bench dev bench
	@$(PYTHON) tools/make_web.py
	@.venv-bench/bin/python -m bench $(BENCH)

screenshots: setup ## Take the pictures of README and docs anew, from real runs in a real browser
	@$(BIN)/python tools/screenshots.py

lock: setup ## Resolve pyproject.toml anew into requirements/*.txt
	@$(BIN)/python tools/lock.py

clean: ## Remove the environments and everything that tools and tests left behind
	@rm -rf .venv .venv-bench build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov web/node_modules src/stretto/api/dashboard
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
	@echo "clean: done"
