"""Search for settings with Ray Tune, on all cores or those of a cluster (--address): `make tune`.

Each trial trains with one combination of a small grid. It ends when its training episodes average
200, or when even its best iteration is below the median of what the other trials average.
"""

import logging
import os

import main
from starter import PROJECT, Problem, console
from starter.workers import local_ray, session

GRID = {"gamma": [0.97, 0.99], "n_step": [1, 3], "seed": [0, 1]}
FOLDER = PROJECT / "runs" / "tune"


def trial(settings):
    """Train with these settings, in a process of its own, until Tune ends it."""
    from starter.learning.build import build

    training = {name: value for name, value in settings.items() if name != "seed"}
    algorithm = build(main.configure(settings["seed"]).training(**training))
    while True:
        result = algorithm.train()
        yield {"timesteps": result["timesteps_total"], "mean": result["episode_reward_mean"]}


def search(iterations: int = main.ITERATIONS, address: str = ""):
    """Train with every combination in GRID; print a table, and draw the learning curves."""
    from matplotlib.figure import Figure
    from ray import air, tune

    session.start(1 if address else os.cpu_count(), address, [main.__name__])
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # it prints tracebacks
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C ends the search
    hopeless = tune.schedulers.MedianStoppingRule("training_iteration", grace_period=15)
    end = {"mean": main.LANDER.solved, "training_iteration": iterations}
    results = tune.Tuner(
        trial,
        param_space={name: tune.grid_search(values) for name, values in GRID.items()},
        tune_config=tune.TuneConfig(metric="mean", mode="max", scheduler=hopeless),
        run_config=air.RunConfig(local_dir=str(FOLDER), stop=end, verbose=0),
    ).fit()
    for error in results.errors:
        raise Problem(f"a trial failed: {local_ray.one_line(getattr(error, 'cause', error))}")
    table = results.get_dataframe().rename(columns=lambda name: name.replace("config/", ""))
    print(table.sort_values("mean")[[*GRID, "timesteps", "mean"]].to_string(index=False))
    axes = Figure(figsize=(10, 4), dpi=120, layout="constrained").subplots()
    for result in results:
        label = " ".join(f"{name}={value}" for name, value in result.config.items())
        axes.plot("timesteps", "mean", data=result.metrics_dataframe, label=label)
    axes.set(xlabel="timesteps", ylabel="mean return of the last 100 episodes")
    axes.legend(bbox_to_anchor=(1, 1))
    axes.figure.savefig(FOLDER / "curves.png")
    print(f"wrote {FOLDER / 'curves.png'}")


if __name__ == "__main__":
    console.run(search)
