# What is done with this repository by hand. Needs Python 3.11 or later and make; the rest installs itself.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/complete
SCHEMA ?= openapi.json
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 600
# What the tools that only read the code are given for settings; nothing connects to these.
OFFLINE := SECRET_KEY=only-for-tools-that-read-the-code-and-sign-nothing-at-all DATABASE_URL=postgresql://localhost/offline REDIS_URL=redis://localhost/0

.DEFAULT_GOAL := help
.PHONY: help run test lint types schema bench bench-scale evaluate fuzz soak lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(STAMP) ## Serve on PORT (8000), with PostgreSQL, Valkey, workers and beat; data in DATA_DIR (.data)
	@exec $(BIN)/python -m config.run

test: $(STAMP) ## Run the tests but those that .ci/run adds (browser, node, drill); ARGS go to pytest
	@$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal -m "not browser and not node and not drill" $(ARGS)

lint: $(STAMP) ## Check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP) ## Check types
	@$(OFFLINE) $(BIN)/mypy

schema: $(STAMP) ## Write the API's description, openapi.json
	@$(OFFLINE) $(BIN)/python manage.py spectacular --validate --fail-on-warn --format openapi-json --file $(SCHEMA)

bench: $(STAMP) ## Measure the speed; ARGS name benchmarks
	@$(BIN)/python -m bench $(ARGS)

bench-scale: $(STAMP) ## Measure every list and read at 1,000 and at 1,000,000 rows
	@$(BIN)/python -m bench scale

evaluate: $(STAMP) ## Measure how well declaration pages are read
	@$(BIN)/python -m evaluation

fuzz: $(STAMP) ## Fuzz the API for FUZZ_SECONDS (600); ARGS go to schemathesis
	@$(BIN)/python -m tests.fuzz --max-time $(FUZZ_SECONDS) $(ARGS)

soak: $(STAMP) ## Drive mixed traffic for SOAK_SECONDS (600) while parts are killed and restarted
	@$(BIN)/python -m tests.soak --seconds $(SOAK_SECONDS)

lock: $(STAMP) ## Resolve requirements/*.in anew into requirements/*.txt, with hashes
	@cd requirements && for name in base dev; do \
		../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--upgrade $$name.in --output-file $$name.txt || exit 1; \
	done

# The environment is made anew when the lock has changed, so that it holds what the lock names and no more. What pip
# says about failures is shown without addresses: whose index a machine uses is its own affair.
$(STAMP): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or later is needed and $(PYTHON) is not; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing into .venv ..."
	@umask 022; $(PYTHON) -m venv --clear .venv
	@umask 022; $(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $< 2>.venv/pip.log || { \
		sed -E "s#(https?://|host=)[^ ,)]*#(index)#g" .venv/pip.log >&2; exit 1; }
	@touch $@
