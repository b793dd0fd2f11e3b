# make            set up, train and show the lander
# make help       everything else

.DEFAULT_GOAL := run
.PHONY: run watch demo story tensorboard setup test verify expected bench lint lock clean help

# What another Python project left in the environment does not reach this one.
unexport PYTHONHOME PYTHONPATH

FLAGS = $(if $(ITERATIONS),--iterations '$(ITERATIONS)') $(if $(SEED),--seed '$(SEED)') $(ARGS)

run: setup ## set up, train and show: make ITERATIONS=2 SEED=3 ARGS="--render none"
	@.venv/bin/python main.py $(FLAGS)

watch: setup ## show the policy that was trained last, without training
	@.venv/bin/python main.py --from-checkpoint runs/latest $(FLAGS)

demo: setup ## show a policy that came with the clone, without training
	@.venv/bin/python main.py --from-checkpoint demo $(FLAGS)

tensorboard: setup ## show the curves of all runs in the browser, at http://localhost:6006
	@mkdir -p runs/tensorboard
	@TF_CPP_MIN_LOG_LEVEL=3 PYTHONWARNINGS=ignore .venv/bin/tensorboard --logdir runs/tensorboard --host localhost $(ARGS)

setup: ## only make .venv, with exactly the packages of requirements.txt
	@scripts/setup.sh

test: ## run the tests: make test ARGS="-k adapter"
	@scripts/setup.sh dev
	@.venv/bin/python -m pytest $(ARGS)

verify: setup ## train with the README's seed and compare every figure with tests/expected
	@.venv/bin/python scripts/verify.py $(ARGS)

expected: setup ## after a change that is meant: expect this machine's figures from now on
	@.venv/bin/python scripts/verify.py --write --short
	@.venv/bin/python scripts/verify.py --write
	@.venv/bin/python scripts/story.py

story: setup ## draw docs/story.gif: one episode before training, half-way and at the end
	@.venv/bin/python scripts/story.py $(ARGS)

bench: setup ## measure the default run, seeds 1 to 10, and RLlib's stock DQN
	@.venv/bin/python benchmarks/benchmark.py $(ARGS)

lint: ## check the style of the Python files
	@scripts/setup.sh dev
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

LOCK = .venv/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-options --no-build-isolation
lock: export CUSTOM_COMPILE_COMMAND = make lock
lock: ## compile the requirements*.txt after a change in a requirements*.in
	@scripts/setup.sh dev
	@.venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 8) and \
		"error: the locks are for Python 3.8; run: make lock PYTHON=/path/to/python3.8")'
	$(LOCK) --output-file requirements-build.txt requirements-build.in
	$(LOCK) --output-file requirements.txt requirements.in
	$(LOCK) --output-file requirements-dev.txt requirements-dev.in

clean: ## remove .venv and the caches; runs/ stays
	@rm -rf .venv .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile
