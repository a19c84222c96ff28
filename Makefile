# Everything that a person or CI runs here. Needs make and Python 3.11 or later; the rest is installed into .venv.
.DEFAULT_GOAL := help
.PHONY: help setup run dev seed logs shell test bench lint audit docs letters words format lock package sbom record deploy destroy backup restore smoke doctor drift manager clean

PORT ?= 4566
# Whatever the terminal's locale is, files here are UTF-8.
export PYTHONUTF8 := 1
# Where bytecode is forbidden, as in many images, each process would compile all its libraries anew.
export PYTHONDONTWRITEBYTECODE :=
# Logs are those of this machine unless a stage is named.
LOGS_OF := $(or $(STAGE),local)
STAGE ?= dev
USERS ?= 1000
PYTEST_ARGS ?=
# `make test` runs these lanes, three at a time (JOBS=1: one after another): `fast` computes on two cores, those of a
# whole cloud mostly wait; `chaos` comes last. What a lane said is told when it ends.
LANES := fast e2e browser chaos
JOBS ?= 3
LANE.fast := -n 2 --dist worksteal tests/unit tests/contract tests/integration packages/ses-mailbox/tests
LANE.e2e := --reruns 1 --rerun-show-tracebacks tests/e2e
LANE.browser := --reruns 1 --rerun-show-tracebacks tests/browser
# What breaks the service on purpose is never run again: a test that passes at the second try has found something.
LANE.chaos := -n 2 --dist loadfile tests/chaos
# Asked for by name, these need no Chromium.
WITHOUT_BROWSER := $(addsuffix %,$(filter tests/% packages/%,$(LANE.fast)) tests/e2e tests/chaos tests/localstack)
# Where nothing may be skipped, the lack of a browser is a failure; elsewhere its tests are skipped.
BROWSER_NEEDED = test -z "$$VESTNIK_NO_SKIPS"
# pytest's 5: PYTEST_ARGS chose no test of this lane.
NONE_CHOSEN = test $$? -eq 5 -a -n '$(PYTEST_ARGS)'
BENCHES := packages cold_start letters way arrivals growth history run_recipients instant live_fanout live_talk admin_pages money fanout once
# Against another commit (AGAINST=<commit>) these are compared; `money` needs `letters` and `way` before it.
COMPARED := letters way money arrivals instant growth fanout
FULL ?=
QUICK.cold_start := --runs 3
QUICK.letters := --runs 2
QUICK.way := --runs 2
QUICK.arrivals := --letters 200
QUICK.growth := --sizes 1000 2000
QUICK.run_recipients := --letters 100000
QUICK.instant := --letters 40
QUICK.live_fanout := --concurrency 8 32
QUICK.live_talk := --notifications 10 --messages 15
QUICK.admin_pages := --notifications 3000 --calls 8
QUICK.fanout := --users 100000
QUICK.once := --users 1000
FULL.growth := --sizes 1000 10000 50000
# Another version than python3's has an environment of its own: PYTHON=python3.13 is .venv-3.13.
PYTHON ?=
VENV := .venv$(patsubst python%,-%,$(filter python3.%,$(PYTHON)))
BIN := $(VENV)/bin
READY := $(VENV)/.up-to-date

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## .venv with the locked packages (any command: PYTHON=python3.13)

$(READY): requirements-dev.txt infra/setup.sh infra/assets.py infra/name_data.py packages/ses-mailbox/pyproject.toml
	@PYTHON=$(PYTHON) VENV=$(VENV) infra/setup.sh

run: $(READY) ## the whole service on this machine, until Ctrl-C (PORT=4566)
	@$(BIN)/python -m infra.local.run --port $(PORT)

dev: $(READY) ## the same, and what you save is deployed to it (PORT=4566)
	@$(BIN)/python -m infra.local.run --port $(PORT) --reload

seed: $(READY) ## made-up users for the running local cloud (USERS=1000)
	@$(BIN)/python -m tools.seed --users $(USERS)

logs: $(READY) ## what the functions say, as they say it (STAGE=local ID=<part of a line>)
	@$(BIN)/python -m tools.logs --stage $(LOGS_OF) --id '$(ID)'

shell: $(READY) ## a Python prompt inside the running local cloud
	@$(BIN)/python -m infra.local.shell

test: $(READY) ## every test (TESTS=tests/chaos PYTEST_ARGS="-k words" PYTHON=python3.13)
	@$(if $(filter-out $(WITHOUT_BROWSER),$(or $(TESTS),tests/browser)),$(BIN)/python -m infra.browser || $(BROWSER_NEEDED),:)
	@$(if $(TESTS),:,$(BIN)/python -m infra.spam_filters)
ifdef TESTS
	@$(BIN)/python -m pytest $(TESTS) $(PYTEST_ARGS)
else
	@echo "lanes: $(LANES), $(JOBS) beside each other; what each said is told when it ends"
	@$(MAKE) --no-print-directory --jobs=$(JOBS) --output-sync=target $(LANES:%=lane-%)
endif

lane-%:
	@$(BIN)/python -m pytest $(LANE.$*) $(PYTEST_ARGS) || $(NONE_CHOSEN)

