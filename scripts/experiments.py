"""Change one line of the default run, and measure what comes of it: `make experiments`.

Each change is made in a copy of the project, where main.py then trains by itself, once with
each of two seeds. What its CSV files say is kept in runs/benchmark/, as benchmark.py
does it: what was measured with the code as it is now is not run again, so interrupt it when
you like. At the end it becomes docs/experiments.md.
"""

import csv
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

import numpy as np
import typer

import main
from scripts import benchmark  # makes the preflight check
from starter import Problem, console
from starter.storage.files import replacing

REPORT = PROJECT / "docs" / "experiments.md"
COPIED = ("main.py", "starter", "requirements.txt", "locks")
SEEDS = (0, 3)  # one says little: it may take twice as long as another without any change
COMPARED = 20  # the iteration at which the training returns stand side by side
STOCK = "stock"
STOCK_ITERATIONS = 10  # of RLlib's 1,000 timesteps each


@dataclass(frozen=True)
class Change:
    """One line of one file, or flags, or nothing: the default run.

    A line is given without the space before it and the comment after it, which stay.
    """

    what: str
    old: str = ""
    new: str = ""
    file: str = "main.py"
    flags: tuple = ()

    def apply(self, folder):
        """Change the line in the project in `folder`.

        Raises:
            Problem: if the line is not there exactly once.
        """
        if not self.old:
            return
        path = Path(folder, self.file)
        lines = path.read_text("utf-8").splitlines(keepends=True)
        found = [i for i, line in enumerate(lines) if line.split("  #")[0].strip() == self.old]
        if len(found) != 1:
            raise Problem(f"{self.file} has not, exactly once, the line: {self.old}")
        lines[found[0]] = lines[found[0]].replace(self.old, self.new)
        path.write_text("".join(lines), "utf-8")


CHANGES = {
    "baseline": Change("nothing changed"),
    "iterations": Change("a short training", flags=("--iterations", "10")),
    "replay": Change("hardly any replay", '"capacity": 100_000,', '"capacity": 512,'),
    # RLlib compares timesteps after each of 64 updates: with 1, it would be after the first.
    "target": Change(
        "no target network", "target_network_update_freq=1_000,", "target_network_update_freq=0,"
    ),
    "gamma": Change("short-sighted", "gamma=0.99,", "gamma=0.9,"),
    "epsilon": Change(
        "never at random",
        '"epsilon": [(0, 1.0), (15_000, 0.15), (60_000, 0.15), (90_000, 0.01)],',
        '"epsilon": [(0, 0.0)],',
    ),
    "time-limit": Change(
        "a time limit taken for a crash",
        'terminals[t, i] = not info.get("TimeLimit.truncated", False)',
        "terminals[t, i] = True",
        file="starter/learning/sampler.py",
    ),
    "learning-rate": Change(
        "a learning rate ten times as high",
        "lr_schedule=[[0, 1e-3], [100_000, 2e-4]],",
        "lr_schedule=[[0, 1e-2], [100_000, 2e-3]],",
    ),
    "n-step": Change("one reward at a time", "n_step=3,", "n_step=1,"),
    "reward-scale": Change(
        "rewards as they come", '"reward_scale": REWARD_SCALE,', '"reward_scale": 1,'
    ),
}


PARTS = {f"{name}-seed-{seed}": (name, seed) for seed in SEEDS for name in CHANGES}


def measure(part):
    """Train with this change and seed; leaves the figures, whole or not at all."""
    name, seed = PARTS[part]
    with tempfile.TemporaryDirectory() as folder:
        for copied in COPIED:
            copy = shutil.copytree if (PROJECT / copied).is_dir() else shutil.copy
            copy(PROJECT / copied, Path(folder, copied))
        CHANGES[name].apply(folder)
        started = time.perf_counter()
        flags = ["--render", "none", "--output", "runs", "--seed", str(seed)]
        command = [sys.executable, "main.py", *flags, *CHANGES[name].flags]
        benchmark.run_alone(part, command, folder)
        seconds = time.perf_counter() - started
        (run,) = Path(folder, "runs").glob("*-seed*")
        rows, evaluations = (read(run / f"{what}.csv") for what in ("statistics", "evaluations"))
    returns = {}
    for row in evaluations:
        returns.setdefault(row["iteration"], []).append(float(row["return"]))
    random = returns.pop("random")
    history = [[int(row["timesteps_total"]), float(row["episode_reward_mean"])] for row in rows]
    figures = {"returns": list(returns.values())[-1], "random": random, "history": history}
    save(part, {**figures, "seconds": seconds})


