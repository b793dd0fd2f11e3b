"""Trainings in processes of their own, their figures in runs/benchmark/, and reports on them.

What was measured with the same code is not measured again, so interrupt it at any time. Delete
runs/benchmark/ to start over.
"""

import csv
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from starter import PROJECT, Problem, preflight

preflight.check()

import numpy as np
from tabulate import tabulate

from starter.evaluation import is_solved
from starter.files import replacing
from starter.storage import settings

RESULTS = PROJECT / "runs" / "benchmark"
CODE = (
    *("main.py", "requirements.txt", "starter/**/*.py", "examples/*.py"),
    *("scripts/train.py", "scripts/maintain/stock.py"),
)
STOCK = ("scripts/maintain/stock.py",)  # what Python runs to train RLlib's stock DQN
CELLS = ("timesteps trained, if solved", "greedy policy", "at the threshold", "CPU seconds")


class Part:
    """One training to measure.

    Args:
        name: what its figures' file is called, before a digest of its command and its code.
        command: what Python runs; `--output` is added.
        folder: where to run it; by default the project itself.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path = PROJECT):
        self.name, self.command, self.folder = name, tuple(command), folder
        digest = hashlib.sha256(repr(self.command).encode())
        for path in [path for pattern in CODE for path in sorted(folder.glob(pattern))]:
            digest.update(path.read_bytes())
        self.path = RESULTS / f"{name}-{digest.hexdigest()[:12]}.json"

    @property
    def figures(self) -> Optional[Dict[str, Any]]:
        """What `measure` found; None before that."""
        return json.loads(self.path.read_text("utf-8")) if self.path.exists() else None

    def measure(self) -> None:
        """Train, and keep the figures: those of `read`, CPU `seconds`, and `peak` in GiB.

        Raises:
            Problem: if the training fails.
        """
        print(f"measuring {self.name}", flush=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as output:
            child = subprocess.Popen(
                [sys.executable, *self.command, "--output", output],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(self.folder)},
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C would end the training early
            )
            try:
                _, child.returncode, usage = os.wait4(child.pid, 0)
            finally:
                child.kill()
            if child.returncode:
                raise Problem(f"{self.name} could not be measured: its message is above")
            (run,) = Path(output).glob("*-seed*")
            seconds, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20
            with replacing(self.path) as scratch:
                scratch.write_text(json.dumps({**read(run), "seconds": seconds, "peak": peak}))


def measure(parts: Sequence[Part]) -> List[Dict[str, Any]]:
    """Return the figures of all parts, in order; measure those that have none."""
    for part in parts:
        if not part.figures:
            part.measure()
    return [part.figures for part in parts]


def read(run: Path) -> Dict[str, Any]:
    """Return the figures in a run's folder.

    They are `timesteps`; `frames`, how many of the environment's own timesteps these are;
    `training`, the seconds in `algorithm.train()`; `evaluations`, a `[frames, mean return]` each;
    `trained` and `random`, the returns of the kept policy and of the random one in fresh
    episodes. Older code flew none with the kept policy; then these are its last evaluation's.
    """

    def csv_rows(name):
        return csv.DictReader((run / name).read_text("utf-8").splitlines())

    rows, returns = list(csv_rows("statistics.csv")), {}
    for row in csv_rows("evaluations.csv"):
        returns.setdefault(row["iteration"], []).append(float(row["return"]))
    timesteps = [int(row["timesteps_total"]) for row in rows]
    frames = [number * settings.read(run).get("action_repeat", 1) for number in timesteps]
    evaluations = {int(n): values for n, values in returns.items() if n.isdigit()}
    return {
        "timesteps": timesteps[-1],
        "frames": frames[-1],
        "training": float(rows[-1]["time_total_s"]),
        "evaluations": [[frames[n - 1], np.mean(values)] for n, values in evaluations.items()],
        "trained": returns.get("trained") or list(evaluations.values())[-1],
        "random": returns.get("random"),
    }


def machine() -> str:
    """Return the name of the CPU and the version of the C library, as far as Linux has them."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:  # macOS
        found = None
    return " ".join([found[1] if found else platform.machine(), "with", *platform.libc_ver()])


def short(value: float) -> str:
    """Return a number with decimals only if it is small."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def cells(runs: Sequence[Dict[str, Any]], environment) -> List[str]:
    """Return what `CELLS` names, with a line in each cell for each run."""
    rows = []
    for run in runs:
        returns = np.array(run["trained"])
        reached = returns >= environment.target
        rows.append(
            [
                f"{run['timesteps']:,}" if is_solved(returns, environment) else "-",
                f"{short(returns.mean())} ± {short(returns.std())}",
                "-" if environment.solved is None else f"{reached.mean():.0%}",
                f"{run['seconds']:.0f}",
            ]
        )
    return ["<br>".join(column) for column in zip(*rows)]


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table in Markdown."""
    return tabulate(rows, head, tablefmt="github", disable_numparse=True)


def write(path: Path, title: str, command: str, *paragraphs: str) -> None:
    """Write and print a report: its title, paragraphs and tables, and how it was measured."""
    where = f"Measured by `{command}` on {os.cpu_count()} cores of {machine()}."
    with replacing(path) as scratch:
        scratch.write_text("\n\n".join([f"# {title}", *paragraphs, where]) + "\n", "utf-8")
    print(path.read_text("utf-8"))


def plot(path: Path, curves: Dict[str, Sequence[Dict[str, Any]]], environment) -> None:
    """Draw how the runs of each label learn: their evaluations, and how many have solved it.

    A larger dot is the kept policy's return in fresh episodes, where its training ended.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    above, below = figure.subplots(2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    end = max(run["frames"] for runs in curves.values() for run in runs)
    for number, (label, runs) in enumerate(curves.items()):
        color, solved = f"C{number}", []
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
    with replacing(path) as scratch:
        figure.savefig(scratch, format="png")
