# `make` alone shows what there is.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
ARGS ?=
# Most of the tests' time is waiting for real processes; four files at a time fill two cores.
JOBS ?= 4

.PHONY: help setup demo run test faults soak api-check pictures lint-deploy check lint types audit format lock clean

help: ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## make .venv ready for work

$(READY): requirements/uv.txt requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; say make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## play the main job on this machine (ARGS=--once ends by itself)
	@$(BIN)/sprintwarden demo $(ARGS)

run: $(READY) ## run the service here, with an embedded Redis unless REDIS_URL is set
	@$(BIN)/sprintwarden run

# Hundreds of processes start during the tests: what one compiles serves all, and arithmetic needs no threads.
test faults: export PYTHONDONTWRITEBYTECODE :=
test faults: export OMP_NUM_THREADS := 1

test: $(READY) ## run all tests (ARGS are pytest's)
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

faults: $(READY) ## cause every fault there is a test of, and write what was seen into docs/reliability.md (ten minutes)
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m fault --slow --reliability=docs/reliability.md $(ARGS) tests

soak: $(READY) ## an hour of work while things break (ARGS="--minutes 5 --seed 1")
	$(BIN)/python -m tests.faults.soak $(ARGS)

api-check: $(READY) ## have schemathesis ask the API odd questions by its own document (uv fetches it; two minutes)
	$(BIN)/pytest -m slow -s tests/integration/test_api_check.py $(ARGS)

pictures: $(READY) ## take the pictures of the console in docs/images anew (needs Chromium; three minutes)
	$(BIN)/python -m tests.browser.pictures $(ARGS)

lint-deploy: $(READY) ## have each file it is deployed by looked at by its own linter (uv fetches most of them)
	@$(BIN)/python deploy/lint.py

check: lint types audit ## lint, types, and known vulnerabilities in what is locked

lint: $(READY) ## style, and which room may import which
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(READY) ## strict type check
	$(BIN)/mypy

audit: $(READY) ## look for known vulnerabilities in what is locked (ARGS=--strict: it must be found out)
	@$(BIN)/python requirements/audit.py $(ARGS)

format: $(READY) ## put the code in its usual form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY) ## lock dependencies anew: names, versions and hashes only
	echo 'uv>=0.9' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements/uv.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml --extra demo --group dev -o requirements/dev.txt

clean: ## remove what was built here; var/, with the embedded Redis' data, stays
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
