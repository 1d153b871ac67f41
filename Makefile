# Every target is one line to a real command. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON := .venv/bin/python
export PYTHONPATH := $(CURDIR)
# Where it is set, each of the thousand processes that the tests start compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-alert demo-down cluster-up cluster-down cluster-status images release generate chart lock \
	check docs format proof test test-unit test-simulation test-charts test-cluster test-e2e bench clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with the locked dependencies (installs python3-venv where it is missing)
	@dev/setup

demo: setup ## Show an incident handled on a real cluster, in front of you
	@$(PYTHON) -m dev.demo up

demo-alert: setup ## Show an alert of a real Alertmanager handled on a real cluster
	@$(PYTHON) -m dev.demo alert

demo-down: setup ## Remove everything the demo made
	@$(PYTHON) -m dev.demo down

cluster-up: setup ## Start the development cluster (CLUSTER=current uses your own)
	@$(PYTHON) -m dev.cluster up

cluster-down: setup ## Stop the development cluster and remove its state
	@$(PYTHON) -m dev.cluster down

cluster-status: setup ## Say what runs, and where its kubeconfig is
	@$(PYTHON) -m dev.cluster status

images: setup ## Build the container image as build/images/itechsmart-workflow.tar
	@$(PYTHON) -m dev.images build

release: setup ## Make everything of a release in build/release (REPOSITORY=… VERSION=…)
	@$(PYTHON) -m dev.release $(if $(REPOSITORY),--repository $(REPOSITORY)) $(if $(VERSION),--version $(VERSION))

generate: setup ## Regenerate every generated file (CRDs, shipped actions, reference, the API's client, …)
	@$(PYTHON) -m orchestrator.crds crds/
	@$(PYTHON) -m orchestrator.actions.catalog .
	@$(PYTHON) -m dev.gitops generate
	@$(PYTHON) -m dev.reference
	@$(PYTHON) -m dev.client
	@$(PYTHON) -m dev.monitoring
	@$(PYTHON) -m dev.charts copy

chart: setup ## Bring the Helm chart up to date: its copies, its README, its snapshot in the tests
	@$(PYTHON) -m dev.charts generate

lock: setup ## Lock the dependencies again in requirements/
	@dev/lock

check: setup ## Format, lint, strict types, import layers, generated files: about a minute
	@dev/check

format: setup ## Format the code and fix what the linter can
	@.venv/bin/ruff check -q --fix . ; .venv/bin/ruff format .

docs: setup ## Build the documentation as a site in build/docs, links checked
	@dev/docs

test: setup ## All tests, in parallel; then whether each right and each action was used
	@dev/test tests/cluster --split=2 --parallel=tests/e2e --background=tests/simulation --background=tests/unit,tests/charts
	@$(PYTHON) -m dev.rights
	@$(PYTHON) -m dev.proof

proof: setup ## Record the last run of all tests, if it was green, in the reference of the actions' tests
	@$(PYTHON) -m dev.proof record
	@$(PYTHON) -m dev.reference

test-unit: setup ## Tests of the pure core: seconds
	@dev/test tests/unit

test-simulation: setup ## Whole executions in virtual time
	@dev/test tests/simulation

test-charts: setup ## What the Helm chart renders, by Helm 3 and 4
	@dev/test tests/charts

test-cluster: setup ## Against a real API server with fake nodes
	@dev/test tests/cluster

test-e2e: setup ## Against a real kubelet with real pods
	@dev/test tests/e2e

bench: setup ## Time the operator beside a bare client, in one run
	@$(PYTHON) -m dev.bench

clean: cluster-down ## Remove everything made here, the environment included
	rm -rf .venv build .cluster
