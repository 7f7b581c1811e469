# The verbs of the project. `make` lists them; each makes or renews .venv first if necessary.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The first interpreter that runs and is new enough. Override: make install PYTHON=/path/to/python3.12
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

# PyPI's torch for Linux brings gigabytes of GPU libraries, so the CPU build is looked for here first.
# Empty (make install TORCH_INDEX=) takes whatever pip is configured to find.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# Work is spread over processes; a second thread inside each makes two cores slower, not faster.
export OMP_NUM_THREADS ?= 1
JOBS ?= 2

.PHONY: help install run test test-long clients lint format bench sweeps clean

help:  ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(STAMP)  ## make .venv, or renew it if pyproject.toml or constraints.txt changed

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "protogov needs Python 3.11 or newer; name one: make install PYTHON=..." >&2; exit 1; }
	@# --clear: without a working pip, what is there is a broken or half-made environment.
	$(PY) -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
ifneq ($(strip $(TORCH_INDEX)),)
	$(PY) -m pip install --quiet --no-deps --retries 1 --timeout 15 -c constraints.txt --index-url $(TORCH_INDEX) torch \
		|| echo "torch is not at $(TORCH_INDEX); taking pip's usual index"
endif
	$(PY) -m pip install --quiet -c constraints.txt -e '.[test,lint,bench,evm,pricing]'
	touch $@

run: $(STAMP)  ## train three governors, compare them with a static protocol, write the report
	$(PY) -m protogov.experiments.cli first-light $(ARGS)

test: $(STAMP)  ## the test suite without the tests marked long
	$(PY) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-long: $(STAMP)  ## only the tests marked long
	$(PY) -m pytest -n $(JOBS) --dist worksteal -m long --timeout 1800 $(ARGS)

clients: $(STAMP)  ## train briefly with each library of the README, each in its own environment
	$(PY) -m pytest tests/clients -m clients --timeout 3600 $(ARGS)

lint: $(STAMP)  ## ruff, formatting, mypy
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	@# Type checkers do not follow an editable install's import hook; these links show them the package as it is imported.
	rm -rf build/typing && mkdir -p build/typing/protogov
	ln -s ../../../envs ../../../agents ../../../experiments build/typing/protogov/
	for file in envs/_root/*; do test ! -f "$$file" || ln -s "../../../$$file" build/typing/protogov/; done
	$(PY) -m mypy

format: $(STAMP)  ## let ruff fix formatting and imports
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(STAMP)  ## print the figures of merit and their targets
	$(PY) -m protogov.experiments.cli bench $(ARGS)

sweeps: $(STAMP)  ## sweep each lever alone and draw the figure
	$(PY) -m protogov.experiments.cli study sweeps --jobs $(JOBS) $(ARGS)

clean:  ## remove builds and caches, but not .venv and results
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find envs agents experiments tests -name __pycache__ -type d -prune -exec rm -rf {} +
