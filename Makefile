# Every target sets itself up; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help install demo test slow gate baseline-tiny check format docs wheel train-tiny clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(INSTALLED)  ## make .venv from requirements.lock

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install  ## evaluate the tiny IDEFICS on the five mini benchmarks, beside the published numbers
	$(BIN)/evals run suite=demo

test: install  ## the default test suite (minutes, two cores); gets Debian's chromium if it can
	@.ci/browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses logical --dist loadfile

slow: install  ## the long tests
	$(BIN)/python -m pytest -m slow

gate: install  ## the regression gate on the tiny checkpoint: intact holds, damaged fails
	.ci/gate

baseline-tiny: install  ## freeze results/baselines/tiny.json anew, after a deliberate change
	rm -rf build/baseline
	$(BIN)/evals run suite=demo task=[vqav2,okvqa,hateful_memes] limit=100 shots=[4] reference=[] report=null run_dir=build/baseline
	$(BIN)/evals baseline build/baseline/* --out results/baselines/tiny.json

check: install  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## format and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install  ## build the documentation into site/ (open site/index.html)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

wheel: install  ## build the wheel into dist/
	$(BIN)/python -m build --no-isolation --wheel

train-tiny: install  ## train evals/mini/checkpoint anew (about an hour on two cores)
	$(BIN)/python -m evals.mini.train --out evals/mini/checkpoint

clean:  ## remove what make made
	rm -rf $(VENV) build dist site *.egg-info
