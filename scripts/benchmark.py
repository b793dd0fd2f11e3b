"""Measure the default run seed by seed, and RLlib's stock DQN beside it: `make bench`.

Each part runs alone, in a process of its own, and leaves a JSON file in runs/benchmark/.
A part that has its file, measured with the code as it is now, is not run again: interrupt it
when you like, and go on later. Delete the folder to measure everything anew.

At the end the figures become docs/benchmark.md, which docs/reference.md shows, and the picture
docs/learning.png.
"""

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

from starter import preflight

preflight.check()

import numpy as np
import typer

import main
from starter import Problem, console
from starter.storage.files import replacing
from starter.workers import cluster

RESULTS = PROJECT / "runs" / "benchmark"
REPORT = PROJECT / "docs" / "benchmark.md"
PICTURE = PROJECT / "docs" / "learning.png"
SEEDS = range(1, 11)
ENVIRONMENTS = (1, 4, 16, 64)
WORKERS = (0, 1, 2, 4)  # the same seeds without any, too: in the same hour
SOLVED = main.LANDER.solved
STOCK_TIMESTEPS = 2_000  # after the first 1,000, in which it does not learn yet
FRESH_SEED = 9_000_000  # of the first fresh episode; training's evaluations never see it


def seed(number, workers=0):
    """The default run with this seed, to the end of its training; then 100 fresh episodes."""
    started = time.perf_counter()
    cluster.start(workers)
    algorithm = main.build_algorithm(number, workers=workers)
    run = main.train(algorithm, main.ITERATIONS, SOLVED)
    seconds = time.perf_counter() - started
    cluster.stop()
    times = np.diff([0, *(row["time_total_s"] for row in run.rows)])
    history = [
        {
            "timesteps": row["timesteps_total"],
            "mean": row["episode_reward_mean"],
            "seconds": seconds_of_it,
        }
        for row, seconds_of_it in zip(run.rows, times)
    ]
    returns = main.evaluate(algorithm.get_policy(), first_seed=FRESH_SEED)
    return {"seconds": seconds, "returns": returns.tolist(), "history": history}


def worker_processes(number):
    """Seeds 1 and 2 with so many of them."""
    return {"runs": [seed(1, number), seed(2, number)]}


