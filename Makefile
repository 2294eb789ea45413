# The commands of this project. `make help` lists them; what they do stands in scripts/.
SHELL := /bin/bash
PORT ?= 8000
export PORT
.DEFAULT_GOAL := help
.PHONY: help demo test soak lint format bench lock image clean

help:   ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PORT=8000 chooses the port of demo; GRIDGOV_DATABASE_URL=postgresql://… its store; ARGS=… goes to pytest"

demo:   ## install, load the demonstration zone, serve it on http://127.0.0.1:$(PORT)
	@exec scripts/demo

test:   ## install what the tests need and run them all
	@exec scripts/test $(ARGS)

soak:   ## kill the service and its database 220 times while clients write; prints a table
	@exec scripts/soak $(ARGS)

lint:   ## ruff, mypy and tsc; changes nothing
	@exec scripts/lint

format: ## let ruff lay out the code and mend what it safely can
	@scripts/setup dev && .venv/bin/ruff check --fix . ; .venv/bin/ruff format .

bench:  ## print the table of measurements
	@scripts/setup dev && NUMBA_CACHE_DIR="$(CURDIR)/.venv/numba" exec .venv/bin/python -m bench $(ARGS)

lock:   ## make requirements/*.lock and package-lock.json from the bounds
	@scripts/setup dev && .venv/bin/python -m pip install -q pip-tools && .venv/bin/python scripts/lock.py $(ARGS)
	@scripts/npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved

image:  ## as root: replay the Dockerfile in a root of its own and try what it makes (needs debootstrap)
	@exec python3 scripts/image.py $(ARGS)

clean:  ## remove the environment, fetched libraries and caches; keeps gridgov-data/
	@rm -rf .venv node_modules maps/web/vendor dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
