"""Change one line of the default run, and measure what comes of it: `make experiments`.

Each change is made in a copy of the project, where main.py then trains with each of two seeds.
It writes docs/experiments.md and docs/experiments.png. Interrupt it at any time: it resumes
where it stopped.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from starter import preflight

preflight.check()

from typer import Option

import main
from scripts.benchmark import STOCK
from scripts.measuring import CELLS, Part, cells, measure, plot, table, write
from starter import PROJECT, Problem, console

REPORT = PROJECT / "docs" / "experiments.md"
PICTURE = PROJECT / "docs" / "experiments.png"
COMPARED = 10  # the iteration at which the training returns stand side by side
DRAWN = ("baseline", "target", "gamma")
COPIED = ("main.py", "starter", "requirements.txt", "locks")
SEEDS = (0, 3)  # one says little: it may take twice as long as another without any change


@dataclass(frozen=True)
class Change:
    """Some words of one file that become others; or flags; or nothing: the default run."""

    old: str = ""
    new: str = ""
    file: str = "main.py"
    flags: tuple = ()

    def apply(self, folder):
        """Change the words in the project in `folder`.

        Raises:
            Problem: if they are not there exactly once.
        """
        path = Path(folder, self.file)
        text = path.read_text("utf-8")
        if self.old and text.count(self.old) != 1:
            raise Problem(f"{self.file} must have this exactly once: {self.old}")
        path.write_text(text.replace(self.old, self.new), "utf-8")


CHANGES = {
    "baseline": Change(),
    "iterations": Change(flags=("--iterations", "5")),
    "action-repeat": Change("action_repeat=2", "action_repeat=1"),
    "replay": Change('"capacity": 50_000,', '"capacity": 512,'),
    "target": Change("target_network_update_freq=512,", "target_network_update_freq=4_096,"),
    "gamma": Change("gamma=0.99,", "gamma=0.9,"),
    "epsilon": Change('"epsilon": [(0, 1.0), (10_000, 0.15)],', '"epsilon": [(0, 0.0)],'),
    "time-limit": Change(
        'terminals[t, i] = not info.get("TimeLimit.truncated", False)',
        "terminals[t, i] = True",
        file="starter/learning/sampler.py",
    ),
    "learning-rate": Change(
        "lr_schedule=[[0, 3e-3], [40_000, 1e-3]],",
        "lr_schedule=[[0, 3e-2], [40_000, 1e-2]],",
    ),
    "n-step": Change("n_step=3,", "n_step=1,"),
    "reward-scale": Change('"reward_scale": REWARD_SCALE,', '"reward_scale": 1,'),
}


def trainings(name, folder):
    """Change a copy of the project in `folder`; return the parts that train there."""
    project, change = Path(folder, name), CHANGES[name]
    project.mkdir()
    for source in (PROJECT / copied for copied in COPIED):
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, project / source.name)
    change.apply(project)
    command = ("main.py", "--render", "none", *change.flags, "--seed")
    return [Part(f"{name}-{seed}", (*command, str(seed)), project, repr(change)) for seed in SEEDS]


def row(name, runs):
    """Return the row of a change, of the figures of its seeds."""
    returns = [dict(enumerate(run["history"], start=1)).get(COMPARED) for run in runs]
    compared = " / ".join(f"{point[1]:.0f}" if point else "-" for point in returns)
    return [name, *cells(runs, main.LANDER), compared]


def report(runs, stock):
    """Write docs/experiments.md and docs/experiments.png.

    Args:
        runs: the figures of each change, by its name, one per seed.
        stock: those of RLlib's stock DQN.
    """
    baseline = runs["baseline"][0]
    random = {"evaluations": [baseline["random"]], "history": [[0, 0]], "cpu": 0}
    runs = {**runs, "stock": [stock], "random actions": [random]}
    frames, mean = stock["history"][-1]
    history = [(point[0] * baseline["action_repeat"], point[1]) for point in baseline["history"]]
    near, own = min(history, key=lambda point: abs(point[0] - frames))
    write(
        REPORT,
        "make experiments",
        f"Seeds {' / '.join(map(str, SEEDS))}. Timesteps and returns are this CPU's to the digit; "
        "seconds depend on what else runs. A dash: not by the last iteration. README, part 8, and "
        "`CHANGES` in scripts/experiments.py have the lines that were changed.",
        table(
            f"experiment|{CELLS}|training mean, iteration {COMPARED}",
            [row(name, some) for name, some in runs.items()],
        ),
        f"`stock` is RLlib's `DQNConfig()` as it comes, one seed. Its training mean is {mean:.0f} "
        f"after {frames:,} frames; `baseline`'s is {own:.0f} after {near:,}. For `stock` and "
        "`action-repeat`, a timestep is one frame of the lander; otherwise it is two.",
    )
    plot(
        PICTURE, {CHANGES[name].new.strip(",") or name: runs[name] for name in DRAWN}, main.LANDER
    )


def experiments(jobs: int = Option(1, min=1, help="Trainings at a time.")):
    """Measure what is not measured yet, then write the report and the picture."""
    with tempfile.TemporaryDirectory() as folder:
        groups = {name: trainings(name, folder) for name in CHANGES}
        failed = measure([[STOCK], *([part] for group in groups.values() for part in group)], jobs)
    if failed:
        raise Problem(f"could not be measured: {', '.join(failed)}")
    report({name: [part.load() for part in group] for name, group in groups.items()}, STOCK.load())


if __name__ == "__main__":
    console.run(experiments)
