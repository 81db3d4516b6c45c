# make demo   the main job on a virtual Pico, from nothing (BOARD=pico2: on another board)
# make test   every test, from nothing
# make check  lint, types, and the unit tests that changed files need: under three minutes
# make soak   the long versions of tests: hours; its log is bench/results/soak.txt
# make docs   the documentation's site in build/site; warnings and broken links are errors
# make release  dist/: wheel, source distribution, images and checksums; runs the demo from the wheel
# make setup  only the set-up both do first
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check soak pictures release docs lint format setup clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p' Makefile

# The lists of the packages below are in pyproject.toml; the file marks that they are installed.
$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
	  || { echo "Error: $(PYTHON) is not Python 3.10 to 3.12: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	  then apt-get update -qq && apt-get install -y -qq python3-venv; \
	  else echo "Error: no venv module: sudo apt-get install -y python3-venv"; exit 1; fi; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[train,studio,test,docs]'
	@touch $@

setup: $(VENV)/installed
	@$(BIN)/host setup

demo: setup
	@$(BIN)/host train-and-deploy models/fire_alarm --virtual $(if $(BOARD),--board $(BOARD))

lint: $(VENV)/installed
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet || { echo "Error: run make format"; exit 1; }
	@$(BIN)/clang-format --dry-run --Werror $(C_FILES)
	@said=$$($(BIN)/lint-imports --no-logo --no-cache) || { echo "$$said"; exit 1; }
	@$(BIN)/mypy --no-error-summary

format: $(VENV)/installed
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet
	@$(BIN)/clang-format -i $(C_FILES)

C_FILES = $(shell git ls-files '*.c' '*.h' '*.cpp')

# A file of tests stays in one process, so that it makes what its tests share once. Files that take
# longest go first (tests/conftest.py). TESTFLAGS: more options, e.g. --cpu.
PYTEST = $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0

test: setup lint
	@$(BIN)/host setup --dev
	@$(PYTEST) $(TESTFLAGS)

# BASE: what to compare with; what a branch changed since it left it is tested.
BASE ?= origin/main

check: $(VENV)/installed lint
	@tests=$$(PYTHONPATH=tests $(BIN)/python -m support.affected $(BASE)) && \
	  { [ -z "$$tests" ] || $(PYTEST) -m 'not slow' $(TESTFLAGS) $$tests; }

soak: setup
	@$(BIN)/host setup --voices
	@$(PYTEST) --soak --soak-log bench/results/soak.txt $(TESTFLAGS)

docs: $(VENV)/installed
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html; with its search: $(BIN)/python -m http.server -d build/site"

release: setup
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[release]'
	@$(BIN)/python packaging/release.py $(RELEASEFLAGS)

# Screenshots of Studio for the docs: look at each.
pictures: setup
	@$(BIN)/host setup --dev
	@PYTHONPATH=tests $(BIN)/python -m support.pictures build/pictures
	@cp build/pictures/studio-live-wide.png build/pictures/studio-judge-wide.png docs/images

clean:
	rm -rf .pio build
