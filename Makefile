# Every gate and every demo is a target here; CI (.ci/run) calls the same ones as a person does.
# Needed on the machine: python3 (3.11 or newer) and make. All else comes from pip, pinned by .ci/locks.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
BIN := .venv/bin
UV := .venvs/uv/bin/uv
# uv takes the interpreters of this machine and fetches none.
export UV_PYTHON_DOWNLOADS := never
# uv keeps its cache at home. The user of a container may have no home that can be written: then it is kept in this clone.
ifeq ($(UV_CACHE_DIR)$(shell place="$${XDG_CACHE_HOME:-$${HOME:-}/.cache}/uv"; \
  until [ -e "$$place" ]; do place=$$(dirname "$$place"); done; [ -d "$$place" ] && [ -w "$$place" ] && echo writable),)
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
endif
# Pure Python that is published as source alone. All else comes as a wheel: no install compiles, or needs a compiler.
SOURCES := focus-validator ibm-cos-sdk ibm-cos-sdk-core ibm-cos-sdk-s3transfer pandasql
MAJORS := openai2-anthropic1 openai1-anthropic0
# Tests of the base install: the record of a call, the launcher, the exporter, the ledger's reading and booking.
LOWEST_TESTS := tests/metering tests/ledger tests/server/test_receiver.py \
  tests/lifecycle/test_providers.py tests/lifecycle/test_unanswered.py \
  tests/metering_faults/test_launcher.py::test_one_call_is_one_span_metrics_and_one_record \
  tests/cli/test_run.py::test_stdout_is_byte_identical_and_the_receipt_has_every_number
# These rooms run on a second Python.
PYTHON_TESTS := tests/metering tests/pricing tests/ledger tests/cli tests/lifecycle
# Every SDK that is metered: all newest versions in one environment, all oldest in another.
SDKS := sdks-newest sdks-oldest
PROVIDER_TESTS := tests/providers --ignore=tests/providers/apart
PEERS := peer-official peer-openllmetry peer-openinference peer-openlit
# Frameworks, tools that wrap the SDKs, and workers, each in a process of its own.
FRAMEWORK_TESTS := -m peer tests/metering_faults/test_frameworks.py tests/lifecycle/test_workers.py
# The folders that use the providers' SDKs. They run on each major of an SDK, because a major may change the behaviour.
SDK_TESTS := -m "not any_major" tests/stub_tests tests/metering tests/metering_faults
# Tests that need a neighbour. All others run in the main suite: some neighbours leave their wrappers behind.
COEXIST_TESTS := -m peer tests/metering_faults/test_neighbours.py tests/metering_faults/test_suppression.py
PYTEST := -m pytest -p tests.times --timeout=180 --numprocesses=auto --dist=loadgroup
PIN := $(UV) pip compile --universal --python-version 3.11 \
  --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet
# Tests that need the built servers are no part of a plain run. The load tests need the whole machine.
E2E := -m pytest --timeout=400 --override-ini="norecursedirs=.*"
LOAD_TESTS := tests/e2e/back_ends/test_load.py
# Percent of lines and branches. Raise it with the figure that `make coverage` shows.
COVERAGE := 94
DEMO_LEDGER := .cache/demo/ledger.db
ARGS ?=
# Scenarios of tests/replay/scenarios, and the seeds that they are lived through with.
REPLAY ?= short incidents healthy tiny budget
SEEDS ?= 1
GO_ARGS ?=

##@ Start here

help: ## Print this list
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: install ## A small app on a loopback provider under `genmeter run`, and its receipt; no API key
	@mkdir -p $(dir $(DEMO_LEDGER))
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m tests.demo -- genmeter run --ledger $(DEMO_LEDGER) -- python examples/demo.py
	@echo "  The page with every call: $(BIN)/genmeter dev --ledger $(DEMO_LEDGER)   then open http://127.0.0.1:4318"
	@echo

install: .venv/.ready ## .venv with genmeter, the SDKs and all tools

venv: install ## The same as install

##@ Gates

test: test-go test-main test-matrix test-lowest test-python ## Go, the whole suite, older majors of the SDKs, lowest versions, a second Python

