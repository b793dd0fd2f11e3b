"""Measure the default run, seed by seed, and RLlib's stock DQN beside it.

    make bench                             seeds 1 to 20
    make bench ARGS="--against HEAD~1"     the same seeds with that commit's code, in turn

It writes docs/benchmark.md and docs/learning.png. Interrupt it at any time: it resumes where
it stopped.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence

from starter import preflight

preflight.check()

import numpy as np
from typer import Option

from scripts.maintain.measuring import CELLS, STOCK, Part, cells, measure, plot, table, write
from starter import PROJECT, Problem, console
from starter.environments.environment import load
from starter.evaluation import is_solved

DOCS = PROJECT / "docs"
HEAD = (
    *("code", "seeds solved", "median of means", "flights at 200 or more", "CPU seconds"),
    *("slowest", "peak memory", "timesteps", "timesteps a second"),
)

INTRO = "The default run with many seeds, and RLlib's own settings for comparison."
READING = """After training, each run's policy flies 100 fresh flights, which start where neither
training nor its evaluations did. (A commit from before this was so is shown by its last
evaluation.) *At the threshold* is the share of these flights that return at least 200. *Median of
means*, CPU seconds, timesteps and timesteps a second are medians over the seeds. CPU seconds are
those of the whole command. A timestep of this code is two frames of the lander; with RLlib's
settings, it is one. docs/learning.png shows the evaluations during training, and counts frames."""


def export(commit: str, folder: Path) -> None:
    """Put the files of a commit into a folder.

    Raises:
        Problem: if there is no such commit.
    """
    command = ["git", "archive", "--output", str(folder / "code.tar"), commit]
    if subprocess.run(command, cwd=PROJECT, stderr=subprocess.DEVNULL).returncode:
        raise Problem(f"--against {commit}: there is no such commit; see `git log`")
    shutil.unpack_archive(folder / "code.tar", folder)


def summary(name: str, runs: Sequence[Dict[str, Any]], lander) -> List[str]:
    """Return the row that sums up the figures of several seeds."""
    returns = [np.array(run["trained"]) for run in runs]
    seconds = [run["seconds"] for run in runs]
    return [
        name,
        f"{sum(is_solved(values, lander) for values in returns)} of {len(runs)}",
        f"{np.median([values.mean() for values in returns]):.0f}",
        f"{np.mean(np.concatenate(returns) >= lander.solved):.1%}",
        f"{np.median(seconds):.0f}",
        f"{max(seconds):.0f}",
        f"{max(run['peak'] for run in runs):.2f} GiB",
        f"{np.median([run['timesteps'] for run in runs]):,.0f}",
        f"{np.median([run['timesteps'] / run['training'] for run in runs]):,.0f}",
    ]


def bench(
    seeds: int = Option(20, min=1, help="Measure seeds 1 to this one."),
    against: str = Option(None, metavar="COMMIT", help="Compare with the code of this commit."),
    flags: str = Option("--render none", help="Flags of each training."),
):
    """Measure what is not measured yet, then write the report and the picture."""
    lander, parts = load("LunarLander-v2"), {"this code": []}
    with tempfile.TemporaryDirectory() as folder:
        if against:
            export(against, Path(folder))
            parts[against] = []
        for seed in range(1, seeds + 1):
            command = ("main.py", "--seed", str(seed), *flags.split())
            for name, where in zip(parts, (PROJECT, Path(folder))):
                parts[name].append(Part(f"seed-{seed}-{name}".replace(" ", "-"), command, where))
        for pair in zip(*parts.values()):  # in turn: the machine may be slower later
            measure(pair)
        parts["RLlib's DQNConfig()"] = [Part("stock", STOCK)]
        runs = {name: measure(some) for name, some in parts.items()}
    whole = table(HEAD, [summary(name, some, lander) for name, some in runs.items()])
    rows = [[seed, *cells([run], lander)] for seed, run in enumerate(runs["this code"], start=1)]
    each, note = table(("seed", *CELLS), rows), f"Flags: {flags or 'none'}."
    write(DOCS / "benchmark.md", "Benchmark", "make bench", INTRO, whole, each, READING, note)
    runs.pop(against, None)  # a commit's name says nothing to most who see the picture
    plot(DOCS / "learning.png", runs, lander)


if __name__ == "__main__":
    console.run(bench)
