# Short names for the README's lines; every target builds its own virtual environment.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check format bench samples

demo:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q .
	$(BIN)/pushwoosh-loader users sample_data/users.csv --sandbox --yes
	$(BIN)/pushwoosh-loader events sample_data/events.parquet --sandbox --yes

test:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test]' && $(BIN)/python -m pytest

check:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test,check]'
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format:
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e .
	$(BIN)/python -m benchmarks.load

samples:
	$(BIN)/python sample_data/make.py
