# Two commands matter: `make run` and `make test`. The rest is for those who work on Brushmark.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stamps: an install is repeated only when pyproject.toml changes.
SERVE := $(VENV)/.serve-installed
TEST := $(VENV)/.test-installed
# The founding way of serving has an environment within ours: its own Gradio and the older Pillow
# that Gradio wants, our torch.
FOUNDING := $(VENV)/founding
PACKAGES := 'import sysconfig; print(sysconfig.get_path("purelib"))'

.PHONY: bench-dashboard bench-queue run test lint types architecture unit train loop baselines founding-task bench bench-serving bench-health bench-log bench-exports bench-extension bench-evidence evidence-rates kill9 store-soak fuzz fuzz-evidence fuzz-api gate docs screenshots plots extension clean help

help:  ## Show what can be made.
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(SERVE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(TEST): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[train,test]'
	touch $@ $(SERVE)

run: $(SERVE)  ## Start backend and dashboard (no torch needed).
	@exec $(BIN)/brushmark up

test: lint types architecture unit  ## Run every test.

lint: $(TEST)  ## Check style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST)  ## Check types, strictly.
	$(BIN)/mypy

architecture: $(TEST)  ## Check the direction of imports.
	$(BIN)/lint-imports

unit: $(TEST)  ## Run pytest: unit, API, dashboard, training, browser.
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

docs: $(TEST)  ## Write docs/cli.md and docs/http.md anew from the code.
	$(BIN)/python -m backend.cli.reference > docs/cli.md
	$(BIN)/python -m tests.api.write_reference

train: $(TEST)  ## Train the served model from ../shared/data and release it.
	$(BIN)/brushmark train --recipe brush-2
	$(BIN)/brushmark release runs/brush-2-0

loop: $(TEST)  ## Go through the loop with 300 pictures: check, label, export, learn, compare, serve, back.
	$(BIN)/python -m tests.loop.rehearsal

baselines: $(TEST)  ## Measure classical models on raw pixels beside their cost (half an hour).
	$(BIN)/brushmark baselines --task founding
	$(BIN)/brushmark baselines --task full --px 30 --px 60 --share-px 30

founding-task: $(TEST)  ## Draw the founding task's list of rows anew from ../shared/data.
	$(BIN)/python -m backend.training.tasks.founding ../shared/data/manifest.csv > $(VENV)/founding.csv
	mv $(VENV)/founding.csv backend/training/tasks/founding.csv

FUZZ_COUNT ?= 100000
fuzz: $(TEST)  ## Decode mutated pictures, FUZZ_COUNT of them (100000), and print what happened.
	$(BIN)/python -m tests.imaging.fuzz --count $(FUZZ_COUNT)

fuzz-evidence: $(TEST)  ## Read evidence from FUZZ_COUNT mutated files (100000), and print time and memory.
	$(BIN)/python -m tests.imaging.provenance.fuzz --count $(FUZZ_COUNT)

fuzz-api: $(TEST)  ## Send 100 generated requests, good and bad, to every HTTP operation.
	BRUSHMARK_TEST_API_EXAMPLES=100 $(BIN)/python -m pytest tests/api/test_openapi.py -k breaks

gate: $(TEST)  ## Print how many real pictures the gate would refuse.
	$(BIN)/python -m tests.imaging.gate_rate

evidence-rates: $(TEST)  ## Print what each rule of provenance costs in wrong answers.
	$(BIN)/python -m tests.imaging.provenance.rates

KILL9_POINTS ?= 1000
kill9: $(TEST)  ## Kill a writer at KILL9_POINTS random moments (1000) and print what was lost.
	$(BIN)/python -m tests.storage.crash $(KILL9_POINTS)

store-soak: $(TEST)  ## Run the store's tests long: 32 threads x 1000 writes, 12,500 steps of a model.
	STORE_SOAK=1 $(BIN)/python -m pytest tests/storage

bench: bench-serving bench-health bench-log bench-exports bench-dashboard bench-queue bench-extension bench-evidence  ## Run every benchmark.

bench-health: $(TEST)  ## Time /healthz beside 50 slow clients and floods of refused uploads.
	$(BIN)/python -m tests.benchmarks.bench_health

bench-serving: $(TEST) $(FOUNDING)/.installed  ## Measure serving beside eager torch and Gradio.
	$(BIN)/python -m tests.benchmarks.bench_serving

bench-evidence: $(TEST)  ## Time the reading of all evidence from pictures of one megabyte.
	$(BIN)/python -m tests.benchmarks.bench_evidence

bench-exports: $(TEST)  ## Measure 100,000 reviewed pictures out as a zip, back in, and forgotten.
	$(BIN)/python -m tests.benchmarks.bench_exports

bench-log: $(TEST)  ## Measure the log at 1,000 to 200,000 records beside stock TinyDB.
	$(BIN)/python -m tests.benchmarks.bench_log

bench-extension: $(TEST)  ## Time a click to its verdict in Chromium, and what 200 scanned pictures cost.
	$(BIN)/python -m tests.benchmarks.bench_extension

bench-queue: $(TEST)  ## Time a curator's key to the next picture on the screen, fifty times.
	$(BIN)/python -m tests.benchmarks.bench_queue

bench-dashboard: $(TEST)  ## Measure every page of the dashboard over 200,000 records.
	$(BIN)/python -m tests.benchmarks.bench_dashboard

$(FOUNDING)/.installed: tests/benchmarks/founding-requirements.txt | $(TEST)
	$(BIN)/python -m venv $(FOUNDING)
	$(BIN)/python -c $(PACKAGES) > "$$($(FOUNDING)/bin/python -c $(PACKAGES))/ours.pth"
	$(FOUNDING)/bin/python -m pip install --quiet --no-warn-conflicts --requirement $<
	touch $@

screenshots: $(TEST)  ## Take docs/images anew, with the weights in weights/.
	$(BIN)/python -m tests.dashboard.screenshots docs/images
	$(BIN)/python -m tests.extension.screenshots docs/images

plots: $(TEST)  ## Draw the plots of docs/images from what was measured here.
	$(BIN)/python -m tests.training.plots docs/images

extension: $(TEST)  ## Zip the browser extension for Chromium and Firefox into dist/, and lint it.
	$(BIN)/python -m tests.extension.package dist

clean:  ## Remove what was built here (not your data).
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