test-go: ## The collector processor: gofmt, vet, tests (GO_ARGS=-race where a C compiler is)
	@$(call python); export GO=$$($(PYTHON) .ci/servers --go) GOTOOLCHAIN=local GOFLAGS=-buildvcs=false; \
	echo "==> src/genaicostprocessor: $$("$$GO" version)"; cd src/genaicostprocessor; \
	unformatted=$$("$$(dirname "$$GO")"/gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'ed: $$unformatted" >&2; exit 1; }; \
	"$$GO" vet ./... && "$$GO" test -count=1 $(GO_ARGS) ./...; cd ../../tests/replay; \
	unformatted=$$("$$(dirname "$$GO")"/gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'ed: $$unformatted" >&2; exit 1; }; \
	CGO_ENABLED=0 "$$GO" vet -tags remove_all_sd ./...

test-main: install ## The whole suite on openai 3 and anthropic 2 (ARGS="tests/pricing -k tier" for a part)
	@echo "==> openai3-anthropic2: the whole suite"
	@$(BIN)/python $(PYTEST) $(ARGS)

test-matrix: $(MAJORS:%=.venvs/%/.ready) ## The SDK tests on the older majors of openai and anthropic
	@$(call in-each,$(MAJORS),$(SDK_TESTS))

test-lowest: .venvs/lowest/.ready ## Metering and ledger on the lowest versions that pyproject.toml allows
	@$(call in-each,lowest,$(LOWEST_TESTS))

test-python: .venvs/uv/.ready ## Metering, pricing, ledger and commands on a second Python: the newest here, or 3.11 beside a newer one (tested: 3.11, 3.12, 3.13)
	@read -r version path < <($(PYTHON) .ci/pythons.py --beside) || { \
	  echo "==> no second Python (3.11, 3.12, 3.13; 3.14 where it is) is on this machine beside $$($(PYTHON) --version): nothing is tested on one"; exit 0; }; \
	folder=.venvs/python$$version; \
	grep -qsx "home = $${path%/*}" $$folder/pyvenv.cfg || rm -rf $$folder; \
	$(MAKE) --no-print-directory SECOND_PYTHON="$$path" $$folder/.ready; \
	echo "==> Python $$version, $$path: $(PYTHON_TESTS)"; $$folder/bin/python $(PYTEST) $(PYTHON_TESTS)

test-sdks: $(SDKS:%=.venvs/%/.ready) ## The contract of every metered SDK, on its newest version and on the oldest major in use
	@$(call in-each,$(SDKS),$(PROVIDER_TESTS))
	@$(call in-each,$(lastword $(SDKS)),tests/providers/apart)

test-coexist: $(PEERS:%=.venvs/%/.ready) .venvs/peer-frameworks/.ready ## Beside other instrumentations of the same SDKs, each in its own environment; and beside frameworks
	@$(call in-each,$(PEERS),$(COEXIST_TESTS))
	@$(call in-each,peer-frameworks,$(FRAMEWORK_TESTS))

test-focus: install ## FOCUS exports by the official validator, where Python 3.12 is: no other has wheels of all that it needs
	@read -r version path < <($(PYTHON) .ci/pythons.py | grep '^3\.12 ') || { \
	  echo "==> no Python 3.12 is on this machine: FOCUS is not validated"; exit 0; }; \
	$(MAKE) --no-print-directory FOCUS_PYTHON="$$path" .venvs/focus/.locked; \
	$(BIN)/python $(PYTEST) tests/reports/test_focus.py

test-wheel: .venvs/base/.ready ## The built wheel with its declared dependencies and nothing else
	@$(call packages,.cache/wheel,--target wheel)

# The processes end with the suite, and after an hour where even make was killed.
test-loaded: install ## The whole suite beside three processes that only compute (ARGS="tests/cli" for a part)
	@busy=(); trap 'kill "$${busy[@]}"' EXIT; \
	for number in 1 2 3; do timeout 3600 $(BIN)/python -c 'while True: pass' & busy+=($$!); done; \
	$(BIN)/python $(PYTEST) $(ARGS)

# The readers of the other SDKs run in the contract alone, so the two runs count together.
coverage: install .venvs/sdks-newest/.ready ## Branch coverage of src by the whole suite and the contract of the SDKs; fails below today's figure
	@$(BIN)/python $(PYTEST) --cov --cov-report= $(ARGS)
	@$(if $(ARGS),,COVERAGE_FILE=.coverage.sdks .venvs/sdks-newest/bin/coverage run -m $(PYTEST) -n 0 $(PROVIDER_TESTS))
	@$(if $(ARGS),,$(BIN)/coverage combine --append .coverage.sdks*)
	@$(BIN)/coverage report $(if $(ARGS),,--fail-under=$(COVERAGE))

lint: install ## ruff check, ruff format --check, pyright, and deno check on the page's JavaScript
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/python .ci/page.py

format: install ## Let ruff sort imports and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install ## Overhead per call and per chunk beside the bare SDK, a hand-written floor and other tools
	@$(BIN)/python -m tests.bench $(ARGS)

e2e: install ## The whole path on the real servers: launcher, collector, Jaeger, Loki, Prometheus, ledger (ARGS="-k path" for a part)
	@$(BIN)/python .ci/servers
	@$(BIN)/python $(E2E) --numprocesses=3 --dist=loadfile --ignore=$(LOAD_TESTS) tests/e2e $(ARGS)
	@$(if $(ARGS),,$(BIN)/python $(E2E) --numprocesses=0 $(LOAD_TESTS))

fuzz: install ## A million hostile requests against genmeter serve (ARGS="--requests 10000 --seed 7" for some)
	@$(BIN)/python -m tests.hostile.fuzz $(ARGS)

fuzz-collector: ## A million mutated requests through genai_cost, a tenth of them through genai_meter (ARGS=10000 for some)
	@$(call python); export GO=$$($(PYTHON) .ci/servers --go) GOTOOLCHAIN=local GOFLAGS=-buildvcs=false; \
	cd src/genaicostprocessor; many=$(or $(ARGS),1000000); \
	GENMETER_FUZZ=$$many "$$GO" test -count=1 -timeout=0 -run TestMutated . && \
	GENMETER_FUZZ=$$((many / 10)) "$$GO" test -count=1 -timeout=0 -run TestMutated ./genaimeterconnector

soak: install ## 5,000 spans a second into genmeter serve for half an hour, and its memory stays flat (ARGS="--minutes 3")
	@$(BIN)/python -m tests.hostile.soak $(ARGS)

rules-replay: ## Weeks of traffic through Prometheus' own engine and the shipped rules, compared with the table (REPLAY=short, SEEDS=1,2, ARGS=-v)
	@$(call python); export GO=$$($(PYTHON) .ci/servers --go) GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0; mkdir -p .cache; \
	(cd tests/replay && "$$GO" build -trimpath -tags remove_all_sd -o ../../.cache/replay .); \
	.cache/replay -seeds $(SEEDS) $(if $(filter 1,$(SEEDS)),-table tests/replay/table.md -check) $(ARGS) $(REPLAY)

##@ Servers

servers: ## Build the collector, Jaeger, Loki, Prometheus and Alertmanager, each once (ARGS="jaeger loki" for some)
	@$(call python); $(PYTHON) .ci/servers $(ARGS)

collector: ## Build the collector with genai_cost, and list what is in it
	@$(call python); path=$$($(PYTHON) .ci/servers otelcol | tee /dev/stderr | sed 's/.*  //'); \
	"$$path" components | awk '/^[a-z]/ { kind = $$1 } /^    - name:/ { names[kind] = names[kind] " " $$3 } \
	  END { for (kind in names) printf "  %-12s%s\n", kind, names[kind] }' | sort

stack: install ## The real servers on free loopback ports with the shipped configuration, until Ctrl-C
	@$(BIN)/python -m tests.stack $(ARGS)

##@ Upkeep

release: ## Version, changelog, packages in dist/, commit and tags in this clone (VERSION=1.2.3); nothing is pushed
	@$(call python); $(PYTHON) .ci/release.py "$(VERSION)" -- $(MAKE) --no-print-directory packages

packages: .venvs/base/.ready ## The wheel and the sdist in dist/; the wheel checked as by test-wheel
	@$(call packages,dist,--target sdist --target wheel)

lock-collector: ## Renew the pins of the collector's build, after a change of its builder.yaml or the processor's go.mod
	@$(call python); $(PYTHON) .ci/servers --renew-lock

prices: install ## Compile the price catalogue from genai-prices and the overlay (ARGS=--check writes nothing, ARGS=--gaps compares with LiteLLM)
	@$(BIN)/python .ci/prices $(ARGS)

units: install ## Write all that follows from units.json: Python, Go, page, ledger, catalogue, vectors (ARGS=--check writes nothing)
	@$(BIN)/python .ci/units $(ARGS)

vectors: install ## Write Python's answers to 7,000 seeded price questions, for its twin in Go (ARGS=--check writes nothing)
	@$(BIN)/python .ci/vectors $(ARGS)

dashboards: install ## Write Grafana's dashboards from .ci/dashboards (ARGS=--check writes nothing)
	@$(BIN)/python .ci/dashboards $(ARGS)

recordings: install $(PEERS:%=.venvs/%/.ready) ## Record the spans of other instrumentations anew, for tests/vectors/spans
	@for peer in $(PEERS); do .venvs/$$peer/bin/python -m tests.recordings $${peer#peer-}; done
	@for name in genmeter anthropic; do $(BIN)/python -m tests.recordings $$name; done

readme: install ## Renew what README.md and docs/ show, by running their commands
	@$(BIN)/python .ci/readme.py

lock: .venvs/uv/.ready ## Pin the dependency groups of pyproject.toml anew, each into .ci/locks/NAME.txt (ARGS=--upgrade)
	@$(call index); for name in base openai3-anthropic2 $(MAJORS) $(PEERS) peer-frameworks $(SDKS); do \
	  echo "==> .ci/locks/$$name.txt"; $(PIN) pyproject.toml --group $$name --output-file .ci/locks/$$name.txt $(ARGS); \
	done; \
	echo "==> .ci/locks/lowest.txt"; \
	$(PIN) --resolution lowest-direct pyproject.toml --group lowest --output-file .ci/locks/lowest.txt $(ARGS); \
	for name in uv go focus sdists; do echo "==> .ci/locks/$$name.txt"; $(PIN) --group $$name --output-file .ci/locks/$$name.txt $(ARGS); done; \
	$(PYTHON) .ci/tested.py

clean: ## Remove the environments, the caches and the builds of this clone
	rm -rf .venv .venvs .cache .pytest_cache .ruff_cache dist build

# An environment is made anew when its lock or $(PYTHON) changes; pyproject.toml or the version only renews the editable install.

.venv/.locked: .ci/locks/openai3-anthropic2.txt .venvs/uv/.ready .venvs/.python
	@$(call environment,.venv,$(PYTHON))
.venvs/%/.locked: .ci/locks/%.txt .venvs/uv/.ready .venvs/.python
	@$(call environment,$(@D),$(PYTHON))
.venvs/focus/.locked: .ci/locks/focus.txt .venvs/uv/.ready
	@$(call environment,$(@D),$(FOCUS_PYTHON))
.venvs/python3.%/.locked: .ci/locks/openai3-anthropic2.txt .venvs/uv/.ready
	@$(call environment,$(@D),$(or $(SECOND_PYTHON),python3.$*))
%/.ready: %/.locked pyproject.toml src/genmeter/_version.py
	@$(UV) pip install --quiet --python $(@D) --no-deps --no-build-isolation --editable .
	@$(UV) pip check --quiet --python $(@D) || { $(UV) pip check --python $(@D); exit 1; }
	@touch $@

# Which interpreter the environments are made of; the file changes only when $(PYTHON) does.
.venvs/.python: always
	@$(call python); mkdir -p $(@D); \
	now=$$($(PYTHON) -c 'import sys; print(*sys.version_info[:3], sys.base_prefix)'); \
	[ "$$now" = "$$(cat $@ 2>/dev/null)" ] || echo "$$now" >$@
always:

# uv is the one tool that pip brings. Without --no-deps, even a lock with hashes sends pip looking for newer versions.
.venvs/uv/.ready: .ci/locks/uv.txt
	@$(call python); \
	$(PYTHON) -m venv --clear $(@D); \
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<; \
	touch $@

define packages
rm -rf $(1) && mkdir -p $(1) .cache/wheel; \
.venvs/base/bin/python -m hatchling build $(2) --directory $(1); \
$(UV) pip install --quiet --python .venvs/base --no-deps --reinstall $(1)/*.whl; \
cd .cache && ../.venvs/base/bin/python -I ../.ci/wheel.py "$(CURDIR)/$(1)"/*.whl
endef

# All of them, even after one has failed.
define in-each
failed=; for name in $(1); do \
  echo "==> $$name: $(2)"; .venvs/$$name/bin/python $(PYTEST) $(2) || failed="$$failed $$name"; \
done; [ -z "$$failed" ] || { echo "failed on:$$failed" >&2; exit 1; }
endef

define python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "genmeter needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1); name one: make PYTHON=python3.12" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
  echo "$(PYTHON) comes without venv and pip; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
endef

# uv does not read pip's settings: the index that pip was told, by variable or file, serves uv too.
define index
index=$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$(.venvs/uv/bin/python -m pip config list | sed -n "s/^global.index-url='\(.*\)'$$/\1/p")}}; \
if [ "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi
endef

# `sync` installs what the lock names, and asks the index for nothing else; sdists.txt pins what the sources are built
# with. The dry run has no index at all: it fails
# with the name of what the lock lacks, and unlike `uv pip check` it reads what extras ask for.
define environment
$(call python); $(call index); \
echo "==> $(1) from $<"; \
interpreter=$$(command -v $(2)); \
$(UV) venv --quiet --clear --python "$$interpreter" $(1); \
wheels=$$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' $< | grep -vxF "$$(printf '%s\n' $(SOURCES))" | sed 's/^/--only-binary /' || true); \
$(UV) pip sync --quiet --python $(1) --require-hashes --compile-bytecode --build-constraints .ci/locks/sdists.txt $$wheels $<; \
$(UV) pip install --quiet --python $(1) --dry-run --no-index --requirement $<; \
touch $(1)/.locked
endef

.PRECIOUS: .venvs/%/.locked .venvs/python3.%/.locked
.PHONY: help demo install venv test test-go test-main test-matrix test-lowest test-python test-sdks test-coexist test-focus test-wheel test-loaded coverage lint format bench e2e fuzz fuzz-collector soak rules-replay servers collector stack release packages lock-collector prices units vectors dashboards recordings readme lock clean
