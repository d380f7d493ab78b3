# What a developer needs, each target with one line of explanation: `make` or `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
USINAGE := .venv/bin/usinage
export PATH := $(CURDIR)/.setup/bin:$(PATH)
PROCESSES ?= 2
ARGS ?=

.PHONY: help
help: ## cette aide
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | \
	  while IFS=$$'\t' read -r name text; do printf '  \033[1mmake %-9s\033[0m %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: ## prépare cette machine (paquets, Python, application de téléphone)
	@bash infra/setup.sh

.PHONY: demo
demo: setup ## démarre l'atelier de démonstration (ARGS="--once" pour une seule histoire)
	@$(USINAGE) demo $(ARGS)

.PHONY: test
test: setup ## tous les essais (ARGS="tests/infra -k broker", PROCESSES=2)
	@$(PY) -m pytest -n $(PROCESSES) $(ARGS)

.PHONY: check
check: setup ## style, types, couches et contrats
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PY) -m coordinator.contracts --check

.PHONY: format
format: setup ## met le code Python en forme
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

.PHONY: lock
lock: setup ## recalcule les versions verrouillées des dépendances Python
	@$(shell command -v uv || echo .venv/bin/uv) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra coordinator --extra edge --extra desktop --extra dev pyproject.toml -o requirements.lock

.PHONY: migrate
migrate: setup ## met la base de données configurée à niveau
	@$(USINAGE) migrate $(ARGS)

.PHONY: openapi
openapi: setup ## réécrit les contrats (OpenAPI, AsyncAPI, droits)
	@$(PY) -m coordinator.contracts --write

.PHONY: agent
agent: setup ## lance une station (ARGS=station.yaml)
	@$(USINAGE) agent run $(ARGS)

.PHONY: desktop
desktop: setup ## lance le poste de bureau
	@$(PY) -m clients.desktop $(ARGS)

.PHONY: bench
bench: setup ## mesure les performances (ARGS=ingest, drawing, planning ou edge)
	@$(USINAGE) bench $(or $(ARGS),planning) --json

.PHONY: mobile
mobile: setup ## vérifie et construit l'application de téléphone
	@cd clients/mobile && npm run verify
