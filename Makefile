# Everything a newcomer needs: `make run` and `make test`. Python 3.11 or newer is all that must be there.
# Another Python: `make test PYTHON=python3.13 VENV=.venv-3.13`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 3
# The lock is whole: pip resolves nothing, so the same packages come on any later day.
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --no-deps

# Compiled once, whatever the caller's shell says, and not by each of the many processes that tests start.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test quick coverage check format bench lock clean
help: ## what can be done here
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.locked: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.13 …")'
	$(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	$(INSTALL) --no-build-isolation -e .
	$(PIP) check
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements-dev.txt
	$(INSTALL) --require-hashes -r requirements-dev.txt
	$(PIP) check
	@touch $@

run: $(VENV)/.installed ## the service, its database, a Stripe sandbox and demo data, in the foreground
	$(BIN)/liberation demo

test: $(VENV)/.developing ## all tests; three processes keep two cores busy
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

quick: $(VENV)/.developing ## the rules, the tables and the routes: a third of the time
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m "not slow"

coverage: $(VENV)/.developing ## all tests, and which lines they did not meet
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term

check: $(VENV)/.developing ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.developing ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.developing ## measure; the figures in docs/performance.md come from here
	$(BIN)/python -m tests.benchmarks

lock: $(VENV)/.developing ## both locks from pyproject.toml, with the newest releases that it allows
	$(BIN)/uv export --quiet --no-emit-project --no-dev --group build --no-header --no-annotate -o requirements.txt
	$(BIN)/uv export --quiet --only-group dev --no-header --no-annotate -o requirements-dev.txt
	@rm -f uv.lock

clean: ## forget the environment and the demo's data
	rm -rf $(VENV) .liberation build dist *.egg-info
