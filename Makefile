# Everything a run needs is installed by these targets; python3.11 or newer is all that must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STORE ?= store
RECORD_STORE ?= store-record
# Emptied by each run.
FUZZ_FOLDER ?= fuzz-findings
# Sums in one order, whatever the machine: bytes can be compared.
ONE_THREAD := BRAINFLIX_WORKERS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo methods test record record-anew check fix bench crash fuzz demo-weights null masked-modelling clean

demo: $(VENV)/.installed  ## set up; the whole chain on the embedded simulation, then decoding of real brains
	$(BIN)/brainflix run recipes/demo.yaml --store $(STORE)
	$(BIN)/brainflix report demo --store $(STORE) --out demo-report.html
	$(BIN)/brainflix run recipes/studyforrest.yaml --store $(STORE)
	$(BIN)/brainflix report studyforrest --store $(STORE) --out studyforrest-report.html

methods: $(VENV)/.installed  ## the published methods at small size on the embedded simulation
	$(BIN)/brainflix run recipes/papers/brain-netflix-cc2017.yaml --preset tiny --store $(STORE)
	$(BIN)/brainflix run recipes/papers/brain-netflix-bmd.yaml --preset tiny --store $(STORE)
	$(BIN)/brainflix run recipes/papers/mindvideo-cc2017.yaml --preset tiny --store $(STORE)

test: $(VENV)/.installed-dev check  ## set up and run lint, types and tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

record: $(VENV)/.installed-dev  ## run the demo at one thread and compare keys, bytes and scores with the record
	$(ONE_THREAD) $(BIN)/brainflix run recipes/demo.yaml --store $(RECORD_STORE)
	$(BIN)/python -m tests.record.demo --store $(RECORD_STORE)

record-anew: $(VENV)/.installed-dev  ## the same, and write the record, after a change that is meant to change it
	$(ONE_THREAD) $(BIN)/brainflix run recipes/demo.yaml --store $(RECORD_STORE)
	$(BIN)/python -m tests.record.demo --store $(RECORD_STORE) --out tests/record/demo.json
	$(BIN)/python -m tests.record.plans
	$(BIN)/python -m tests.record.inventory

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev  ## time brainflix beside its peers, with ratios
	$(PIP) -e ".[bench]"
	$(BIN)/python tests/bench/bench_ridge.py
	$(BIN)/python tests/bench/bench_nway.py
	$(BIN)/python tests/bench/bench_metrics.py
	$(BIN)/python tests/bench/bench_publish.py
	$(BIN)/python tests/bench/bench_preprocess.py
	$(BIN)/python tests/bench/bench_align.py
	$(BIN)/python -m tests.bench.bench_targets
	$(BIN)/python tests/bench/bench_mbm.py
	$(BIN)/python tests/bench/bench_generators.py
	$(BIN)/python -m tests.bench.calibration

crash: $(VENV)/.installed-dev  ## kill a run at 200 random moments, run eight at once, and refuse every command the disk
	BRAINFLIX_CRASH_COUNT=200 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/crash tests/faults tests/store/test_store_crash.py

fuzz: $(VENV)/.installed-dev  ## damage files for BRAINFLIX_FUZZ_SECONDS each, and read them; inputs of findings stay
	BRAINFLIX_FUZZ_SECONDS=$${BRAINFLIX_FUZZ_SECONDS:-60} OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n auto --basetemp $(FUZZ_FOLDER) tests/fuzz

null: $(VENV)/.installed  ## remove the signal in 20 worlds and count how often the intervals hold chance
	$(BIN)/python -m tests.bench.null_worlds

masked-modelling: demo  ## plot decoding against labelled clips, with and without masked brain modelling
	$(BIN)/python -m tests.bench.masked_modelling --store $(STORE) --out assets/masked-modelling.png

demo-weights: $(VENV)/.installed  ## train the tiny weights again, two to three hours on two cores
	$(BIN)/python -m brainflix.demo.make_weights

clean:
	rm -rf $(VENV) build dist

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# torch first and pinned: left to the other packages it would pull gigabytes of CUDA libraries.
	$(PIP) $$(grep '^torch==' constraints.txt)
	$(PIP) -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e ".[dev]"
	touch $@
