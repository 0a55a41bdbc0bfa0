# Everything is set up inside .venv by itself; only Python 3.11+, pip, make and git are assumed.
PYTHON ?= python3
BIN := .venv/bin
UV := VIRTUAL_ENV=.venv .venv/uv/bin/uv

# Tests start a hundred processes. Each would compile every module again where this is set.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help

help: ## Show what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

.venv/uv/.installed: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hitherto needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11")'
	@echo "Setting up .venv (once) ..."
	@rm -rf .venv/uv && mkdir -p .venv
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --require-hashes --only-binary :all: --target .venv/uv -r requirements/uv.txt
	@.venv/uv/bin/uv venv --quiet --allow-existing --python $$($(PYTHON) -c 'import sys; print(sys.executable)') .venv
	@touch $@

# Nothing is built but this package, with a backend of known hash: what builds an archive of sources
# would be fetched without one.
.venv/.runtime: .venv/uv/.installed requirements/build.txt requirements/runtime.txt pyproject.toml
	@$(UV) pip install --quiet --require-hashes --no-build -r requirements/build.txt -r requirements/runtime.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.development: .venv/.runtime requirements/dev.txt
	@$(UV) pip install --quiet --require-hashes --no-build -r requirements/dev.txt
	@touch $@

setup: .venv/.development ## Set up .venv with everything, development tools included

demo: .venv/.runtime ## Remember a year of conversations and question them
	@$(BIN)/python examples/demo.py

check: .venv/.development ## Format, lint, types, layers, and freshness of generated files
	@$(MAKE) --no-print-directory --jobs 2 check-types check-others
	@echo "check: all clean"

check-types:
	@$(BIN)/mypy --no-error-summary

check-others:
	@$(BIN)/ruff format --check --quiet . || ($(BIN)/ruff format --diff .; exit 1)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-cache > .venv/lint-imports.log || (cat .venv/lint-imports.log; exit 1)
	@$(BIN)/python scripts/unasync.py --check
	@$(BIN)/python scripts/reference.py --check
	@$(BIN)/python scripts/date_names.py --check
	@$(BIN)/python scripts/style.py

quick: .venv/.development ## Run the tests of the core and of one kind of client, on SQLite
	@$(BIN)/python -m pytest -n auto --dist worksteal --one-client -q tests/unit tests/properties tests/client

test: check ## Run the checks and every test, on both databases
	@$(BIN)/python -m pytest -n auto --dist worksteal --database both

lock: .venv/uv/.installed ## Lock the dependencies anew
	@$(UV) pip compile --quiet requirements/uv.in --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --upgrade -o requirements/uv.txt
	@$(UV) pip compile --quiet requirements/build.in --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --upgrade -o requirements/build.txt
	@$(UV) pip compile --quiet pyproject.toml --group weights --universal --generate-hashes --no-header --python-version 3.11 --upgrade -o requirements/runtime.txt
	@$(UV) pip compile --quiet pyproject.toml --group weights --group dev --universal --generate-hashes --no-header --python-version 3.11 -c requirements/runtime.txt -o requirements/dev.txt

clean: ## Remove what was set up and cached
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help setup demo check check-types check-others quick test lock clean
