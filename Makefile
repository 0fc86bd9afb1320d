# make quickstart   the main job, offline, on the embedded lab: under five minutes, ends in a report
# make test         the test suite
# make check        format, lint, import rules, types, dependencies, dead code, generated docs
# make bench        speed and memory against the peer or the floor, in one run
# make docs         regenerate what is generated: command line reference, recipe schema
# make fix          format and mend what ruff can mend
# make test-lowest  the torch-free suite on the oldest versions that pyproject.toml admits

VENV   ?= .venv
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN    := $(VENV)/bin
# Where there is a GPU the newest torch build is left to pip. Elsewhere the tested version; pass for example
# TORCH_ARGS="--index-url ADDRESS" to name the index of PyTorch's CPU builds, which spares 3 GB of CUDA.
TORCH      ?= $(shell command -v nvidia-smi >/dev/null 2>&1 && echo "torch>=2.13.0" || echo "torch==2.13.0")
TORCH_ARGS ?=
export TOKENIZERS_PARALLELISM := false

.PHONY: quickstart test test-lowest check fix bench docs clean
.DEFAULT_GOAL := test

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "cotmill needs Python 3.11 or newer with venv; found: $$(python3 --version 2>&1). Type: make PYTHON=/path/to/python3.11"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH_ARGS) "$(TORCH)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[train,text,bertscore,scale,dev]'
	touch $@

quickstart: $(VENV)/installed
	$(BIN)/cotmill run recipes/quickstart.yaml --out runs/quickstart

test: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/installed
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/lint-imports
	$(BIN)/basedpyright --level error
	$(BIN)/deptry src
	$(BIN)/vulture
	$(BIN)/python docs/generate.py --check
	$(BIN)/python docs/evidence.py --check
	$(BIN)/python docs/real_models.py --check

fix: $(VENV)/installed
	$(BIN)/ruff check --fix --quiet || true
	$(BIN)/ruff format --quiet

docs: $(VENV)/installed
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/evidence.py
	$(BIN)/python docs/real_models.py

bench: $(VENV)/installed
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

LOWEST := .venv-lowest
TORCH_TESTS := augment/test_sampling.py augment/test_transformers_serve.py augment/test_vllm.py cli contract evaluate execute/test_scale.py execute/three_nodes.py lab measure model recipe recipes report study/test_runs.py train
$(LOWEST)/installed: pyproject.toml
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct -e ".[openai]" \
	    "pytest>=9.0" "pytest-timeout>=2.4" "pytest-xdist>=3.8" "hypothesis>=6.150" "beartype>=0.22"
	touch $@

test-lowest: $(LOWEST)/installed
	# Old releases of libraries call what newer ones beneath them deprecate; that is not ours to mend.
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -n 2 --dist loadfile -W ignore::DeprecationWarning tests $(TORCH_TESTS:%=--ignore=tests/%)

clean:
	rm -rf $(VENV) $(LOWEST) build dist runs .pytest_cache .ruff_cache .import_linter_cache .hypothesis
