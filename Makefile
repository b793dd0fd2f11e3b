# make            set up, train and show the lander
# make help       everything else

.DEFAULT_GOAL := run
.PHONY: run demo watch play train tune tensorboard help setup test test-all test-bare lint verify \
	lock bump expected platforms audit bench environments experiments story clean

unexport PYTHONHOME # with that of another Python, this one does not start

BIN = .venv/bin
FLAGS = $(if $(ITERATIONS),--iterations '$(ITERATIONS)') $(if $(SEED),--seed '$(SEED)') \
	$(if $(ENV),--env '$(ENV)') $(if $(WORKERS),--workers '$(WORKERS)') $(ARGS)
PYTEST = $(BIN)/python -m pytest -n auto --dist loadfile

##@ Every day

run: setup ## set up, train and show: make ITERATIONS=2 SEED=3 ARGS="--render none"
	@$(BIN)/python main.py $(FLAGS)

demo: setup ## show the policy that comes with the clone
	@$(BIN)/python -m scripts.watch --from-checkpoint docs/demo $(FLAGS)

watch: setup ## show the policy that was trained last
	@$(BIN)/python -m scripts.watch $(FLAGS)

play: setup ## fly the lander yourself with the arrow keys, and compare with that policy
	@$(BIN)/python -m scripts.play $(ARGS)

train: setup ## train another environment, resume, use workers: make train ENV=CartPole-v1 WORKERS=2
	@$(BIN)/python -m scripts.train $(FLAGS)

tune: setup ## search for settings with Ray Tune, on all cores
	@$(BIN)/python -m examples.tune $(ARGS)

tensorboard: setup ## show the curves of all runs in the browser, at http://localhost:6006
	@mkdir -p runs/tensorboard
	@TF_CPP_MIN_LOG_LEVEL=3 PYTHONWARNINGS=ignore $(BIN)/tensorboard --logdir runs/tensorboard --host localhost $(ARGS)

help: ## this list
	@awk -F ':.*## ' '/^##@/ { print (n++ ? "\n" : "") substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

##@ Set up and check

setup: ## only make .venv, with exactly the packages of requirements.txt
	@scripts/setup.sh

test: ## run the fast tests, three minutes: make test ARGS="-k adapter"
	@scripts/setup.sh dev
	@$(PYTEST) -m "not slow" $(ARGS)

test-all: ## run all tests, also those that take minutes of training or installing
	@scripts/setup.sh dev
	@$(PYTEST) $(ARGS)

test-bare: ## the README's two commands on a bare Debian (as root, with debootstrap)
	@scripts/setup.sh dev
	@$(BIN)/python -m pytest -rA tests/setup/bare.py $(ARGS)

lint: ## check the style of the Python files
	@scripts/setup.sh dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

verify: setup ## train with the README's seed and compare every figure with tests/expected
	@$(BIN)/python -m scripts.verify $(ARGS)

##@ After a change

lock: ## compile the locks after a change in a .in file; moves no other pin
	@scripts/setup.sh dev
	@$(BIN)/python -m scripts.lock

bump: ## move pins, try them, then replace the locks: make bump PACKAGE=pillow
	@scripts/setup.sh dev
	@$(BIN)/python -m scripts.lock --bump $(PACKAGE)

expected: setup ## after an intended change: record this machine's results and pictures
	@$(BIN)/python -m scripts.verify --write # also the shipped settings, which name the next runs
	@$(BIN)/python -m scripts.verify --write
	@$(BIN)/python -m scripts.verify --write --short
	@$(BIN)/python -m scripts.story
	@$(BIN)/python -m scripts.pictures

clean: ## remove .venv, what set-up keeps and the caches; runs/ stays
	@rm -rf .venv .setup .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Maintenance

platforms: ## ask the index for a file for every pin, platform and Python
	@scripts/setup.sh dev
	@$(BIN)/python -m scripts.platforms

audit: ## look every pin up in PyPI's list of known vulnerabilities
	@scripts/setup.sh dev
	@$(BIN)/python -m scripts.audit

bench: setup ## measure seeds 1 to 20: make bench ARGS="--against HEAD~1" beside another commit
	@$(BIN)/python -m scripts.benchmark $(ARGS)

environments: setup ## measure what the same settings reach on other environments
	@$(BIN)/python -m scripts.environments $(ARGS)

experiments: setup ## change one line of the default run, and measure the effect
	@$(BIN)/python -m scripts.experiments $(ARGS)

story: setup ## draw docs/story.gif: one episode before training, halfway and at the end
	@$(BIN)/python -m scripts.story $(ARGS)
