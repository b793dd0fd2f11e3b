"""Measure the default run, seed by seed, and beside it RLlib's stock DQN: `make bench`.

Each part runs in a process of its own and leaves a JSON file in benchmarks/results/. A part
that has its file is not run again, so an interrupted benchmark goes on where it stopped;
`make bench ARGS=--again` begins anew. At the end the figures become benchmarks/results.md and
the picture docs/learning.png.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from starter import preflight

preflight.check()

import numpy as np

import main
from starter.run_folder import replacing

RESULTS = PROJECT / "benchmarks" / "results"
SEEDS = range(1, 11)
ENVIRONMENTS = (1, 4, 16, 64)
STOCK_TIMESTEPS = 3_000
FRESH_SEED = 9_000_000  # of the first fresh episode; training and its evaluations never see it


def seed(number):
    """The default run with this seed, to the end of its training."""
    started = time.perf_counter()
    algorithm = main.build_algorithm(number)
    history = []
    rllibs_train = algorithm.train

    def train():
        before = time.perf_counter()
        result = rllibs_train()
        history.append(
            {
                "timesteps": result["timesteps_total"],
                "mean": result["episode_reward_mean"],
                "seconds": time.perf_counter() - before,
                "at": time.perf_counter() - started,
            }
        )
        return result

    algorithm.train = train
    main.train(algorithm, iterations=60, stop_reward=main.SOLVED)
    seconds = time.perf_counter() - started
    returns = main.evaluate(algorithm.get_policy(), first_seed=FRESH_SEED)
    return {
        "seconds": seconds,
        "training_seconds": sum(row["seconds"] for row in history),
        "timesteps": history[-1]["timesteps"],
        "returns": returns.tolist(),
        "history": history,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def stock():
    """RLlib's `DQNConfig()` as it comes, in gym's own lander."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.local_rllib import build

    algorithm = build(DQNConfig().environment(main.ENVIRONMENT))
    started = time.perf_counter()
    while True:
        result = algorithm.train()
        if result["timesteps_total"] >= STOCK_TIMESTEPS:
            seconds = time.perf_counter() - started
            return {"timesteps": result["timesteps_total"], "seconds": seconds}


def environments(number, sampler=None):
    """Three iterations with this number of environments; the first is not counted."""
    from starter.local_rllib import build

    config = main.configure(0).rollouts(num_envs_per_worker=number)
    if sampler:
        config.offline_data(input_=sampler)
    algorithm = build(config)
    first = algorithm.train()["timesteps_total"]
    started = time.perf_counter()
    algorithm.train()
    last = algorithm.train()["timesteps_total"]
    return {"timesteps": last - first, "seconds": time.perf_counter() - started}


PARTS = {"stock": (stock,), "rllibs-sampler": (environments, 16, "sampler")}
PARTS.update({f"environments-{number}": (environments, number) for number in ENVIRONMENTS})
PARTS.update({f"seed-{number}": (seed, number) for number in SEEDS})


def load(part):
    return json.loads((RESULTS / f"{part}.json").read_text())


