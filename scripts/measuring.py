"""Trainings in processes of their own, their figures, and how a report shows them.

What was measured with the code as it is now is not measured again, so interrupt it at any time.
Delete runs/benchmark/ to start over.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from starter import PROJECT, preflight

preflight.check()

import numpy as np

from starter.files import replacing
from starter.storage import settings, tables

RESULTS = PROJECT / "runs" / "benchmark"
CELLS = "timesteps trained, if solved|greedy policy|at the threshold|CPU seconds"
CODE = (
    "main.py",
    "requirements.txt",
    "starter/**/*.py",
    "examples/*.py",
    "scripts/train.py",
    "scripts/stock.py",
)


@dataclass(frozen=True)
class Part:
    """One training to measure; its figures are kept in runs/benchmark/.

    Attributes:
        name: what it is called there.
        command: what Python runs; `--output` is added.
        folder: where to run it.
        code: what else it measures, beside the project's own code.
    """

    name: str
    command: Tuple[str, ...]
    folder: Path = PROJECT
    code: str = ""

    @cached_property  # so that a file edited during the measurement changes no name
    def path(self) -> Path:
        """Where its figures are: another file for other code, packages or flags."""
        files = [path for pattern in CODE for path in sorted(PROJECT.glob(pattern))]
        words = repr((self.command, self.code)).encode()
        digest = hashlib.sha256(b"".join([words, *map(Path.read_bytes, files)])).hexdigest()
        return RESULTS / f"{self.name}-{digest[:12]}.json"

    def load(self) -> Optional[Dict[str, Any]]:
        """Return its figures; None if there are none for the code as it is now."""
        return json.loads(self.path.read_text("utf-8")) if self.path.exists() else None

    def save(self, figures: Dict[str, Any]) -> None:
        """Write its figures, whole or not at all."""
        with replacing(self.path) as scratch:
            scratch.write_text(json.dumps(figures) + "\n", "utf-8")


def measure(groups: Sequence[Sequence[Part]], jobs: int = 1) -> List[str]:
    """Run the groups of which a part has no figures, `jobs` parts at a time, in their order.

    The figures are those of `read`, and `cpu` in seconds, `seconds` from the command to the end,
    and `peak`, the memory in GiB.

    Returns:
        The names of the parts that failed.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    waiting = [part for group in groups if not all(p.load() for p in group) for part in group]
    running, failed = {}, []
    with tempfile.TemporaryDirectory() as outputs:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    part = waiting.pop(0)
                    print(f"measuring {part.name}", flush=True)
                    child = subprocess.Popen(
                        [sys.executable, *part.command, "--output", f"{outputs}/{part.name}"],
                        cwd=part.folder,
                        stdout=subprocess.DEVNULL,
                        start_new_session=True,  # Ctrl-C would end the training early
                    )
                    running[child.pid] = part, child, time.perf_counter()
                pid, status, usage = os.wait4(-1, 0)
                part, child, started = running.pop(pid)
                child.returncode = status
                if status:
                    failed.append(part.name)
                    continue
                seconds = time.perf_counter() - started
                cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20
                (run,) = Path(outputs, part.name).glob("*-seed*")
                for weights in run.glob("checkpoint_*/policy.npz"):
                    shutil.copyfile(weights, part.path.with_suffix(".npz"))
                part.save({**read(run), "cpu": cpu, "seconds": seconds, "peak": peak})
        finally:
            for _, child, _ in running.values():
                child.kill()
                child.wait()
    return failed


def read(run: Path) -> Dict[str, Any]:
    """Return what a run's files say.

    These are `history`, a `[timesteps, mean training return]` per iteration; `training`, the
    seconds in `algorithm.train()`; `evaluations`, the returns of each; `kept`, those of the
    policy in the checkpoint, if there is one; `random`'s; and `action_repeat`, 1 if none is named.
    """
    rows = tables.read(run / "statistics.csv")
    returns = {}
    for row in tables.read(run / "evaluations.csv"):
        returns.setdefault(row["iteration"], []).append(float(row["return"]))
    checkpoints = run.glob("checkpoint_*/training.json")
    kept = [returns.get(json.loads(path.read_text("utf-8"))["best"]) for path in checkpoints]
    return {
        "history": [[row["timesteps_total"], float(row["episode_reward_mean"])] for row in rows],
        "training": rows[-1]["time_total_s"],
        "random": returns.pop("random", []),
        "action_repeat": settings.read(run).get("action_repeat", 1),
        "evaluations": list(returns.values()),
        "kept": kept[0] if kept else None,
    }


