# Short names for the README's lines; every target builds its own virtual environment.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check cdnow crash format bench bench-journal bench-resume samples
CDNOW_MASTER ?= ../shared/data/cdnow_master.txt

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

# Loads all 69,659 purchases into the sandbox and compares what it holds with the source, in minutes.
cdnow:
	$(BIN)/python sample_data/make.py $(CDNOW_MASTER) --all benchmarks/work/cdnow
	CDNOW=$(CURDIR)/benchmarks/work/cdnow $(BIN)/python -m pytest tests/test_load.py -k whole_file

# Kills loads until KILLS processes have died, and prints what became of every row, in about ten minutes.
KILLS ?= 300
crash:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test]'
	$(BIN)/python -m tests.crash --kills $(KILLS)

format:
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e .
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.mapping

bench-journal:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e .
	$(BIN)/python -m benchmarks.journal

# Time to the first request of a 10-million-row load resumed at 90 %; needs 1.5 GB on the disk for a while.
bench-resume:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e .
	$(BIN)/python -m benchmarks.resume

samples:
	$(BIN)/python sample_data/make.py $(CDNOW_MASTER)
