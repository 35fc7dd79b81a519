# Everything a newcomer needs: `make run` and `make test`. Python 3.11 or newer is all that must be there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 3

.PHONY: help run test check format bench lock clean
help: ## what can be done here
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(VENV)/.installed ## the service, its database, a Stripe sandbox and demo data, in the foreground
	$(BIN)/liberation demo

test: $(VENV)/.installed ## all tests; three processes keep two cores busy
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term

check: $(VENV)/.installed ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed ## measure; the figures in docs/performance.md come from here
	$(BIN)/python -m tests.benchmarks

lock: $(VENV)/.installed ## requirements.txt from pyproject.toml
	$(BIN)/uv export --quiet --no-emit-project --all-groups --all-extras --no-header --no-annotate -o requirements.txt
	@rm -f uv.lock

clean: ## forget the environment and the demo's data
	rm -rf $(VENV) .liberation build dist *.egg-info
