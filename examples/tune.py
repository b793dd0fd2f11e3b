"""Search for settings with Ray Tune, on all cores or those of a cluster (--address): `make tune`.

Each trial trains the lander with one combination of a small grid, and evaluates its greedy policy
every few iterations. It ends after --iterations, or when the mean return reaches STOP_RETURN.
"""

from starter import preflight

preflight.check()

import logging
import math
import os

import ray
from ray import air, tune
from typer import Option

import main
from starter import PROJECT, Problem, console
from starter.environments.environment import load
from starter.workers import session

GRID = {"gamma": [0.97, 0.99], "n_step": [1, 3], "seed": [0, 1]}
EVALUATE_EVERY = 5  # iterations
FIRST_SEED = 2_000_000  # of an evaluation's episodes: main.py evaluates other ones
FOLDER = PROJECT / "runs" / "tune"  # of Tune's own records


def trial(settings):
    """Train with these settings, in a process of its own, until Tune ends it."""
    training = dict(settings)
    seed, lander = training.pop("seed"), load("LunarLander-v2")
    algorithm = main.configure(seed, lander).training(**training).build()
    while True:
        for _ in range(EVALUATE_EVERY):
            algorithm.train()
        returns = main.evaluate(algorithm.greedy, lander, 50, FIRST_SEED)
        yield {"iteration": algorithm.iteration, "return": returns.mean()}


def show(settings, result):
    words = [f"{name}={value}" for name, value in settings.items()]
    print(*words, f"iteration={result['iteration']} return={result['return']:.1f}", flush=True)


class Progress(tune.Callback):
    def on_trial_result(self, trial, result, **info):
        show(trial.config, result)


def search(
    iterations: int = Option(20, min=1, help="Train each trial at most this many iterations."),
    address: str = Option(None, metavar="HOST:PORT", help="Join a cluster; auto: this machine's."),
):
    """Train with every combination of a grid, and rank them by what the greedy policy returns."""
    session.start(1 if address else os.cpu_count(), address, [main.__name__])
    cores, trials = int(ray.cluster_resources()["CPU"]), math.prod(map(len, GRID.values()))
    print(f"{trials} trials on {cores} cores", flush=True)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # it prints tracebacks
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C ends the search
    # Variables of its own for a trial would need Ray's agent, which `session` does not start.
    tune.execution.ray_trial_executor.DEFAULT_ENV_VARS.clear()
    results = tune.Tuner(
        trial,
        param_space={name: tune.grid_search(values) for name, values in GRID.items()},
        tune_config=tune.TuneConfig(metric="return", mode="max"),
        run_config=air.RunConfig(
            local_dir=str(FOLDER),
            stop={"return": main.STOP_RETURN, "iteration": iterations},
            callbacks=[Progress()],
            failure_config=air.FailureConfig(fail_fast=True),
            verbose=0,
        ),
    ).fit()
    for error in results.errors:
        raise error.cause if isinstance(error, Problem) else error
    print("best first:")
    for result in sorted(results, key=lambda result: -result.metrics["return"]):
        show(result.metrics["config"], result.metrics)


if __name__ == "__main__":
    console.run(search)
