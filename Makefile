# Plain POSIX make. Needs Python 3.11 or newer; choose another with `make PYTHON=python3.12 test`.

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check -qq
# pip would compile every package's own tests too, and on one core
COMPILE = $(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib || true
RUNTIME = $(VENV)/stamp-runtime
DEV = $(VENV)/stamp-dev
RIVALS = $(VENV)/stamp-bench

.PHONY: help demo test test-slow lint bench docs sample golden clean

help:
	@echo 'make demo       install Loadline in $(VENV) and run its demonstration'
	@echo 'make test       style, types, import contracts and the fast tests'
	@echo 'make test-slow  the long tests, with many more random examples'
	@echo 'make lint       style, types and import contracts alone'
	@echo 'make bench      every benchmark beside its rivals, some minutes; rewrites docs/performance.md (BENCH=--quick for a look)'
	@echo 'make docs       regenerate the pages that are made from the code'
	@echo 'make sample     regenerate the sample data in src/loadline/data'
	@echo 'make golden     regenerate the golden cases in cases/ after a rule or parameter changed'
	@echo 'make clean      remove the environment, caches and builds'
	@echo
	@echo 'Another Python: make PYTHON=python3.12 test'

demo: $(RUNTIME)
	@$(BIN)/loadline demo

test: lint
	@echo '== tests (fast tier)'
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q

test-slow: $(DEV)
	@echo '== tests (long tier)'
	@$(BIN)/python -m pytest -n 2 -q -m slow --hypothesis-profile=nightly

lint: $(DEV)
	@echo '== style (ruff)'
	@$(BIN)/ruff check
	@echo '== types (mypy)'
	@$(BIN)/mypy
	@echo '== import contracts (import-linter)'
	@$(BIN)/lint-imports --no-logo

bench: $(RIVALS)
	@$(BIN)/python -m benchmarks $(BENCH)

docs: $(DEV)
	@$(BIN)/python -m tools.docs

sample: $(DEV)
	@$(BIN)/python -m tools.sample
	@$(BIN)/python -m tools.sample_history

golden: $(DEV)
	@$(BIN)/python -m tools.golden

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments; a stamp is newer than the lock it was made from, so running again costs nothing --------------------------

$(VENV)/stamp-venv:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo 'Loadline needs Python 3.11 or newer; $(PYTHON) was not found.'; \
	  echo 'Install one, or name it: make PYTHON=/path/to/python3.12'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Loadline needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V 2>&1`."; \
	  echo 'Install one, or name it: make PYTHON=/path/to/python3.12'; exit 1; }
	@echo "Creating $(VENV) with `$(PYTHON) -V 2>&1`"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(RUNTIME): $(VENV)/stamp-venv requirements.lock pyproject.toml
	@echo 'Installing the pinned runtime packages (requirements.lock) and Loadline; the first time takes a minute'
	@$(PIP) install --no-compile -r requirements.lock
	@$(COMPILE)
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	@echo 'Installing the pinned development packages (requirements-dev.lock); the first time takes a minute'
	@$(PIP) install --no-compile -r requirements-dev.lock
	@$(COMPILE)
	@touch $@

$(RIVALS): $(DEV) requirements-bench.lock
	@echo 'Installing the pinned rivals that Loadline is measured beside (requirements-bench.lock)'
	@$(PIP) install -r requirements-bench.lock || grep -v '^#' requirements-bench.lock | while read -r one; do \
	  $(PIP) install --no-deps "$$one" || echo "$$one could not be installed: the page will say so."; done
	@touch $@
