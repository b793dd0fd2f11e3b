"""Train with many seeds, with changes and on other environments, and report it in docs/.

Each replaces the tables of its page; bench and experiments also draw a picture.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from starter import preflight

preflight.check()

import numpy as np
import pandas as pd
from typer import Option

import main
from scripts.maintain.measuring import cells, measure, plot, short, write
from starter import PROJECT, Problem, console
from starter.environments.environment import load, parse_arguments
from starter.evaluation import is_solved

DOCS = PROJECT / "docs"
STOCK = "stock", ["scripts/maintain/reports.py", "stock"]  # what `measure` takes for RLlib's DQN
CHANGES = {  # a text in main.py or in starter/learning/sampler.py, and what replaces it
    "ITERATIONS = 60": "ITERATIONS = 5",
    "action_repeat=2": "action_repeat=1",
    '"capacity": 50_000,': '"capacity": 512,',
    "target_network_update_freq=512,": "target_network_update_freq=4_096,",
    "gamma=0.99,": "gamma=0.9,",
    '"epsilon": [(0, 1.0), (10_000, 0.15)],': '"epsilon": [(0, 0.0)],',
    'terminals[t, i] = not info.get("TimeLimit.truncated", False)': "terminals[t, i] = True",
    "lr_schedule=[[0, 3e-3], [40_000, 1e-3]],": "lr_schedule=[[0, 3e-2], [40_000, 1e-2]],",
    "n_step=3,": "n_step=1,",
    '"reward_scale": 0.05,': '"reward_scale": 1,',
}
DRAWN = ("target_network_update_freq=512,", "gamma=0.99,")
ENVIRONMENTS = (  # the ID, then arguments
    ("FrozenLake-v1", "is_slippery=true"),
    ("FrozenLake-v1", "is_slippery=false"),
    ("Taxi-v3",),
    ("CliffWalking-v0",),
    ("Blackjack-v1",),
    ("CartPole-v1",),
    ("Acrobot-v1",),
    ("MountainCar-v0",),
    ("examples.autoscaler:Autoscaler-v0",),
)


def bench(
    seeds: int = Option(20, min=1, help="Measure seeds 1 to this one."),
    against: str = Option(None, metavar="COMMIT", help="Compare with the code of this commit."),
):
    """Measure the default run, seed by seed, and RLlib's stock DQN."""
    lander, runs, earlier = load("LunarLander-v2"), {"this code": []}, f"commit {against}"
    with tempfile.TemporaryDirectory() as folder:
        if against:
            export(against, Path(folder))
            runs[earlier] = []
        for seed in range(1, seeds + 1):  # in turn: the machine may be slower later
            command = ["main.py", "--seed", str(seed)]
            for name, project in zip(runs, (PROJECT, Path(folder))):
                runs[name].append(measure(f"seed-{seed}-{name}", command, project))
    numbered = enumerate(runs["this code"], start=1)
    each = [{"seed": seed, **cells([run], lander)} for seed, run in numbered]
    runs["RLlib's DQNConfig()"] = [measure(*STOCK)]
    whole = [summary(name, some, lander) for name, some in runs.items()]
    write(DOCS / "benchmark.md", whole, each)
    runs.pop(earlier, None)  # a commit's name says nothing to most who see the picture
    plot(DOCS / "learning.png", runs, lander)


def export(commit, folder):
    """Put the files of a commit into a folder; raise a Problem if there is no such commit."""
    command = ["git", "archive", "--output", folder / "code.tar", commit]
    if subprocess.run(command, cwd=PROJECT, stderr=subprocess.DEVNULL).returncode:
        raise Problem(f"--against {commit}: there is no such commit; see `git log`")
    shutil.unpack_archive(folder / "code.tar", folder)


