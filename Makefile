# Every target that needs an environment makes it: .venv, with exact versions from constraints.txt. The stamps in it
# (.venv/.run, .venv/.dev) make a second call instant; they are made anew when the metadata changes.
#
#   PYTHON=...           interpreter to make .venv with (default: the first that fits; scripts/find_python.sh)
#   TORCH_INDEX_URL=...  package index for torch alone (scripts/install_torch.sh)
#   DEMO_ARGS=... UP_ARGS=... PYTEST_ARGS=... FAULTS_ARGS=... FUZZ_ARGS=... BENCH_ARGS=... TRAIN_ARGS=... REPORT_ARGS=... CARD_ARGS=...
#                        passed on to the command; JOB=... names the bundled job that demo runs

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo up test test-faults test-fuzz test-gpu test-vllm check fix bench bench-selection bench-optimizers bench-load bench-estimate train-nano nano-report nano-transfer

VENV := .venv
BIN := $(VENV)/bin
BENCH := .bench
RIVALS := $(BENCH)/rivals
VLLM_VENV := .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
METADATA := pyproject.toml shared/pyproject.toml shared/pmpo/__init__.py hatch_build.py constraints.txt
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
SOURCES := services shared/pmpo scripts hatch_build.py benchmarks $(wildcard models/nano/nano_training)
TESTS := $(wildcard tests/unit tests/conformance tests/integration tests/architecture tests/fuzz)

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  %-18s %s\n", $$1, $$2}'

demo: $(VENV)/.run ## start everything, optimize the example prompt, show before and after, stop
	$(BIN)/pmpo demo $(if $(JOB),--job $(JOB)) $(DEMO_ARGS)

up: $(VENV)/.run ## start Redis, scorer, API and worker in the foreground
	$(BIN)/pmpo up $(UP_ARGS)

test: $(VENV)/.dev ## run the unit, conformance, integration and architecture tests
	$(BIN)/pytest -q $(TESTS) $(PYTEST_ARGS)

test-vllm: $(VLLM_VENV)/.ready ## run the engines' tests on a real vLLM (CPU), in an environment of its own
	$(VLLM_BIN)/python -m pytest -q -W default tests/vllm $(PYTEST_ARGS)

test-faults: $(VENV)/.dev ## kill, freeze and cut a running stack at random; long form: FAULTS_ARGS="--faults-jobs 100 --faults-disturbances 110"
	$(BIN)/pytest -q -s tests/e2e/faults $(FAULTS_ARGS)

test-fuzz: $(VENV)/.dev ## throw what nobody should send at the services and readers; long form: FUZZ_ARGS="--fuzz-inputs 20000"
	$(BIN)/pytest -q -s tests/fuzz $(FUZZ_ARGS)

test-gpu: $(VENV)/.dev ## run the tests of the engine on a GPU; they are skipped where there is none
	$(BIN)/pytest -q tests/gpu $(PYTEST_ARGS)

check: $(VENV)/.dev ## lint, formatting, types, import directions, sizes, secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_sizes.py $(SOURCES) tests
	$(BIN)/python scripts/check_secrets.py

fix: $(VENV)/.dev ## repair what ruff can: imports, simple lint, formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev $(BENCH)/lm-eval/.made $(BENCH)/vllm/.made ## how fast scoring is next to other engines, on equal token ids
	PYTHONPATH=shared:. $(BIN)/python -m benchmarks.scoring $(BENCH_ARGS)

bench-selection: $(VENV)/.dev ## what selecting among the same rewrites costs, policy by policy (docs/benchmarks.md)
	PYTHONPATH=shared:models/nano:. $(BIN)/python -m benchmarks.selection $(BENCH_ARGS)

bench-load: $(VENV)/.dev ## the API under 200 clients that look, follow and submit
	PYTHONPATH=shared:. $(BIN)/python -m benchmarks.load $(BENCH_ARGS)

bench-estimate: $(VENV)/.dev ## what pmpo estimate says of the bundled jobs, beside what whole runs then use
	PYTHONPATH=shared:models/nano:. $(BIN)/python -m benchmarks.estimate $(BENCH_ARGS)

bench-optimizers: $(VENV)/.dev $(RIVALS)/.made ## whole runs of PMPO, its ablations and its rivals at equal engine seconds
	PYTHONPATH=shared:models/nano:. $(BIN)/python -m benchmarks.optimizers $(BENCH_ARGS)

train-nano: $(VENV)/.run ## train models/nano again, or go on where it stopped (two hours on two cores)
	PYTHONPATH=shared:models/nano $(BIN)/python -m nano_training.train $(TRAIN_ARGS)

nano-report: $(VENV)/.dev ## measure models/nano and write its card and plots again
	PYTHONPATH=shared:models/nano $(BIN)/python -m nano_training.report.measure $(REPORT_ARGS)
	PYTHONPATH=shared:models/nano $(BIN)/python -m nano_training.report.card $(CARD_ARGS)

nano-transfer: $(VENV)/.dev ## do prompts found on nano help its relatives, and theirs nano: measure, and write the card
	PYTHONPATH=shared:models/nano $(BIN)/python -m nano_training.report.transfer $(TRANSFER_ARGS)
	PYTHONPATH=shared:models/nano $(BIN)/python -m nano_training.report.card $(CARD_ARGS)

# Later rules are not for users.

$(VENV)/.run: $(METADATA) scripts/install_torch.sh | $(BIN)/pip
	@echo "Installing what the services need into $(VENV)"
	@sh scripts/install_torch.sh $(BIN)/python
	$(PIP_INSTALL) -e ./shared -e ".[scorer]"
	@touch $@

# Holds all that .run holds, in one go.
$(VENV)/.dev: $(METADATA) scripts/install_torch.sh | $(BIN)/pip
	@echo "Installing what the services, the checks and the tests need into $(VENV)"
	@sh scripts/install_torch.sh $(BIN)/python
	$(PIP_INSTALL) -e ./shared -e ".[scorer,dev]"
	@touch $(VENV)/.run $@

# The packages that the optimizers are compared with; pmpo itself comes from the checkout.
$(RIVALS)/.made: benchmarks/rivals.txt
	@echo "Installing gepa and promptolution into $(RIVALS)"
	@python=$$(sh scripts/find_python.sh) && "$$python" -m venv --clear $(RIVALS)
	$(RIVALS)/bin/python -m pip install --disable-pip-version-check -r benchmarks/rivals.txt
	@touch $@

# Contenders of the benchmark of scoring, whose pins would not go with ours: an environment each.
$(BENCH)/%/.made: benchmarks/scoring_speed/environments/%.txt scripts/bench_environment.sh
	@sh scripts/bench_environment.sh $*
	@touch $@

# pip is the last file that venv writes: an interrupted attempt is made again.
$(BIN)/pip:
	@python=$$(sh scripts/find_python.sh) && echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)

$(VLLM_VENV)/.ready: $(METADATA) constraints-vllm.txt scripts/install_vllm.sh | $(VLLM_BIN)/pip
	@echo "Installing vLLM and what its tests need into $(VLLM_VENV)"
	@sh scripts/install_vllm.sh $(VLLM_BIN)/python
	@touch $@

$(VLLM_BIN)/pip:
	@python=$$(sh scripts/find_python.sh) && echo "Making $(VLLM_VENV) with $$python" && "$$python" -m venv $(VLLM_VENV)