bench: $(READY) ## every measurement, in ten minutes; FULL=1: as docs/performance.md shows them, and into it (AGAINST=<commit>)
ifdef AGAINST
	@$(BIN)/python -m bench.against $(AGAINST) $(foreach name,$(COMPARED),"$(name) $(if $(FULL),$(FULL.$(name)),$(QUICK.$(name)))")
else
	@$(foreach name,$(BENCHES),$(BIN)/python -m bench.$(name) $(if $(FULL),$(FULL.$(name)),$(QUICK.$(name))) || missed="$$missed $(name)";) \
	$(if $(FULL),$(BIN)/python -m bench.documents;) \
	test -z "$$missed" || { echo "targets were missed by:$$missed"; exit 1; }
endif

# Of bandit's rules two are left to ruff's S608 and S704, which mark each place where they are broken on purpose.
# W1030: infra/releases.py makes the versions that SnapStart wants.
lint: $(READY) ## style, types, who may import whom, the template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint $$($(BIN)/python -m infra.template_build prod) --regions eu-central-1 us-east-1 --ignore-checks W1030
	$(BIN)/cfn-lint $$($(BIN)/python -m infra.readable_app prod) --regions eu-central-1 us-east-1
	$(BIN)/bandit -q -r -ll -s B608,B704 -x bench/rivals app.py bench chalicelib clients functions infra layers \
		packages/ses-mailbox/src tools

audit: $(READY) ## known vulnerabilities of the locked packages, from pypi.org (STRICT=1: unknown fails)
	@$(BIN)/python -m tools.audit $(if $(STRICT),--strict) requirements.txt requirements-dev.txt

letters: $(READY) ## every shipped letter in every language as pictures, into build/letters/
	@$(BIN)/python -m infra.browser && $(BIN)/python -m tools.letters

docs: $(READY) ## what is made of declarations: docs/api.md, docs/settings.md, the queues in the app's policies
	@$(BIN)/python -m tools.api_docs
	@$(BIN)/python -m tools.settings_docs
	@$(BIN)/python -m infra.app_policies

words: $(READY) ## brings locale/ to what the errors of the code say, and names what is not translated
	@$(BIN)/python -m infra.catalogues

format: $(READY) ## rewrite the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY) ## requirements*.in into requirements*.txt, with hashes
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --generate-hashes \
		requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --generate-hashes \
		requirements.in -c requirements-dev.txt -o requirements.txt

record: $(READY) ## what this release writes and reads, kept for the next one's tests
	@RECORD_RELEASE=1 $(BIN)/python -m pytest -q -p no:cacheprovider tests/contract/test_between_releases.py

package: $(READY) ## what is deployed, into build/ (STAGE=dev), and its bill of materials
	@$(BIN)/python -m infra.package --stage $(STAGE)
	@$(BIN)/python -m infra.sbom --stage $(STAGE)

sbom: $(READY) ## of what a release is made, in CycloneDX: build/sbom.json (STAGE=dev)
	@$(BIN)/python -m infra.sbom --stage $(STAGE)

deploy: $(READY) ## to AWS, with the credentials of the environment (STAGE=dev; prod asks, YES=1 does not)
	@$(BIN)/python -m infra.deploy --stage $(STAGE) $(if $(YES),--yes) $(if $(ALLOW),--allow $(ALLOW)) $(if $(HOURS),--hours $(HOURS)) \
		$(if $(AT_ONCE),--at-once) $(if $(BREAK_LOCK),--break-lock $(BREAK_LOCK)) $(if $(ARTIFACTS),--artifacts $(ARTIFACTS))

destroy: $(READY) ## take a stage away; asks (STAGE=dev; WITH_DATA=1: production's data too)
	@$(BIN)/python -m infra.destroy --stage $(STAGE) $(if $(WITH_DATA),--with-data) $(if $(YES),--yes)

backup: $(READY) ## every table of a stage (STAGE=prod; AT=2026-11-29T08:30:00Z: as it was then)
	@$(BIN)/python -m infra.backup --stage $(STAGE) $(if $(AT),--at $(AT))

restore: $(READY) ## bring lost tables back (STAGE=prod FROM=<backup>; TABLES='users templates': instead of what is there)
	@$(BIN)/python -m infra.restore --stage $(STAGE) $(if $(FROM),--from $(FROM)) $(if $(TABLES),--tables $(TABLES)) \
		$(if $(WITHOUT_LOG),--without-log) $(if $(YES),--yes)

smoke: $(READY) ## call a live stage as its users do: API, page, WebSocket, a letter to its end (STAGE=prod)
	@$(BIN)/python -m infra.smoke --stage $(STAGE)

drift: $(READY) ## what somebody has changed by hand in a stage's stacks (STAGE=prod)
	@$(BIN)/python -m infra.drift --stage $(STAGE)

doctor: $(READY) ## what is wrong with a live stage, and what to do (STAGE=prod)
	@$(BIN)/python -m infra.doctor --stage $(STAGE)

manager: $(READY) ## an account of the admin page (STAGE=prod NAME=olga), prints its first password
	@$(BIN)/python -m infra.managers --stage $(STAGE) add $(NAME)

clean: ## all that was made here: .venv, build (the local cloud's data too), caches
	rm -rf .venv .venv-* build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .chalice/deployments chalicelib/data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
