"""Trainings in processes of their own, and reports on their figures."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Sequence

import numpy as np
import pandas as pd
from tabulate import tabulate

from scripts.verify import machine
from starter import PROJECT, Problem
from starter.evaluation import is_solved
from starter.storage import settings

Figures = Dict[str, Any]


def measure(name: str, command: Sequence[str], folder: Path = PROJECT) -> Figures:
    """Let Python run a training, called `name`, in a project's folder; return its figures.

    They are those of `read`, the CPU `seconds`, and the `peak` of its memory in GiB.
    """
    print(f"measuring {name}", flush=True)
    with tempfile.TemporaryDirectory() as output:
        usage = run([*command, "--output", output], folder)
        figures = read(next(Path(output).glob("*-seed*")))
    seconds = usage.ru_utime + usage.ru_stime
    return {**figures, "seconds": seconds, "peak": usage.ru_maxrss / 2**20}


def run(command, folder):
    """Run Python in a folder; return its use of resources, as `os.wait4` does."""
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
    return usage


def read(run: Path) -> Figures:
    """Return the figures in a run's folder.

    They are `timesteps`; `frames`, how many of the environment's own timesteps these are;
    `training`, the seconds in `algorithm.train()`; `evaluations`, a `[frames, mean return]` each;
    `trained` and `random`, the returns of the kept policy and of the random one in fresh
    episodes. An older commit has none of the kept policy: there, they are its last evaluation's.
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
        "trained": returns.get("trained") or returns[str(iterations[-1])],
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
