"""Measure the default run, seed by seed, and RLlib's stock DQN beside it.

    make bench                             seeds 1 to 20
    make bench ARGS="--against HEAD~1"     the same seeds with that commit's code, in turn

It writes the tables of docs/benchmark.md, and docs/learning.png. Interrupt it at any time: it
resumes where it stopped.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from starter import preflight

preflight.check()

import numpy as np
from typer import Option

from scripts.maintain.measuring import STOCK, cells, measure, plot, write
from starter import PROJECT, Problem, console
from starter.environments.environment import load
from starter.evaluation import is_solved

DOCS = PROJECT / "docs"


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


def bench(
    seeds: int = Option(20, min=1, help="Measure seeds 1 to this one."),
    against: str = Option(None, metavar="COMMIT", help="Compare with the code of this commit."),
):
    """Measure what is not measured yet, then write the tables and the picture."""
    lander, runs = load("LunarLander-v2"), {"this code": []}
    with tempfile.TemporaryDirectory() as folder:
        if against:
            export(against, Path(folder))
            runs[against] = []
        for seed in range(1, seeds + 1):  # in turn: the machine may be slower later
            command = ["main.py", "--seed", str(seed)]
            for name, project in zip(runs, (PROJECT, Path(folder))):
                runs[name].append(measure(f"seed-{seed}-{name}", command, project))
    each = [
        {"seed": seed, **cells([run], lander)} for seed, run in enumerate(runs["this code"], 1)
    ]
    runs["RLlib's DQNConfig()"] = [measure(*STOCK)]
    whole = [summary(name, some, lander) for name, some in runs.items()]
    write(DOCS / "benchmark.md", whole, each)
    runs.pop(against, None)  # a commit's name says nothing to most who see the picture
    plot(DOCS / "learning.png", runs, lander)


if __name__ == "__main__":
    console.run(bench)
