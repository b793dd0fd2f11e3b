"""Measure the default run, seed by seed, and RLlib's stock DQN beside it.

    make bench                             seeds 1 to 20
    make bench ARGS="--against HEAD~1"     each of them with that commit's code, too, in turn

It writes docs/benchmark.md and docs/learning.png. Interrupt it at any time: it resumes where
it stopped.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from starter import preflight

preflight.check()

import numpy as np
from typer import Option

import main
from scripts.measuring import CELLS, Part, best, cells, measure, plot, table, write
from starter import PROJECT, Problem, console
from starter.environments.environment import Environment

REPORT = PROJECT / "docs" / "benchmark.md"
PICTURE = PROJECT / "docs" / "learning.png"
SOLVED = main.LANDER.solved
FRESH_SEED = 9_000_000  # of the first fresh flight; neither training nor evaluation sees it
STOCK = Part("stock", ("-m", "scripts.stock"))
HEAD = (
    "|seeds solved|median of means|flights at 200 or more|CPU time ratio|time ratio|"
    "slowest / median|peak memory|timesteps|timesteps a second"
)
SEED_HEAD = f"seed|{CELLS}|fresh flights|of 100 at 200 or more|seconds|CPU time ratio|time ratio"

READING = """Fresh flights start where neither training nor evaluation did; the first table sums
up their returns. *At the threshold* is the share of the evaluation's flights that reached 200.
CPU seconds and seconds are those of the whole command. A ratio divides them by the other
commit's for the same seed, so below 1 is faster; the first table has the median of the seeds.
*Slowest / median* is of CPU seconds. This code repeats each action, so its timestep is two of the
lander's frames; in older commits and with RLlib's settings, it is one: do not compare timesteps
between rows. docs/learning.png counts frames."""


def export(commit, folder):
    """Put the files of a commit into a folder; return its short hash.

    Raises:
        Problem: if there is no such commit.
    """

    def git(*words):
        return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, check=True).stdout

    try:
        found = git("rev-parse", "--short", "--verify", f"{commit}^{{commit}}").decode().strip()
        git("archive", f"--output={folder}/code.tar", found)
    except (OSError, subprocess.CalledProcessError):
        raise Problem(f"--against {commit}: there is no such commit; see `git log`") from None
    shutil.unpack_archive(f"{folder}/code.tar", folder)
    return found


def fly(parts):
    """Add the returns of 100 fresh flights to each part's figures.

    None are added where its network has other layers than main.py's.
    """
    from starter.learning.build import check_shapes

    policy = None
    for part in parts:
        figures = part.load()
        if "fresh" in figures:
            continue
        policy = policy or main.build_algorithm(0).get_policy()
        weights = dict(np.load(part.path.with_suffix(".npz")))
        try:
            check_shapes(weights, policy.get_weights())
            policy.set_weights(weights)
            lander = Environment(main.LANDER.id, action_repeat=figures["action_repeat"])
            figures["fresh"] = main.evaluate(policy, lander, first_seed=FRESH_SEED).tolist()
        except Problem:
            print(f"{part.name}: no fresh flights, its network has other layers than main.py's")
            figures["fresh"] = None
        part.save(figures)


def ratios(runs, others):
    """Return the median ratios of CPU time and of time, run by run; dashes without `others`."""
    if not others:
        return "-", "-"
    pairs = list(zip(runs, others))
    return [
        f"{np.median([a[time] / b[time] for a, b in pairs]):.2f}" for time in ("cpu", "seconds")
    ]


def summary(name, runs, others=()):
    """Return the row that sums up the figures of several seeds."""
    means = shares = "-"
    if all(run["fresh"] for run in runs):
        fresh = np.array([run["fresh"] for run in runs])
        means = f"{np.median(fresh.mean(axis=1)):.0f}"
        shares = f"{100 * (fresh >= SOLVED).mean():.1f} %"
    solved = sum(main.LANDER.is_solved(best(run, main.LANDER)) for run in runs)
    cpu = [run["cpu"] for run in runs]
    timesteps = np.array([run["history"][-1][0] for run in runs])
    speeds = timesteps / [run["training"] for run in runs]
    return [
        *(name, f"{solved} of {len(runs)}", means, shares, *ratios(runs, others)),
        *(f"{max(cpu) / np.median(cpu):.1f}", f"{max(run['peak'] for run in runs):.2f} GiB"),
        *(f"{np.median(timesteps):,.0f}", f"{np.median(speeds):,.0f}"),
    ]


def report(runs, others, commit, note):
    """Write docs/benchmark.md and docs/learning.png.

    Args:
        runs: the figures of seeds 1, 2, ... with the project's code.
        others: those with the code of `commit`; empty without one.
        note: how they were measured.
    """
    stock = STOCK.load()
    stock["fresh"] = stock["evaluations"][-1]  # it has seen none of its evaluation's flights
    rows = [summary("this code", runs, others)]
    rows += [summary(f"`{commit}`", others, others)] if others else []
    rows += [summary("RLlib's `DQNConfig()`", [stock])]
    seeds = []
    for seed, run in enumerate(runs, start=1):
        fresh = np.array(run["fresh"])
        flights = f"{fresh.mean():.0f} ± {fresh.std():.0f}", (fresh >= SOLVED).sum()
        times = f"{run['seconds']:.0f}", *ratios([run], others[seed - 1 : seed])
        seeds.append([seed, *cells([run], main.LANDER), *flights, *times])
    write(REPORT, "make bench", note, table(HEAD, rows), table(SEED_HEAD, seeds), READING)
    curves = {"this code": runs, commit: others, "RLlib's DQNConfig()": [stock]}
    plot(PICTURE, {label: some for label, some in curves.items() if some}, main.LANDER)


def bench(
    seeds: int = Option(20, min=1, help="Measure seeds 1 to this one."),
    against: str = Option(None, metavar="COMMIT", help="Measure its code beside this."),
    jobs: int = Option(1, min=1, help="Trainings at a time; with more, times say less."),
    flags: str = Option("--render none", help="Flags of each training."),
):
    """Measure what is not measured yet, then write the report and the picture."""
    with tempfile.TemporaryDirectory() as folder:
        commit = export(against, folder) if against else None
        groups = []
        for seed in range(1, seeds + 1):
            command = ("main.py", "--seed", str(seed), *flags.split())
            groups.append([Part(f"seed-{seed}", command, code=f"beside {commit}")])
            if commit:
                groups[-1].append(Part(f"seed-{seed}-{commit}", command, Path(folder), commit))
        failed = measure([[STOCK], *groups], jobs)
    if failed:
        raise Problem(f"could not be measured: {', '.join(failed)}")
    fly([part for group in groups for part in group])
    runs, *others = [[part.load() for part in parts] for parts in zip(*groups)]
    note = f"Flags: `{flags}`; {jobs} training{'s' if jobs > 1 else ''} at a time."
    report(runs, others[0] if others else [], commit, note)


if __name__ == "__main__":
    console.run(bench)
