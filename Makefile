# Sluice's chores. `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.installed

# that run tests: they wait for processes part of their time
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --durations=10

# what tests and checks import in many processes is compiled once, also where the machine's default is not to keep it
unexport PYTHONDONTWRITEBYTECODE

# a benchmark's name, and words for it
b ?= intake
a ?=

# of what endure runs
share ?= 1/1

# of the file that `make browser` drops: 53,000 are 5 MB, 530,000 are 50
rows ?= 53000

# the lives that simulate-seeds lives
seed ?= 0
seeds ?= 1
database ?= sqlite

.PHONY: help install demo run simulate simulate-seeds test endure twins side-by-side pgbouncer-check clients browser image-check deploy-check check bench fmt lock migration docs clean

help: ## list the chores
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(SETUP) ## set up .venv from the hashed lock files

$(SETUP): requirements-dev.lock tests/clients/newest.lock tests/clients/older.lock tests/clients/generator.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	for release in newest older generator; do \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation \
	    --upgrade --target .venv/clients/$$release -r tests/clients/$$release.lock || exit 1; \
	done
	@touch $@

demo: install ## simulator and service together: import the samples, show what became of every row
	$(BIN)/sluice demo

run: install ## run the service on SQLite, loopback only, without keys
	SLUICE_AUTH=off exec $(BIN)/sluice serve

simulate: install ## run a local Marketo to practise on
	exec $(BIN)/sluice simulate

simulate-seeds: install ## live the life of a seed again (seed=4711), or many of them (seeds=1000)
	$(BIN)/python -m tests.simulation --seed $(seed) --seeds $(seeds) --database $(database)

test: install ## run all tests with few repetitions, on SQLite and on a real PostgreSQL
	$(PYTEST) --dist worksteal

endure: install ## run what takes long: a thousand lives, 200 kills, every crash point on both databases, Schemathesis, broken rules (share=1/3: a third of it)
	$(PYTEST) --dist load --maxschedchunk 1 -m "(endure or hypothesis) and not twin" --hypothesis-profile=endure --share $(share)

twins: install ## run on PostgreSQL, too, what `make test` and `make endure` have on SQLite alone
	$(PYTEST) --dist worksteal -m twin

side-by-side: install ## run the code before the newest migration and today's on one database while files come in (needs this repository's history)
	$(BIN)/python -m pytest -n 1 -m endure -rs tests/story/test_side_by_side.py

pgbouncer-check: install ## run the service through PgBouncer in transaction mode (needs it: `apt-get install pgbouncer`, or SLUICE_TEST_PGBOUNCER=/path/to/pgbouncer)
	$(BIN)/python -m pytest -m pgbouncer tests/story/test_pgbouncer.py

clients: install ## generate a TypeScript client and use it (needs Node 20 and npm; the Python one is among `make test`)
	mkdir -p .venv/clients/typescript
	cp tests/clients/typescript/package.json tests/clients/typescript/package-lock.json .venv/clients/typescript
	npm ci --prefix .venv/clients/typescript --ignore-scripts --no-audit --no-fund
	$(BIN)/python -m pytest -m typescript tests/clients

browser: install ## drive the pages in a real browser (needs Chromium: `apt-get install chromium`, or SLUICE_TEST_CHROMIUM=/path/to/chrome; rows=530000: drop 50 MB)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade --target .venv/browser -r tests/browser/browser.lock
	PYTHONPATH=.venv/browser SLUICE_TEST_BROWSER_ROWS=$(rows) $(PYTEST) --dist worksteal -m browser tests/browser

image-check: install ## build the image, run it and the compose file, stop and kill them (needs an engine; a="--engine …")
	$(BIN)/python -m tests.image $(a)

deploy-check: install ## hold deploy/ against Kubernetes' schemas and systemd (uses kubectl and systemd-analyze where they are)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade --target .venv/deploy -r tests/deploy/deploy.lock
	PYTHONPATH=.venv/deploy $(BIN)/python -m tests.deploy

check: install ## lint, types, import contracts, migration drift, generated docs, whether all tests can be loaded
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m migrations.drift
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m pytest --collect-only -qq >.venv/.collected || { tail -n 20 .venv/.collected; exit 1; }

bench: install ## measure: make bench b=intake (or another of benchmarks/) a="--its options"
	$(BIN)/python -m benchmarks.$(b) $(a)

fmt: install ## format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install ## write the generated pages anew
	$(BIN)/python -m docs.generate

# a lock file for what runs, one for what builds it, one for what runs with traces, one for what tests it
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header
lock: install ## resolve the dependencies anew and write the lock files
	$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	$(COMPILE) --upgrade --group build --constraint requirements.lock --output-file requirements-build.lock
	$(COMPILE) --upgrade pyproject.toml --extra otel --constraint requirements.lock --constraint requirements-build.lock --output-file requirements-otel.lock
	$(COMPILE) pyproject.toml --extra otel --group dev --constraint requirements-otel.lock --constraint requirements-build.lock --output-file requirements-dev.lock

migration: install ## write a migration from the tables: make migration m="what it does"
	$(BIN)/python -m migrations.new "$(m)"

clean: ## remove everything that can be made again
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -prune -exec rm -rf {} +
