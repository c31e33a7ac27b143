# `make run` and `make test` need Python 3.11 or newer, make and git; everything else is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# How long `make run` records; 0 is until Ctrl-C.
DURATION ?= 60s

.PHONY: run test faults bench lint format clean

run: $(VENV)/installed
	@$(BIN)/perfanalysis run --duration $(DURATION) --data perfanalysis-data --output site

test: $(VENV)/tested
	$(BIN)/python -m pytest

# Long runs of what may go wrong, each with a control that must fail: about twenty minutes.
faults: $(VENV)/tested
	$(BIN)/python -m pytest tests/faults

# What it costs: one line per figure, with its budget; about seven minutes. sysstat's sadc and the sqlite3
# shell are compared with where they are installed.
bench: $(VENV)/tested
	@for figures in tests/benchmarks/*.py; do PYTHONPATH=. $(BIN)/python $$figures || exit 1; done

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("perfanalysis needs Python 3.11 or newer: name one with make PYTHON=...")'
	@echo "Installing perfanalysis and what it needs into $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "Python has no venv: install it (Debian: apt install python3-venv)." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@
