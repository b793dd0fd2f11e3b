"""Train with many seeds, with changes and on other environments, and report it in docs/.

Each replaces the tables of its page; bench and experiments also draw a picture.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Sequence

from starter import preflight

preflight.check()

import numpy as np
import pandas as pd
from tabulate import tabulate
from typer import Option

import main
from scripts.verify import machine
from starter import PROJECT, Problem, console
from starter.environments.environment import load, parse_arguments
from starter.evaluation import is_solved
from starter.storage import settings

DOCS = PROJECT / "docs"
STOCK = "stock", ["scripts/maintain/reports.py", "stock"]  # what `measure` takes for RLlib's DQN
CHANGES = {  # a text in main.py or in starter/learning/sampler.py, and what replaces it
    "ITERATIONS = 60": "ITERATIONS = 5",
    "action_repeat=2": "action_repeat=1",
    '"capacity": 50_000,': '"capacity": 512,',
    '"mirrored": 0.5,': '"mirrored": 0,',
    "target_network_update_freq=512,": "target_network_update_freq=4_096,",
    "gamma=0.99,": "gamma=0.9,",
    "margin=1.0,": "margin=0,",
    '"epsilon": [(0, 1.0), (3_000, 0.15)],': '"epsilon": [(0, 0.0)],',
    'terminals[t, i] = not infos[i].get("TimeLimit.truncated", False)': "terminals[t, i] = True",
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
Figures = Dict[str, Any]


def measure(name: str, command: Sequence[str], folder: Path = PROJECT) -> Figures:
    """Let Python run a training, called `name`, in a project's folder; return its figures.

    They are those of `read`, the CPU `seconds`, and the `peak` of its memory in GiB. Raise a
    `Problem` if it fails.
    """
    print(f"measuring {name}", flush=True)
    with tempfile.TemporaryDirectory() as output:
        command = [*command, "--output", output]
        child = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C would end the training early, as if it were complete
        )
        try:
            _, child.returncode, usage = os.wait4(child.pid, 0)
        finally:
            child.kill()
        if child.returncode:
            raise Problem(f"{' '.join(command)} failed: its message is above")
        figures = read(next(Path(output).glob("*-seed*")))
    return {**figures, "seconds": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 2**20}


def read(run: Path) -> Figures:
    """Return the figures in a run's folder.

    They are `timesteps`; `frames`, how many of the environment's own timesteps these are;
    `training`, the seconds in `algorithm.train()`; `evaluations`, a `[frames, mean return]` each;
    `trained` and `random`, the returns of the kept policy and of the random one in fresh episodes.
    """
    rows = pd.read_csv(run / "statistics.csv")
    episodes = pd.read_csv(run / "evaluations.csv", dtype={"iteration": str})
    returns = {name: list(group) for name, group in episodes.groupby("iteration")["return"]}
    frames = rows["timesteps_total"] * settings.read(run).get("action_repeat", 1)
    iterations = sorted(int(name) for name in returns if name.isdigit())
    return {
        "timesteps": rows["timesteps_total"].iloc[-1],
        "frames": frames.iloc[-1],
        "training": rows["time_total_s"].iloc[-1],
        "evaluations": [[frames[n - 1], np.mean(returns[str(n)])] for n in iterations],
        "trained": returns["trained"],
        "random": returns.get("random"),
    }


def short(value: float) -> str:
    """Return a number with decimals only if it is small."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def cells(runs: Sequence[Figures], environment) -> Dict[str, str]:
    """Return the cells of a report's row by heading, with a line for each run."""
    lines = []
    for run in runs:
        returns = np.array(run["trained"])
        reached = returns >= environment.target
        timesteps = f"{run['timesteps']:,}" if is_solved(returns, environment) else "-"
        lines.append(
            {
                "timesteps trained, if solved": timesteps,
                "best policy": f"{short(returns.mean())} ± {short(returns.std())}",
                "at the threshold": "-" if environment.solved is None else f"{reached.mean():.0%}",
                "CPU seconds": f"{run['seconds']:.0f}",
            }
        )
    return {heading: "<br>".join(line[heading] for line in lines) for heading in lines[0]}


def write(path: Path, *tables: Sequence[Dict[str, Any]]) -> None:
    """Replace the tables of a page, in order, and the name of the machine that measured them.

    A table is a list of rows: their cells, by heading.
    """
    new, here = iter(tables), f"{os.cpu_count()} cores of {machine()}."

    def table(_):
        return tabulate(next(new), "keys", tablefmt="github", disable_numparse=True) + "\n"

    page = re.sub(r"(?m)^(\|.*\n)+", table, path.read_text("utf-8"))
    page = re.sub(r"(?m)^(Measured by `[^`]+` on ).*", lambda found: found[1] + here, page)
    path.write_text(page, "utf-8")
    print(page)


def plot(path: Path, curves: Dict[str, Sequence[Figures]], environment) -> None:
    """Draw how the runs of each label learn: their evaluations, and how many have solved it.

    A larger dot is the kept policy's return in fresh episodes, where its training ended.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    above, below = figure.subplots(2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    for number, (label, runs) in enumerate(curves.items()):
        color, solved, end = f"C{number}", [], max(run["frames"] for run in runs)
        above.plot([], [], "o-", color=color, label=label)
        for run in runs:
            last = run["frames"], np.mean(run["trained"])
            above.plot(*zip(*run["evaluations"], last), ".-", color=color, lw=0.7, alpha=0.5)
            above.plot(*last, "o", color=color)
            if is_solved(np.array(run["trained"]), environment):
                solved.append(run["frames"])
        shares = np.arange(len(solved) + 1) / len(runs)
        below.step([0, *sorted(solved), end], [*shares, shares[-1]], where="post", color=color)
    above.axhline(environment.solved, color="gray", ls="--", lw=1.2)
    above.set(ylabel="mean return, greedy policy")
    below.set(xlabel="frames", ylabel="runs solved", ylim=(-0.05, 1.05))
    below.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    below.xaxis.set_major_formatter("{x:,.0f}")
    figure.legend(loc="outside upper center", ncol=3, frameon=False)
    figure.savefig(path)


def bench(seeds: int = Option(20, min=1, help="Measure seeds 1 to this one.")):
    """Measure the default run, seed by seed, and RLlib's stock DQN."""
    lander = load("LunarLander-v2")
    runs = [measure(f"seed-{n}", ["main.py", "--seed", str(n)]) for n in range(1, seeds + 1)]
    each = [{"seed": seed, **cells([run], lander)} for seed, run in enumerate(runs, start=1)]
    runs = {"this code": runs, "RLlib's DQNConfig()": [measure(*STOCK)]}
    whole = [summary(name, some, lander) for name, some in runs.items()]
    write(DOCS / "benchmark.md", whole, each)
    plot(DOCS / "learning.png", runs, lander)


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
    rows = {
        "nothing": default,
        **{f"`{old}` → `{CHANGES[old]}`": some for old, some in runs.items()},
        "RLlib's own `DQNConfig()`, one seed, 10,000 timesteps": [measure(*STOCK)],
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
        command += [*(f"--env-arg={argument}" for argument in arguments), "--seed"]
        runs = [measure(f"{environment}-{seed}", [*command, str(seed)]) for seed in (0, 1, 2)]
        row = {
            "environment": environment,
            "random policy": short(np.mean(runs[0]["random"])),
            "solved at": "-" if environment.solved is None else f"{environment.solved:g}",
        }
        table.append({**row, **cells(runs, environment)})
    write(DOCS / "environments.md", table)


def stock(output: Path = Option("runs", help="Create the run's folder in this one.")):
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
