"""Change one line of the default run, and measure what comes of it: `make experiments`.

Each change is made in a copy of the project, where main.py then trains with each of two seeds.
It writes docs/experiments.md and docs/experiments.png. Interrupt it at any time: it resumes
where it stopped.
"""

import shutil
import tempfile
from pathlib import Path
from typing import List, NamedTuple, Tuple

from starter import preflight

preflight.check()

from scripts.maintain.measuring import CELLS, STOCK, Part, cells, measure, plot, table, write
from starter import PROJECT, Problem, console
from starter.environments.environment import load

DOCS = PROJECT / "docs"
COPIED = ("main.py", "starter", "requirements.txt", "locks")
SEEDS = (0, 3)  # with one alone, chance may double the time that training takes
DRAWN = ("baseline", "target", "gamma")


class Change(NamedTuple):
    """A text in one file that is replaced; or flags; or nothing, for the default run."""

    old: str = ""
    new: str = ""
    file: str = "main.py"
    flags: Tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.old:
            return f"`{self.old}` → `{self.new}`"
        return f"`{' '.join(self.flags)}`" if self.flags else "nothing"

    def apply(self, project: Path) -> None:
        """Replace the text in a copy of the project.

        Raises:
            Problem: if it is not there.
        """
        text = (project / self.file).read_text("utf-8")
        if self.old not in text:
            raise Problem(f"an experiment changes {self.old}, which {self.file} no longer has")
        (project / self.file).write_text(text.replace(self.old, self.new), "utf-8")


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
    "reward-scale": Change('"reward_scale": 0.05,', '"reward_scale": 1,'),
}

INTRO = """Each row is the default run with one change. After training, the policy flies 100 fresh
flights: their mean return ± its standard deviation, and the share of them at 200 or more."""
READING = f"""A cell has a line for each of the seeds {" and ".join(map(str, SEEDS))}. A dash means
that the lander was not solved. A timestep is two frames of the lander; with `action_repeat=1` and
with RLlib's settings, it is one."""


def trainings(name: str, folder: Path) -> List[Part]:
    """Change a copy of the project in `folder`; return the trainings to measure there."""
    project, change = folder / name, CHANGES[name]
    project.mkdir()
    for source in (PROJECT / copied for copied in COPIED):
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, project / source.name)
    change.apply(project)
    command = ("main.py", "--render", "none", *change.flags, "--seed")
    return [Part(f"{name}-{seed}", (*command, str(seed)), project) for seed in SEEDS]


def experiments():
    """Measure what is not measured yet, then write the report and the picture."""
    lander = load("LunarLander-v2")
    with tempfile.TemporaryDirectory() as folder:
        parts = {name: trainings(name, Path(folder)) for name in CHANGES}
        runs = {name: measure(some) for name, some in parts.items()}
    rows = [[CHANGES[name], *cells(some, lander)] for name, some in runs.items()]
    stock = measure([Part("stock", STOCK)])
    random = {"trained": runs["baseline"][0]["random"], "timesteps": 0, "seconds": 0}
    rows.append(["RLlib's own `DQNConfig()`, one seed", *cells(stock, lander)])
    rows.append(["random actions", *cells([random], lander)])
    page, body = DOCS / "experiments.md", table(("change", *CELLS), rows)
    write(page, "Experiments", "make experiments", INTRO, body, READING)
    labels = {CHANGES[name].new.strip(",") or "default": runs[name] for name in DRAWN}
    plot(DOCS / "experiments.png", labels, lander)


if __name__ == "__main__":
    console.run(experiments)