def measure(part):
    """Run one part in this process and leave its file, whole or not at all."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    function, *arguments = PARTS[part]
    with replacing(RESULTS / f"{part}.json") as scratch:
        scratch.write_text(json.dumps(function(*arguments)) + "\n")


def machine():
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(": ")[1] for line in lines if "model name" in line), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}"
    )


def report():
    """The figures as Markdown."""
    runs = [load(f"seed-{number}") for number in SEEDS]
    means = [np.mean(run["returns"]) for run in runs]
    shares = [np.mean(np.array(run["returns"]) >= main.SOLVED) for run in runs]
    speeds = [run["timesteps"] / run["training_seconds"] for run in runs]
    stock = load("stock")
    stock_speed = stock["timesteps"] / stock["seconds"]
    lines = [
        f"Measured by `make bench` on {machine()}.",
        "",
        "| figure | goal | measured |",
        "|---|---|---|",
        f"| seeds whose greedy policy averages 200 over 100 fresh episodes | 10 of 10 "
        f"| {sum(mean >= main.SOLVED for mean in means)} of {len(means)} |",
        f"| median of those means | 240 | {np.median(means):.0f} |",
        f"| episodes with a return of 200 or more | 85 % | {100 * np.mean(shares):.0f} % |",
        f"| time to the end of training, median | 60 s "
        f"| {np.median([run['seconds'] for run in runs]):.0f} s |",
        f"| the same, slowest seed | 90 s | {max(run['seconds'] for run in runs):.0f} s |",
        f"| timesteps a second, against stock `DQNConfig()` | 30 times "
        f"| {np.median(speeds) / stock_speed:.0f} times "
        f"({np.median(speeds):.0f} against {stock_speed:.0f}) |",
        f"| peak memory | 2 GiB | {max(run['peak_mb'] for run in runs) / 1024:.1f} GiB |",
        "",
        "| seed | mean return | standard deviation | 200 or more | timesteps | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for number, run in zip(SEEDS, runs):
        returns = np.array(run["returns"])
        lines.append(
            f"| {number} | {returns.mean():.0f} | {returns.std():.0f} "
            f"| {(returns >= main.SOLVED).sum()} of {len(returns)} "
            f"| {run['timesteps']:,} | {run['seconds']:.0f} |"
        )
    lines += ["", "| environments | timesteps a second |", "|---|---|"]
    for number in ENVIRONMENTS:
        cost = load(f"environments-{number}")
        lines.append(f"| {number} | {cost['timesteps'] / cost['seconds']:,.0f} |")
    cost = load("rllibs-sampler")
    lines.append(f"| 16, RLlib's own sampler | {cost['timesteps'] / cost['seconds']:,.0f} |")
    early = np.median([run["history"][3]["seconds"] for run in runs])
    late = np.median([run["history"][-1]["seconds"] for run in runs])
    lines += ["", f"Iteration 4 takes {early:.2f} s, the last one {late:.2f} s (medians)."]
    return "\n".join(lines) + "\n"


def plot(path):
    """The training means of all seeds over timesteps: median, and range."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    histories = [load(f"seed-{number}")["history"] for number in SEEDS]
    longest = max(histories, key=len)
    # A seed that was solved stays where it ended.
    means = np.array(
        [
            [history[min(i, len(history) - 1)]["mean"] for i in range(len(longest))]
            for history in histories
        ]
    )
    timesteps = [row["timesteps"] for row in longest]
    figure, axes = pyplot.subplots(figsize=(8, 4), dpi=100)
    axes.fill_between(timesteps, means.min(0), means.max(0), alpha=0.25, label="range")
    axes.plot(timesteps, np.median(means, 0), label="median of 10 seeds")
    axes.axhline(main.SOLVED, color="gray", linestyle="--", label="solved")
    axes.set(xlabel="timesteps", ylabel="mean return of the last 100 training episodes")
    axes.legend(loc="lower right")
    figure.tight_layout()
    with replacing(path) as scratch:
        figure.savefig(scratch, format="png")


def bench():
    if "--again" in sys.argv:
        for part in PARTS:
            path = RESULTS / f"{part}.json"
            if path.exists():
                path.unlink()
    for part in PARTS:
        if not (RESULTS / f"{part}.json").exists():
            print(f"measuring {part}", flush=True)
            command = [sys.executable, __file__, "--part", part]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with replacing(PROJECT / "benchmarks" / "results.md") as scratch:
        scratch.write_text(report())
    plot(PROJECT / "docs" / "learning.png")
    print(report())


if __name__ == "__main__":
    if "--part" in sys.argv:
        measure(sys.argv[-1])
    else:
        try:
            bench()
        except KeyboardInterrupt:
            sys.exit("interrupted: run it again to go on with what is left")
