# Pushwarden. `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench sbom docs soak lock npm clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# Two stamps, because the demo needs a third of what the tests need: aws-cdk-lib alone is 220 MB.
$(VENV)/.local: requirements/local.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements/local.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (with the CDK and the test tools, a few minutes the first time) ..."
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@-command -v npm > /dev/null && $(MAKE) --no-print-directory npm || echo "Without npm, some tests are skipped."
	@touch $@ $(VENV)/.local

setup: $(VENV)/.dev  ## Install everything into .venv

demo: $(VENV)/.local  ## Show the main job from push to restore, on this machine
	@$(BIN)/pushwarden local demo

test: $(VENV)/.dev  ## Run the tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q

check: $(VENV)/.dev  ## Lint, types, direction of imports, rules, known weaknesses of what the functions ship
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pushwarden rules check
	@$(BIN)/pip-audit --require-hashes --disable-pip --progress-spinner off -r requirements/lambda-scan.txt

sbom: $(VENV)/.dev  ## Write a bill of materials (CycloneDX) for each function package into build/
	@mkdir -p build
	@for asset in scan respond; do $(BIN)/cyclonedx-py requirements requirements/lambda-$$asset.txt \
	  --output-reproducible --of JSON -o build/sbom-$$asset.json; done

docs: $(VENV)/.dev  ## Write the catalogue of rules
	@$(BIN)/pushwarden rules catalogue > docs/rules.md

soak: $(VENV)/.dev  ## The long simulation: 10,000 pushes, every crash point; random examples, and fuzzing by coverage
	@HYPOTHESIS_PROFILE=searching $(BIN)/python -m pytest -n 2 -q $$(grep -rl "^from hypothesis" tests --include=test_*.py)
	@$(BIN)/python -m bench.fuzz.run all --seconds 60 --if-installed
	@$(BIN)/python -m bench.soak --pushes 10000

format: $(VENV)/.dev  ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev  ## Measure; see bench/README.md
	@$(BIN)/python -m bench

npm:  ## Install what the tests take from npm: an independent IAM simulator (AGPL, never shipped), the functions' compiler
	@npm ci --prefix tests/cdk/iam --no-audit --no-fund --loglevel=error
	@$(BIN)/python -c "from pathlib import Path; from cdk.bytecode import install; install(Path('build/compiler'))"

lock: $(VENV)/.dev  ## Lock the newest allowed versions, with hashes
	@for target in "local 3.11 --extra=local requirements/local.in" "dev 3.11 --extra=local --extra=cdk requirements/dev.in" \
	    "lambda-scan 3.14 --extra=scan" "lambda-respond 3.14 --extra=respond"; do \
	  set -- $$target; name=$$1; python=$$2; shift 2; \
	  $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet \
	    --upgrade --python-version $$python pyproject.toml "$$@" -o requirements/$$name.txt; \
	done

clean:  ## Remove what was built, but not .venv
	@rm -rf build dist cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis
