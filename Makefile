# Circletake: `make run` serves it, `make test` tests it. GNU make 4.3 or newer.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := run
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TEST_PROCESSES ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test test-postgres15 bench drill lint format requirements browser clean

run: $(INSTALLED)
	@exec $(BIN)/python manage.py up

# Everything, journeys in a real browser included; TESTS narrows it: make test TESTS=tests/billing
TESTS ?= tests
PYTEST := $(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --dist loadgroup
# Tests in a browser run apart: playwright keeps an event loop in their process, where asyncio.run would refuse.
# Exit status 5 says that a part of a narrowed choice has no test.
test: $(INSTALLED) browser
	$(PYTEST) -m "not browser" $(TESTS) || [ $$? = 5 ]
	$(PYTEST) -m browser $(TESTS) || [ $$? = 5 ]

# Ledger and engine once more, on a server of version 15 (DATABASE_URL) and with Redis (REDIS_URL).
test-postgres15: $(INSTALLED)
	$(BIN)/python -m pytest -q -m postgres15 $(TESTS)

bench: $(INSTALLED)
	$(BIN)/python -m bench $(BENCH)

drill: $(INSTALLED)
	$(BIN)/python -m drills $(DRILL)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	find templates -name '*.html' -print0 | xargs -0 --no-run-if-empty $(BIN)/djade --target-version 5.2 --check
	$(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	PRODUCTION=1 SECRET_KEY="$$(head -c 48 /dev/urandom | base64 -w 0)" ENCRYPTION_KEYS=not-used ALLOWED_HOSTS=studio.example \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	find templates -name '*.html' -print0 | xargs -0 --no-run-if-empty $(BIN)/djade --target-version 5.2

# Pins requirements.in anew. Needs pip-tools in the environment.
requirements:
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
		-o requirements.txt requirements.in

# The stamp is renewed when the pins change, so that a second run starts at once.
$(INSTALLED): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing. Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: Circletake needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing. Install it (Debian: apt-get install python3-venv)."; exit 1; }
	@test -x $(BIN)/python || { echo "Making the environment in $(VENV) …"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing what Circletake needs into $(VENV) (once, one to three minutes) …"
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Chromium for the browser tests. Without it and without the right to install it they are skipped, and say so;
# with CI set they fail instead.
CHROMIUM = $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
browser:
	@if [ -n "$(CHROMIUM)" ]; then exit 0; fi; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then echo "Installing Chromium for the browser tests …"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || true; \
	elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then echo "Installing Chromium for the browser tests …"; \
		{ sudo -n apt-get update -qq && sudo -n apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || true; \
	fi; \
	if ! { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then \
		echo "********************************************************************************"; \
		echo "Chromium is missing and cannot be installed from here: BROWSER TESTS ARE SKIPPED."; \
		echo "Install it as root (Debian: apt-get install chromium), then run make test again."; \
		echo "********************************************************************************"; \
		[ -z "$${CI:-}" ]; \
	fi

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