def stock():
    """RLlib's `DQNConfig()` as it comes, in gym's own lander, once it learns."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.learning.build import build

    config = DQNConfig().environment(main.LANDER.id).debugging(log_level="ERROR")
    algorithm = build(config)
    before = algorithm.train()["timesteps_total"]
    started = time.perf_counter()
    timesteps = before
    while timesteps < before + STOCK_TIMESTEPS:
        timesteps = algorithm.train()["timesteps_total"]
    return {"timesteps": timesteps - before, "seconds": time.perf_counter() - started}


def environments(number, rllibs_sampler=False):
    """Two iterations with this number of environments, after one that is not counted."""
    from starter.learning.build import build

    config = main.configure(0).rollouts(num_envs_per_worker=number)
    if rllibs_sampler:
        config.offline_data(input_="sampler")
    algorithm = build(config)
    before = algorithm.train()["timesteps_total"]
    started = time.perf_counter()
    algorithm.train()
    timesteps = algorithm.train()["timesteps_total"] - before
    return {"timesteps": timesteps, "seconds": time.perf_counter() - started}


def iterations():
    """The seconds of each of 40 iterations."""
    algorithm = main.build_algorithm(0)
    seconds = []
    for _ in range(40):
        started = time.perf_counter()
        algorithm.train()
        seconds.append(time.perf_counter() - started)
    return {"iterations": seconds}


PARTS = {
    "stock": (stock,),
    "iterations": (iterations,),
    "rllibs-sampler": (environments, 16, True),
    **{f"environments-{number}": (environments, number) for number in ENVIRONMENTS},
    **{f"workers-{number}": (worker_processes, number) for number in WORKERS},
    **{f"seed-{number}": (seed, number) for number in SEEDS},
}


def fingerprint():
    """Changes with the code that is measured and with its packages."""
    paths = ["main.py", "requirements.txt", "scripts/benchmark.py"]
    paths += sorted(path.relative_to(PROJECT) for path in PROJECT.glob("starter/**/*.py"))
    return hashlib.sha256(b"".join((PROJECT / path).read_bytes() for path in paths)).hexdigest()


def load(part):
    """The figures of a part; None if it has none for the code as it is now."""
    try:
        found = json.loads((RESULTS / f"{part}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if found.get("fingerprint") == fingerprint() else None


def measure(part):
    """Run one part in this process and leave its file, whole or not at all."""
    function, *arguments = PARTS[part]
    figures = function(*arguments)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    save(part, figures)


def save(part, figures):
    with replacing(RESULTS / f"{part}.json") as scratch:
        scratch.write_text(json.dumps({**figures, "fingerprint": fingerprint()}) + "\n", "utf-8")


def machine():
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(": ")[1] for line in lines if "model name" in line), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}"
    )


def speed(part):
    """Timesteps a second."""
    figures = load(part)
    return figures["timesteps"] / figures["seconds"]


def per_second(run):
    """Timesteps a second of a seed, while it trains."""
    history = run["history"]
    return history[-1]["timesteps"] / sum(row["seconds"] for row in history)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def report():
    """The figures as Markdown."""
    runs = [load(f"seed-{number}") for number in SEEDS]
    returns = np.array([run["returns"] for run in runs])
    means = returns.mean(axis=1)
    seconds = [run["seconds"] for run in runs]
    last = [run["history"][-1]["timesteps"] for run in runs]
    own_speed, stock_speed = np.median([per_second(run) for run in runs]), speed("stock")
    each = load("iterations")["iterations"]
    peak = max(run["peak_mb"] for run in runs) / 1024

    figures = [
        (
            f"seeds whose mean return is {SOLVED} or more",
            f"{(means >= SOLVED).sum()} of 10",
        ),
        ("median of those means", f"{np.median(means):.0f}"),
        (
            f"episodes with a return of {SOLVED} or more",
            f"{100 * (returns >= SOLVED).mean():.1f} %",
        ),
        ("from build to the end of training, median", f"{np.median(seconds):.0f} s"),
        ("the same, slowest seed", f"{max(seconds):.0f} s"),
        ("timesteps a second while training, median", f"{own_speed:,.0f}"),
        ("the same, RLlib's stock `DQNConfig()`", f"{stock_speed:,.0f}"),
        ("how many times faster", f"{own_speed / stock_speed:.0f}"),
        ("peak memory of its one process", f"{peak:.2f} GiB"),
    ]
    by_seed = [
        (n, f"{r.mean():.0f} ± {r.std():.0f}", (r >= SOLVED).sum(), f"{t:,}", f"{s:.0f}")
        for n, r, t, s in zip(SEEDS, returns, last, seconds)
    ]
    costs = [(n, f"{speed(f'environments-{n}'):,.0f}") for n in ENVIRONMENTS]
    costs.append(("16, with RLlib's own sampler", f"{speed('rllibs-sampler'):,.0f}"))
    by_workers = []
    for number in WORKERS:
        pair = load(f"workers-{number}")["runs"]
        solved = " and ".join(f"{run['seconds']:.0f}" for run in pair)
        by_workers.append((number, f"{np.mean([per_second(run) for run in pair]):,.0f}", solved))
    return "\n\n".join(
        [
            f"Measured by `make bench` on {machine()}.",
            table(["the default run, seeds 1 to 10", "measured"], figures),
            table(
                ["seed", "mean return", "of 100 at 200 or more", "timesteps", "seconds"], by_seed
            ),
            table(["environments at once", "timesteps a second"], costs),
            table(["`--workers`", "timesteps a second", "seconds, seeds 1 and 2"], by_workers),
            f"Iteration 4 takes {each[3]:.2f} s, iteration 40 takes {each[39]:.2f} s.\n",
        ]
    )


def plot():
    """The means of the last 100 training episodes over timesteps: all seeds' median and range."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    histories = [load(f"seed-{number}")["history"] for number in SEEDS]
    longest = max(histories, key=len)
    # A seed that was solved stays where it ended.
    means = np.array(
        [[h[min(i, len(h) - 1)]["mean"] for i in range(len(longest))] for h in histories]
    )
    timesteps = [row["timesteps"] for row in longest]
    figure, axes = pyplot.subplots(figsize=(8, 4), dpi=100, layout="constrained")
    axes.fill_between(timesteps, means.min(0), means.max(0), alpha=0.25, label="range of 10 seeds")
    axes.plot(timesteps, np.median(means, 0), label="median of 10 seeds")
    for history in histories:
        axes.plot(history[-1]["timesteps"], history[-1]["mean"], "k.", label="solved")
    axes.axhline(SOLVED, color="gray", linestyle="--")
    axes.set(xlabel="timesteps", ylabel="mean return of the last 100 episodes")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles))
    axes.legend(unique.values(), unique.keys(), loc="lower right")
    with replacing(PICTURE) as scratch:
        figure.savefig(scratch, format="png")


def run(part):
    """Have a process of its own measure this part."""
    run_alone(part, [sys.executable, __file__, "--part", part])


def run_alone(part, command, folder=None):
    """Run the command that measures this part, in that folder.

    Raises:
        Problem: if it fails.
    """
    child = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        # Out of reach of Ctrl-C: it would end a training early, and that would be counted.
        start_new_session=True,
    )
    try:
        if child.wait() != 0:
            raise Problem(f"{part} could not be measured")
    finally:
        child.kill()
        child.wait()


def bench(part: str = typer.Option(None, help="Measure this part alone, in this process.")):
    """Measure what is not measured yet, then write the report and the picture."""
    RESULTS.mkdir(exist_ok=True)
    if part:
        return measure(part)
    for part in PARTS:
        if load(part) is None:
            print(f"measuring {part}", flush=True)
            run(part)
    with replacing(REPORT) as scratch:
        scratch.write_text(report(), "utf-8")
    plot()
    print(f"\n{report()}\nwrote {REPORT.relative_to(PROJECT)} and {PICTURE.relative_to(PROJECT)}")


if __name__ == "__main__":
    console.run(bench)
