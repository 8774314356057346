# Everything a newcomer needs: `make demo`, `make test`. All of it lives in .venv; nothing else on the machine changes.

# The newest Python that is new enough and can make an environment: a name on the PATH may be a shim with nothing behind.
CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3
USABLE := 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
ifndef PYTHON
PYTHON := $(shell for python in $(CANDIDATES); do $$python -c $(USABLE) 2>/dev/null && echo $$python && break; done)
endif

VENV := .venv
BIN := $(VENV)/bin
KAFKA_JARS := $(or $(CONTACT_STREAMS_KAFKA_JARS),$(HOME)/.cache/contact-streams/kafka-4.1.0)
ARGS ?=
COMPILED := build/compiled
FOLDS := $(addprefix tests/,calendars contacts customers events explain facts properties replay windows) $(wildcard tests/test_worked_*.py)
# What is begun so, and all that it starts, runs the compiled folds. (Python would put the working directory first.)
ON_COMPILED = PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(COMPILED):$(CURDIR) CONTACT_STREAMS_COMPILED=1
SECONDS ?= 120

.PHONY: help demo test compiled test-compiled check lint format types contracts golden bench bench-quick fuzz mutants screenshots chaos soak lock audit kafka clean
.DEFAULT_GOAL := help

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/run  ## start everything embedded, with a simulated contact centre; the board is at the printed address
	@$(BIN)/contact-streams demo $(ARGS)

test: $(VENV)/dev  ## run the tests; what needs a server that is not here is skipped, with the reason
	$(BIN)/pytest $(ARGS)

test-compiled: compiled  ## the tests of the folds on the compiled ones; ARGS='tests/end_to_end' for others
	$(ON_COMPILED) $(BIN)/pytest -o pythonpath="$(COMPILED) ." $(or $(ARGS),$(FOLDS))

check: lint types contracts test  ## everything that must pass before a commit

lint: $(VENV)/dev  ## style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev  ## mend what can be mended by a program
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/dev  ## mypy
	$(BIN)/mypy

contracts: $(VENV)/dev  ## which package may import which
	$(BIN)/lint-imports

golden: $(VENV)/dev  ## rewrite tests/golden/ from what the program gives; read the difference before you commit it
	$(BIN)/pytest --update-golden $(ARGS)

bench: compiled kafka  ## everything side by side with its peers, and all other figures, into benchmarks/RESULTS.md
	$(ON_COMPILED) $(BIN)/python -m benchmarks $(ARGS)

bench-quick: compiled kafka  ## faster or slower than the stored baseline? three minutes; ARGS=--update stores a new one
	$(ON_COMPILED) $(BIN)/python -m benchmarks.quick $(ARGS)

fuzz: $(VENV)/fuzz  ## bad records into decoder and fold, bad requests to what is served, SECONDS=120 each
	$(BIN)/python -m tests.fuzz.campaign decode --seconds $(SECONDS)
	$(BIN)/python -m tests.fuzz.campaign fold --seconds $(SECONDS)
	$(BIN)/python -m tests.fuzz.served --seconds $(SECONDS)

mutants: $(VENV)/mutants  ## change the code and see whether a test fails, one change at a time; ARGS='streams.metrics.formulas.*'
	$(BIN)/mutmut run --max-children 1 $(ARGS)

chaos: compiled  ## 30 faults over 3,000,000 events, and every sabotage; the report goes to build/chaos.md; ARGS='--help'
	$(ON_COMPILED) $(BIN)/python -m tests.chaos $(ARGS)

soak: compiled  ## two hours of load: memory, open files, Redis keys; report in build/soak.md; ARGS='--minutes 10'
	$(ON_COMPILED) $(BIN)/python -m tests.chaos.soak $(ARGS)

lock: $(VENV)/audit  ## write requirements.lock anew: the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --all-extras --group dev \
	  --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml

audit: $(VENV)/audit  ## ask PyPI for known vulnerabilities of what requirements.lock names; what it does not know fails
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock $(ARGS)

screenshots: $(VENV)/dev  ## make the pictures of docs/images anew (redis-server and Chromium needed)
	$(BIN)/python -m tests.wallboard.screenshots

kafka: $(KAFKA_JARS)/.complete  ## fetch the jars of Apache Kafka for the integration tests (Java 17 and Maven needed)

# A wheel of its own, unpacked: sources and what is compiled of them never lie side by side, where one could be stale.
compiled: $(COMPILED)/.complete  ## the folds as machine code (a C compiler needed), in build/compiled

$(COMPILED)/.complete: pyproject.toml $(shell find streams -type f -not -path '*/__pycache__/*') | $(VENV)/dev
	rm -rf $(COMPILED) build/source && mkdir -p $(COMPILED) build/source
	cp -r LICENSE README.md pyproject.toml streams build/source
	cd build/source && HATCH_BUILD_HOOKS_ENABLE=true $(abspath $(BIN))/hatchling build --target wheel
	$(BIN)/python -m pip install --quiet --no-deps --target $(COMPILED) build/source/dist/*.whl
	rm -rf build/source
	@touch $@

clean:  ## remove the environment and all caches of the tools
	rm -rf $(VENV) build dist mutants .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find streams tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A failed fetch leaves no half-filled folder behind: the stamp comes last.
$(KAFKA_JARS)/.complete: deploy/kafka-test/pom.xml
	@command -v mvn >/dev/null || { echo "error: no mvn on the PATH"; echo "hint: apt-get install maven"; exit 1; }
	mvn --batch-mode --quiet -Dstyle.color=never --file $< dependency:copy-dependencies -DoutputDirectory=$(@D)
	@touch $@

# Stamps: an environment is made anew when pyproject.toml changes.
$(VENV)/dev: $(VENV)/run
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(VENV)/audit: $(VENV)/run
	$(BIN)/python -m pip install --quiet --group audit
	@touch $@

$(VENV)/fuzz: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --group fuzz
	@touch $@

$(VENV)/mutants: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --group mutants
	@touch $@

$(VENV)/run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(BIN)/python:
ifeq ($(PYTHON),)
	@echo "error: no Python ≥ 3.11 that can make a virtual environment is on the PATH" >&2
	@echo "hint: on Debian and Ubuntu: apt-get install python3-venv; or name one: make PYTHON=/path/to/python3" >&2
	@exit 1
endif
	@echo "Installing into $(VENV) with $$($(PYTHON) --version). This takes a minute, once."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