def best(figures: Dict[str, Any], environment) -> np.ndarray:
    """Return the evaluation of the policy that the run kept, shape (episodes,).

    Without a checkpoint, it is the best one.
    """
    if figures.get("kept"):
        return np.array(figures["kept"])
    returns = map(np.array, figures["evaluations"])
    return max(returns, key=lambda r: (environment.is_solved(r), r.mean()))


def cpu() -> str:
    """Return the CPU's name, as Linux has it, or else its architecture."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:  # macOS
        found = None
    return found[1] if found else platform.machine()


def short(value: float) -> str:
    """Return a number as a report shows it: with decimals only if it is small."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def cells(runs: Sequence[Dict[str, Any]], environment) -> List[str]:
    """Return what CELLS names, with a value for each of the runs."""
    returns = [best(run, environment) for run in runs]
    solved = [environment.is_solved(values) for values in returns]
    timesteps = [f"{run['history'][-1][0]:,}" for run in runs]
    goal = environment.solved
    columns = [
        [number if yes else "-" for number, yes in zip(timesteps, solved)],
        [f"{short(values.mean())} ± {short(values.std())}" for values in returns],
        ["-" if goal is None else f"{(values >= goal).mean():.0%}" for values in returns],
        [f"{run['cpu']:.0f}" for run in runs],
    ]
    return [" / ".join(column) for column in columns]


def plot(path: Path, curves: Dict[str, Sequence[Any]], environment):
    """Draw learning curves, the median and the range of each label's runs; return the axes.

    Where the runs differ in action repeat, the axis counts frames, the environment's own
    timesteps. A training that has ended stays where it ended; a dot is the kept policy's greedy
    evaluation.
    """
    from matplotlib.figure import Figure

    repeats = {run["action_repeat"] for runs in curves.values() for run in runs}
    axes = Figure(figsize=(8, 4), dpi=150, layout="constrained").subplots()
    for label, runs in curves.items():
        own = [run["action_repeat"] if len(repeats) > 1 else 1 for run in runs]
        histories = [np.array(run["history"]) * [times, 1] for run, times in zip(runs, own)]
        ends = np.array([history[-1] for history in histories])
        timesteps = np.linspace(histories[0][0][0], ends[:, 0].max(), 500)
        means = [np.interp(timesteps, *np.transpose(history)) for history in histories]
        (line,) = axes.plot(timesteps, np.median(means, axis=0), lw=2, label=label)
        band = np.min(means, axis=0), np.max(means, axis=0)
        axes.fill_between(timesteps, *band, color=line.get_color(), alpha=0.2, lw=0)
        greedy = [best(run, environment).mean() for run in runs]
        axes.plot(ends[:, 0], greedy, "o", color=line.get_color())
    solved = environment.solved
    axes.axhline(solved, color="gray", ls="--", lw=1.2, label=f"solved: {solved:g}")
    axes.plot([], [], "o", color="gray", label="kept policy, greedy")
    unit = "timesteps" if len(repeats) == 1 else "frames"
    axes.set(xlabel=unit, ylabel="mean return of the last 100 training episodes")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.figure.legend(loc="outside upper center", ncol=3, frameon=False)
    with replacing(path) as scratch:
        axes.figure.savefig(scratch, format="png")
    return axes


def table(head: str, rows: Sequence[Sequence[Any]]) -> str:
    """Return a table in Markdown; the names in `head` have a | between them."""
    names = head.split("|")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write(path: Path, command: str, note: str, *tables: str) -> None:
    """Write a report, and print it: how it was measured, where, and the tables."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} cores of {cpu()}, {memory:.0f} GiB"
    report = "\n\n".join([f"Measured by `{command}` on {machine}. {note}", *tables]) + "\n"
    with replacing(path) as scratch:
        scratch.write_text(report, "utf-8")
    print(f"\n{report}\nwrote {path}")