def stock():
    """RLlib's `DQNConfig()` as it comes but for the seed, in this process, in the same game."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.learning.adapter import GymnasiumAdapter
    from starter.learning.build import build

    started = time.perf_counter()
    config = DQNConfig().environment(GymnasiumAdapter, env_config=main.LANDER.config)
    algorithm = build(config.debugging(seed=1, log_level="ERROR"))
    results = [algorithm.train() for _ in range(STOCK_ITERATIONS)]
    history = [[r["timesteps_total"], float(r["episode_reward_mean"])] for r in results]
    returns = main.evaluate(algorithm.get_policy()).tolist()
    seconds = time.perf_counter() - started
    save(STOCK, {"returns": returns, "history": history, "seconds": seconds})


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def declared(part):
    """What a measurement is of, beside the code: another change makes it worthless."""
    if part == STOCK:
        return {"iterations": STOCK_ITERATIONS}
    return {**asdict(CHANGES[PARTS[part][0]]), "flags": list(CHANGES[PARTS[part][0]].flags)}


def save(part, figures):
    benchmark.save(f"experiment-{part}", {**figures, "declared": declared(part)})


def load(part):
    """The figures of a part; None if it has none for the code as it is now."""
    found = benchmark.load(f"experiment-{part}")
    return found if found and found["declared"] == declared(part) else None


def row(name, runs):
    """Of each run, in one cell: where it ended, its last evaluation, the training, the time."""
    returns = [np.array(run["returns"]) for run in runs]
    histories = [run["history"] for run in runs]
    cells = [
        [f"{h[-1][0]:,}" if main.is_solved(r) else "-" for h, r in zip(histories, returns)],
        [f"{r.mean():.0f} ± {r.std():.0f}" for r in returns],
        [f"{(r >= benchmark.SOLVED).sum()}" for r in returns],
        [f"{h[COMPARED - 1][1]:.0f}" if len(h) >= COMPARED else "-" for h in histories],
        [f"{run['seconds']:.0f}" for run in runs],
    ]
    return (name, *(" / ".join(cell) for cell in cells))


def report():
    """The figures as Markdown."""
    lines = [
        (name, change.what, f"`{change.file}`", f"`{change.old}`", f"`{change.new}`")
        if change.old
        else (name, change.what, "flag", "", f"`{' '.join(change.flags)}`")
        for name, change in CHANGES.items()
        if name != "baseline"
    ]
    head = (
        "experiment",
        "solved after timesteps",
        "greedy policy at the end",
        "of 100 at 200 or more",
        f"training mean, iteration {COMPARED}",
        "seconds",
    )
    rows = [row(name, [load(f"{name}-seed-{seed}") for seed in SEEDS]) for name in CHANGES]
    baseline, stock = load(f"baseline-seed-{SEEDS[0]}"), load(STOCK)
    rows.append((*row(STOCK, [stock])[:4], "-", f"{stock['seconds']:.0f}"))
    random = row("random actions", [{**baseline, "returns": baseline["random"]}])
    rows.append((*random[:4], "", ""))
    timesteps, mean = stock["history"][-1]
    near, own = min(baseline["history"], key=lambda point: abs(point[0] - timesteps))
    return "\n\n".join(
        [
            f"Measured by `make experiments` on {benchmark.machine()}, with seeds "
            f"{' / '.join(map(str, SEEDS))}. Timesteps and returns are this CPU's to the digit; "
            "seconds depend on what else runs. A dash: not by the last iteration.",
            benchmark.table(("experiment", "", "in", "the line", "becomes"), lines),
            benchmark.table(head, rows),
            f"`{STOCK}` is RLlib's `DQNConfig()` as it comes, for {timesteps:,} timesteps, one "
            f"seed: its training mean was {mean:.0f} by then; `baseline`'s was {own:.0f} after "
            f"{near:,}.\n",
        ]
    )


def experiments(part: str = typer.Option(None, help="Measure this part alone.")):
    """Measure what is not measured yet, then write the report."""
    benchmark.RESULTS.mkdir(exist_ok=True)
    if part:
        return stock() if part == STOCK else measure(part)
    for part in [*PARTS, STOCK]:
        if load(part) is None:
            print(f"measuring {part}", flush=True)
            if part == STOCK:
                benchmark.run_alone(part, [sys.executable, __file__, "--part", part])
            else:
                measure(part)
    with replacing(REPORT) as scratch:
        scratch.write_text(report(), "utf-8")
    print(f"\n{report()}\nwrote {REPORT.relative_to(PROJECT)}")


if __name__ == "__main__":
    console.run(experiments)
