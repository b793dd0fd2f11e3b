"""Search for settings with Ray Tune, on all cores or those of a cluster (--address): `make tune`.

Each trial trains the lander with one combination of a small grid, and evaluates its greedy policy
every few iterations. A trial ends when that mean return reaches main.py's STOP_RETURN, or after
ten iterations if half of the trials before it were better by then.
"""

from starter import preflight

preflight.check()

import logging
import math
import os

from typer import Option

import main
from starter import PROJECT, Problem, console
from starter.environments.environment import load
from starter.workers import session

GRID = {"gamma": [0.97, 0.99], "n_step": [1, 3], "seed": [0, 1]}
EVALUATE_EVERY = 5  # iterations
EPISODES = 50  # of an evaluation
FIRST_SEED = 2_000_000  # of its first episode: main.py evaluates other ones
SECONDS = 1.5  # for an iteration, with its share of the start and of an evaluation, on one core
FOLDER = PROJECT / "runs" / "tune"  # of Tune's own records


def trial(settings):
    """Train with these settings, in a process of its own, until Tune ends it."""
    training = {name: value for name, value in settings.items() if name != "seed"}
    lander = load("LunarLander-v2")
    algorithm = main.configure(settings["seed"], lander).training(**training).build()
    while True:
        for _ in range(EVALUATE_EVERY):
            algorithm.train()
        with algorithm.averaged():
            returns = main.evaluate(algorithm.greedy, lander, EPISODES, FIRST_SEED)
        yield {"iteration": algorithm.iteration, "return": returns.mean()}


def search(
    iterations: int = Option(
        20, min=1, help=f"Of each trial, rounded up to a multiple of {EVALUATE_EVERY}."
    ),
    address: str = Option(None, metavar="HOST:PORT", help="Ray cluster; auto: this machine's."),
):
    """Train with every combination of a grid, and rank them by what the greedy policy returns."""
    import ray
    from ray import air, tune

    class Progress(tune.Callback):
        """Print a line for each evaluation."""

        def on_trial_result(self, trial, result, **info):
            settings = " ".join(f"{name}={value}" for name, value in trial.config.items())
            row = f"{settings} iteration={result['iteration']} return={result['return']:.1f}"
            print(row, flush=True)

    session.start(1 if address else os.cpu_count(), address, [main.__name__])
    cores = int(ray.cluster_resources()["CPU"])
    trials = math.prod(map(len, GRID.values()))
    minutes = math.ceil(trials / cores) * iterations * SECONDS / 60
    estimate = f"up to {math.ceil(minutes)} min if nothing else runs"
    print(f"{trials} trials on {cores} cores: {estimate}", flush=True)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # it prints tracebacks
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C ends the search
    # Variables of its own for a trial would need Ray's agent, which `session` does not start.
    tune.execution.ray_trial_executor.DEFAULT_ENV_VARS.clear()
    halving = tune.schedulers.ASHAScheduler(
        "iteration", max_t=iterations, grace_period=min(10, iterations), reduction_factor=2
    )
    results = tune.Tuner(
        trial,
        param_space={name: tune.grid_search(values) for name, values in GRID.items()},
        tune_config=tune.TuneConfig(metric="return", mode="max", scheduler=halving),
        run_config=air.RunConfig(
            local_dir=str(FOLDER),
            stop={"return": main.STOP_RETURN},
            callbacks=[Progress()],
            failure_config=air.FailureConfig(fail_fast=True),
            verbose=0,
        ),
    ).fit()
    for error in results.errors:
        raise error.cause if isinstance(error, Problem) else error
    table = results.get_dataframe().rename(columns=lambda name: name.replace("config/", ""))
    table = table.sort_values("return", ascending=False).round({"return": 1})
    print(table[[*GRID, "iteration", "return"]].to_string(index=False))


if __name__ == "__main__":
    console.run(search)