def summary(name, runs, lander):
    """Return the row that sums up the figures of several seeds."""
    returns = [np.array(run["trained"]) for run in runs]
    seconds = [run["seconds"] for run in runs]
    speeds = [run["timesteps"] / run["training"] for run in runs]
    return {
        "code": name,
        "seeds solved": f"{sum(is_solved(some, lander) for some in returns)} of {len(runs)}",
        "median of means": f"{np.median([some.mean() for some in returns]):.0f}",
        "flights at 200 or more": f"{np.mean(np.concatenate(returns) >= lander.solved):.1%}",
        "CPU seconds": f"{np.median(seconds):.0f}",
        "slowest": f"{max(seconds):.0f}",
        "peak memory": f"{max(run['peak'] for run in runs):.2f} GiB",
        "timesteps": f"{np.median([run['timesteps'] for run in runs]):,.0f}",
        "timesteps a second": f"{np.median(speeds):,.0f}",
    }


def experiments():
    """Measure the default run with one line changed, for each of the changes."""
    lander, default = load("LunarLander-v2"), train(None)
    runs = {old: train(old) for old in CHANGES}
    random = {"trained": default[0]["random"], "timesteps": 0, "seconds": 0}
    rows = {
        "nothing": default,
        **{f"`{old}` → `{CHANGES[old]}`": some for old, some in runs.items()},
        "RLlib's own `DQNConfig()`, one seed, 10,000 timesteps": [measure(*STOCK)],
        "random actions": [random],
    }
    table = [{"change": name, **cells(some, lander)} for name, some in rows.items()]
    write(DOCS / "experiments.md", table)
    drawn = {"default": default, **{CHANGES[old].strip(","): runs[old] for old in DRAWN}}
    plot(DOCS / "experiments.png", drawn, lander)


def train(old):
    """Return the figures of main.py's runs in a copy of the project, with a change or without."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns(".*", "runs"))
        if old:
            change(project, old)
        command = ["main.py", "--render", "none", "--seed"]
        # With one seed alone, chance may double the time that training takes.
        return [measure(f"{old}-{seed}", [*command, str(seed)], project) for seed in (0, 3)]


def change(project, old):
    """Replace `old` in a copy of the project; raise a Problem if it is not there."""
    for path in (project / "main.py", project / "starter" / "learning" / "sampler.py"):
        text = path.read_text("utf-8")
        if old in text:
            path.write_text(text.replace(old, CHANGES[old]), "utf-8")
            return
    raise Problem(f"reports.py changes {old}, which is no longer in the code")


def environments():
    """Measure what the default settings reach on other environments."""
    table = []
    for id, *arguments in ENVIRONMENTS:
        environment = load(id, parse_arguments(arguments))
        command = ["scripts/train.py", "--render", "none", "--env", id]
        command += [f"--env-arg={argument}" for argument in arguments]
        command.append("--seed")
        runs = [measure(f"{environment}-{seed}", [*command, str(seed)]) for seed in (0, 1, 2)]
        row = {
            "environment": environment,
            "random policy": short(np.mean(runs[0]["random"])),
            "solved at": "-" if environment.solved is None else f"{environment.solved:g}",
        }
        table.append({**row, **cells(runs, environment)})
    write(DOCS / "environments.md", table)


def stock(output: Path = Option("runs", help="Put the run's folder into this one.")):
    """Train RLlib's `DQNConfig()` for 10 iterations of 1,000 timesteps, without action repeat."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.learning.adapter import GymnasiumAdapter
    from starter.learning.build import build
    from starter.learning.pilots import Greedy

    lander = load("LunarLander-v2", action_repeat=1)
    config = DQNConfig().environment(GymnasiumAdapter, env_config=lander.config)
    algorithm = build(config.debugging(seed=1, log_level="ERROR"))
    statistics = [algorithm.train() for _ in range(10)]
    returns = main.evaluate(Greedy(algorithm.get_policy()), lander)
    run = output / "stock-seed1"
    run.mkdir(parents=True)
    pd.DataFrame(statistics)[["timesteps_total", "time_total_s"]].to_csv(run / "statistics.csv")
    pd.DataFrame({"iteration": "trained", "return": returns}).to_csv(run / "evaluations.csv")


if __name__ == "__main__":
    reports = (bench, experiments, environments, stock)
    console.run({report.__name__: report for report in reports}[sys.argv.pop(1)])
