# Every target sets itself up; `make` alone lists them.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(BIN)/uv
# What is tried with other versions than the lock's, besides the demo: what libraries decide.
SMOKE := $(addprefix billing_pipeline_tests/,settings warehouse dagster/test_definitions.py dagster/test_event_log.py \
	dagster/test_partitions.py)
# The oldest Python that will do comes first: it is the one that the lock was tried with.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && { echo "$$p"; exit; }; \
	done; echo python3)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet

.PHONY: help run ui test test-lowest test-newest torture check format bench coverage-matrix lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: $(STAMP) ## Close a demo month on this machine, and show what came of it
	@$(BIN)/billing-pipeline demo

ui: $(STAMP) ## Show the demo in Dagster's UI, until Ctrl-C
	@$(BIN)/billing-pipeline demo --ui

test: $(STAMP) ## Run all tests, offline; some of them with TESTS="file …"
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

test-lowest: $(UV) ## Try the lowest versions that pyproject.toml allows: the demo, and some of the tests
	@$(call try_versions,lowest,--resolution lowest-direct)

test-newest: $(UV) ## Try the newest versions that it allows, DuckDB 2 among them
	@$(call try_versions,newest,--resolution highest)

torture: $(STAMP) ## Play 560 schedules of killed runs and faults: up to an hour; others with SEEDS=560-1559,2048
	@$(BIN)/python -W ignore -m billing_pipeline_tests.torture $(if $(SEEDS),--seeds=$(SEEDS))

check: $(STAMP) ## Check format, lint, types, imports and dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

format: $(STAMP) ## Format the code, and correct what can be corrected
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure requests, time and memory
	@$(BIN)/python -m benchmarks

coverage-matrix: $(STAMP) ## Write docs/coverage.md: which combinations of settings have a golden case
	@$(BIN)/python -m billing_pipeline_tests.coverage_matrix

lock: $(UV) ## Write requirements.lock anew from pyproject.toml
	@echo 'duckdb<2' > $(VENV)/constraints.txt
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-strip-extras --extra dev --constraint $(VENV)/constraints.txt \
		--output-file requirements.lock pyproject.toml
	@echo "requirements.lock is new: run make test and make check, then commit it."

clean: ## Remove the environment, caches and the demo; never your own data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	rm -rf data/demo data/demo.lock
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || { \
		echo "Python 3.11 to 3.14 is needed, and $(PYTHON) is not: install it, or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: apt-get install python3-venv)." >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV)

# uv takes seconds where pip takes a minute; both check every hash.
$(STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements.lock lists into $(VENV), only this once ..." >&2
	@{ $(MAKE) --silent $(UV) && $(UV) pip install --quiet --python $(BIN)/python --require-hashes \
		--requirement requirements.lock; } || { \
		echo "uv cannot be had here: installing with pip, which takes about a minute ..." >&2; \
		$(PIP) install --require-hashes --requirement requirements.lock; }
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The version and the hashes of uv, too, are those of the lock.
$(UV): requirements.lock | $(BIN)/python
	@awk '/^uv==/ { found = 1 } found { print } found && !/\\$$/ { exit }' requirements.lock > $(VENV)/uv.txt && test -s $(VENV)/uv.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@$(PIP) install --require-hashes --requirement $(VENV)/uv.txt
	@touch $@

# An environment of its own inside $(VENV); its demo runs there too, and leaves data/demo alone.
define try_versions
	$(UV) venv --quiet --clear --python $(BIN)/python $(VENV)/$(1) && \
	$(UV) pip install --quiet --python $(VENV)/$(1)/bin/python $(2) --editable '.[dev]' && \
	$(UV) pip list --quiet --python $(VENV)/$(1)/bin/python | grep -E '^(dagster|duckdb|pandas|pyarrow|pydantic|sqlalchemy) ' && \
	mkdir -p $(VENV)/$(1)/demo && (cd $(VENV)/$(1)/demo && ../bin/billing-pipeline demo > demo.txt || { cat demo.txt; exit 1; }) && \
	$(VENV)/$(1)/bin/python -m pytest -n 2 --dist worksteal $(SMOKE)
endef
