# Two commands for users: `make demo` and `make test`. Both share `make install`.
PYTHON ?= python3
PORT ?= 8050
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test install lint types imports check lock sbom audit clean fuzz-api

demo: install
	@$(BIN)/cews demo --port $(PORT) $(ARGS)

# Processes that tests start read compiled files, also where the environment would have none kept.
test: export PYTHONDONTWRITEBYTECODE =
test: install
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "C-EWS needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: install
	@$(BIN)/mypy

imports: install
	@$(BIN)/lint-imports

check: lint types imports

# Requests made from the API's own description, for as long as it takes (ARGS="--examples 1000").
fuzz-api: install
	@$(BIN)/python tests/fuzz/fuzz_api.py $(ARGS)

# Re-resolve the lock: names, versions and hashes only, no registry address.
lock:
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -o requirements.lock

# Bill of materials of what the product runs with (CycloneDX).
sbom: install
	@$(BIN)/python scripts/sbom.py > sbom.json
	@echo "sbom.json"

# Known weaknesses of the locked packages. 0: none, 1: found, 3: could not ask (that is no "none").
audit: install
	@$(BIN)/python scripts/audit.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
