# make            set up, train and show the lander
# make help       everything else

.DEFAULT_GOAL := run
.PHONY: run demo watch play train tune tensorboard help setup test test-all test-bare lint verify \
	lock bump expected platforms audit bench environments experiments clean

# Only make's command line counts: what the shell exports under these names is another program's.
$(foreach name,ITERATIONS SEED ENV WORKERS ARGS PACKAGE PYTHON,\
	$(if $(findstring environment,$(origin $(name))),$(eval override $(name) :=)))
unexport ITERATIONS SEED ENV WORKERS ARGS PACKAGE PYTHON
MAKEOVERRIDES = # nor do they reach the makes that tests start
# Of another Python's PYTHONHOME, this one does not start; without bytecode, it starts slowly.
unexport PYTHONHOME PYTHONDONTWRITEBYTECODE

BIN = .venv/bin
FLAGS = $(if $(ITERATIONS),--iterations '$(ITERATIONS)') $(if $(SEED),--seed '$(SEED)') \
	$(if $(ENV),--env '$(ENV)') $(if $(WORKERS),--workers '$(WORKERS)') $(ARGS)
PYTEST = $(BIN)/python -m pytest -n auto --dist loadfile

##@ Every day

run: setup ## set up, train and show: make ITERATIONS=2 SEED=3 ARGS="--render none"
	@$(BIN)/python main.py $(FLAGS)

demo: setup ## show the policy that comes with the clone
	@$(BIN)/python scripts/watch.py --from-checkpoint docs/demo $(FLAGS)

watch: setup ## show the policy that was trained last
	@$(BIN)/python scripts/watch.py $(FLAGS)

play: setup ## fly the lander yourself with the arrow keys, then compare with demo's policy
	@$(BIN)/python scripts/play.py $(FLAGS)

train: setup ## train another environment, resume, use workers: make train ENV=CartPole-v1 WORKERS=2
	@$(BIN)/python scripts/train.py $(FLAGS)

tune: setup ## search for settings with Ray Tune, on all cores
	@$(BIN)/python examples/tune.py $(FLAGS)

tensorboard: setup ## show the curves of all runs in the browser, at http://localhost:6006
	@mkdir -p runs/tensorboard
	@TF_CPP_MIN_LOG_LEVEL=3 PYTHONWARNINGS=ignore $(BIN)/tensorboard --logdir runs/tensorboard $(ARGS)

help: ## this list
	@awk -F ':.*## ' '/^##@/ { print (n++ ? "\n" : "") substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

##@ Set up and check

setup: ## only make .venv, with exactly the packages of the locks
	@sh scripts/setup.sh '$(PYTHON)'

test: setup ## run the fast tests (a minute): make test ARGS="-k adapter"
	@$(PYTEST) -m "not slow and not lesson" $(ARGS)

test-all: setup ## run all tests, also those that take minutes of training or installing
	@$(PYTEST) $(ARGS)

test-bare: setup ## the README's two commands on a bare Debian (as root, with debootstrap)
	@sh tests/setup/bare.sh

lint: setup ## check the style of the Python files
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

verify: setup ## train with the README's seed and compare every figure with the recorded ones
	@$(BIN)/python scripts/verify.py $(FLAGS)
	@$(BIN)/python -m pytest -q -m lesson tests/docs tests/tools

##@ After a change

lock: setup ## compile the locks after a change in a .in file; moves no other pin
	@. scripts/uv.sh && $(BIN)/python scripts/maintain/lock.py

bump: setup ## move pins, try them, then replace the locks: make bump PACKAGE=pillow
	@. scripts/uv.sh && $(BIN)/python scripts/maintain/lock.py --bump $(PACKAGE)

expected: setup ## after an intended change: record this machine's results and pictures
	@$(BIN)/python scripts/maintain/record.py

clean: ## remove .venv, what set-up keeps and the caches; runs/ stays
	@rm -rf .venv .setup .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Maintenance

platforms: setup ## check that the index has every pin for each platform
	@. scripts/uv.sh && sh scripts/maintain/platforms.sh

audit: setup ## look every pin up in PyPI's list of known vulnerabilities
	@. scripts/uv.sh && sh scripts/maintain/audit.sh

bench: setup ## measure seeds 1 to 20, and RLlib's stock DQN
	@$(BIN)/python scripts/maintain/reports.py bench $(FLAGS)

environments: setup ## measure what main.py's settings reach on other environments
	@$(BIN)/python scripts/maintain/reports.py environments $(FLAGS)

experiments: setup ## change one line of the default run, and measure the effect
	@$(BIN)/python scripts/maintain/reports.py experiments $(FLAGS)
