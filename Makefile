# Short names for the README's lines; every target builds its own virtual environment.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-long check cdnow crash crash-cluster docs-report format samples docs
CDNOW_MASTER ?= ../shared/data/cdnow_master.txt

DEMO := sample_data/users.csv.users.sandbox.ckpt sample_data/events.parquet.events.sandbox.ckpt
demo:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q .
	$(BIN)/pushwoosh-loader users sample_data/users.csv --sandbox --yes
	$(BIN)/pushwoosh-loader events sample_data/events.parquet --sandbox --yes
	@echo
	@echo 'To verify that the sandbox holds exactly these rows:'
	@echo '  $(BIN)/pushwoosh-loader verify $(DEMO)'
	@echo 'To look at them, start the sandbox and open http://127.0.0.1:8707/ in a browser:'
	@echo '  $(BIN)/pushwoosh-loader sandbox'

test:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test]' && $(BIN)/python -m pytest -n auto

# The tests with a new interpreter for each command, as users start it, and with more examples; in half an hour.
test-long:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test]' && COLD=1 EFFORT=5 $(BIN)/python -m pytest -n auto

check:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test,check,bench]'
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Runs the commands in the documentation and writes their outputs, then what the reference says of the code.
docs:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test]'
	$(BIN)/python -m docs.make_reference
	$(BIN)/python -m tests.docs.update

# Runs the notebooks and writes their outputs.
.PHONY: notebooks
notebooks:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[notebooks]'
	$(BIN)/python notebooks/make.py

# Loads all 69,659 purchases into the sandbox, also on bad days with kills, and compares what it holds with the source.
cdnow:
	$(BIN)/python sample_data/make.py $(CDNOW_MASTER) --all benchmarks/work/cdnow
	CDNOW=$(CURDIR)/benchmarks/work/cdnow $(BIN)/python -m pytest tests/test_load.py tests/test_proof.py tests/cli/test_check.py tests/nights \
		tests/stores/test_three_places.py tests/cluster/test_from_a_store.py -k whole_file

# Loads all purchases through a vendor that misbehaves, is killed and interrupted, and writes what the report says.
docs-report:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test]'
	$(BIN)/python sample_data/make.py $(CDNOW_MASTER) --all benchmarks/work/cdnow
	$(BIN)/python -m docs.make_report benchmarks/work/cdnow/events.csv

# Kills loads until KILLS processes have died, and prints what became of every row, in about ten minutes.
KILLS ?= 300
crash:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test]'
	COLD=1 $(BIN)/python -m tests.crash --kills $(KILLS)
	COLD=1 $(BIN)/python -m tests.crash --kills $(KILLS) --rows 600 --nights

# Kills workers, schedulers and coordinators of loads on a Dask cluster, and cuts workers off, in about half an hour.
CLUSTER_KILLS ?= 200
crash-cluster:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[test]'
	$(BIN)/python -m tests.crash.cluster --kills $(CLUSTER_KILLS)

format:
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

# Every benchmark, one after the other; each is a target of its own.
BENCHMARKS := bench-load bench-mapping bench-check bench-jsonlines bench-start bench-rows bench-journal bench-resume bench-verify bench-watch \
	bench-sandbox bench-ledger bench-lookup bench-queries bench-stores bench-report bench-looks bench-cluster
.PHONY: bench $(BENCHMARKS)
bench: $(BENCHMARKS)

# bench-resume makes a file of ten million rows: 1.5 GB on the disk for a while.
$(BENCHMARKS): bench-%:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m benchmarks.$*

# Loads over TLS beside curl in five minutes; what a row costs, by calls of the system and by libraries (strace, perf).
bench-tls bench-ceiling: bench-%:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m benchmarks.$*

# The default concurrency in ten loads at each of eight courses: three quarters of an hour.
.PHONY: bench-auto bench-page bench-short bench-tls bench-ceiling
bench-auto:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m benchmarks.auto

# The figures that users wait for on one page, beside those of a build before (BEFORE, a revision or a folder with a .venv).
BEFORE ?= e34db16
bench: bench-auto bench-tls bench-page
bench-page:
	$(BIN)/python -m benchmarks.page --before $(BEFORE)

# The same page from short runs of both builds, in less than 15 minutes.
bench-short:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q -e '.[bench]'
	$(BIN)/python -m benchmarks.page --short --before $(BEFORE)

samples:
	$(BIN)/python sample_data/make.py $(CDNOW_MASTER)
