# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The folder molecule/ stays at the root, beside what it tests; this quiets Molecule's hint to move it.
export MOLECULE_GLOB := molecule/*/molecule.yml
export ANSIBLE_DEPRECATION_WARNINGS := true

.PHONY: drill objects integration help env init demo demo-down distclean check test test-full lint sanity units types docs-lint build molecule changelog benchmark-run

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

env: ## Make .venv: Ansible, the collections this one works with, the test tools
	@scripts/env.sh

# Init's parameters are make's variables in small letters: those that it knows, and whatever else the command line has, since a misspelt one
# is for the playbook to name. By the environment and as JSON, so that a value may have spaces and quotes.
INIT = DIR GPU_HOSTS GATEWAY SSH_USER GPU_COUNT DOMAIN MODELS
said = $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
init: export AS_JSON := import json, os, sys; print(json.dumps({n.lower(): os.environ[n] for n in sys.argv[1:] if os.environ.get(n)}))
init: env ## Write a fleet project: make init DIR=my-fleet GPU_HOSTS=10.0.0.5,10.0.0.6 DOMAIN=llm.example.com (or neither)
	@$(BIN)/ansible-playbook -i localhost, playbooks/init.yml -e "$$($(BIN)/python -c "$$AS_JSON" $(sort $(INIT) $(said)))"

demo: env ## Start a demo host on this machine, deploy everything to it, ask it a question
	@$(BIN)/python scripts/demo.py up

demo-down: ## Remove the demo, all of it (the Docker engine and built images stay)
	@python3 scripts/demo.py down

distclean: demo-down ## Remove the demo, the built images, caches and .venv
	@python3 tests/bench/bench.py clean
	rm -rf .venv .cache .ansible .mypy_cache .pytest_cache .ruff_cache tests/output

# Two at a time: most of them keep one core busy. The longest are begun first; each shows its output when it ends.
check: env ## The fast part of the tests: lint, sanity, units (under 5 minutes)
	+@$(MAKE) --no-print-directory --jobs=2 --output-sync=target sanity units lint types docs-lint build

lint: env
	ruff check .
	ruff format --check .
	yamllint .
	ansible-lint --offline

types: env
	mypy plugins scripts tests/bench tests/benchmark tests/drill tests/load tests/unit tests/integration

docs-lint: env
	scripts/sanity.sh docs
	antsibull-changelog lint

sanity: env
	scripts/sanity.sh sanity

units: env
	pytest -q --numprocesses=auto tests/unit

build: env ## Build the collection's archive, install it elsewhere, see that nothing else is needed
	tests/package/run.sh

molecule: env
	@$(BIN)/python tests/bench/bench.py engine
	python scripts/scenarios.py --all

objects: env ## The life of every kind of LiteLLM's objects on a real proxy: the part of the integration tests that runs every time
	@$(BIN)/python tests/bench/bench.py engine
	pytest -q tests/integration/test_objects.py tests/integration/test_others.py tests/integration/test_persons.py tests/integration/test_names.py \
		tests/integration/test_processes.py

test: check objects molecule ## Everything that CI runs: check, then the scenarios on real hosts (under an hour)

integration: env ## The modules against a real LiteLLM and PostgreSQL in containers of this machine
	@$(BIN)/python tests/bench/bench.py engine
	pytest -q -m "not long" tests/integration

test-full: test integration ## Also what is too long for every run: the modules against the real proxy, parts of a fleet that fail, Debian 12's driver
	pytest -q -m long tests/integration
	MOLECULE_GLOB='molecule/full/*/molecule.yml' python scripts/scenarios.py --all

drill: env ## Kill every part of a server and runs of site.yml at random moments, fill its disk, look from inside its containers (docs/drill.md)
	@$(BIN)/python tests/bench/bench.py engine
	MOLECULE_GLOB='molecule/full/*/molecule.yml' python scripts/scenarios.py -s drill

benchmark-run: env ## On the demo: seconds and tasks of a run that changes nothing, beside ansible -m ping; lines of Jinja logic
	@PYTHONPATH=. $(BIN)/python -m tests.benchmark.run
	@$(BIN)/python tests/benchmark/jinja_lines.py

changelog: env ## Show what the next release's changelog says
	antsibull-changelog generate --output - --only-latest
