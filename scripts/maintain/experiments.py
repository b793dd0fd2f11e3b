"""Change one line of the default run, and measure what comes of it: `make experiments`.

Each change is made in a copy of the project, where main.py then trains with each of two seeds.
It writes the table of docs/experiments.md, and docs/experiments.png. Interrupt it at any time: it
resumes where it stopped.
"""

import shutil
import tempfile
from pathlib import Path

from starter import preflight

preflight.check()

from scripts.maintain.measuring import STOCK, cells, measure, plot, write
from starter import PROJECT, Problem, console
from starter.environments.environment import load

DOCS = PROJECT / "docs"
SEEDS = (0, 3)  # with one alone, chance may double the time that training takes
CHANGES = {  # a text in main.py or in starter/learning/sampler.py, and what replaces it
    "ITERATIONS = 60": "ITERATIONS = 5",
    "action_repeat=2": "action_repeat=1",
    '"capacity": 50_000,': '"capacity": 512,',
    "target_network_update_freq=512,": "target_network_update_freq=4_096,",
    "gamma=0.99,": "gamma=0.9,",
    '"epsilon": [(0, 1.0), (10_000, 0.15)],': '"epsilon": [(0, 0.0)],',
    'terminals[t, i] = not info.get("TimeLimit.truncated", False)': "terminals[t, i] = True",
    "lr_schedule=[[0, 3e-3], [40_000, 1e-3]],": "lr_schedule=[[0, 3e-2], [40_000, 1e-2]],",
    "n_step=3,": "n_step=1,",
    '"reward_scale": 0.05,': '"reward_scale": 1,',
}
DRAWN = ("target_network_update_freq=512,", "gamma=0.99,")


def change(project, old):
    """Replace `old` in a copy of the project; raise a Problem if it is not there."""
    for path in (project / "main.py", project / "starter" / "learning" / "sampler.py"):
        text = path.read_text("utf-8")
        if old in text:
            path.write_text(text.replace(old, CHANGES[old]), "utf-8")
            return
    raise Problem(f"experiments.py changes {old}, which is no longer in the code")


def train(old):
    """Return the figures of each seed's run with a change, or without one."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copytree(PROJECT / "starter", project / "starter")
        shutil.copytree(PROJECT / "locks", project / "locks")
        for file in ("main.py", "requirements.txt"):
            shutil.copy(PROJECT / file, project)
        if old:
            change(project, old)
        command = ["main.py", "--render", "none", "--seed"]
        return [measure(f"{old}-{seed}", [*command, str(seed)], project) for seed in SEEDS]


def experiments():
    """Measure what is not measured yet, then write the table and the picture."""
    lander, default = load("LunarLander-v2"), train(None)
    runs = {old: train(old) for old in CHANGES}
    random = {"trained": default[0]["random"], "timesteps": 0, "seconds": 0}
    rows = {
        "nothing": default,
        **{f"`{old}` → `{CHANGES[old]}`": some for old, some in runs.items()},
        "RLlib's own `DQNConfig()`, one seed": [measure(*STOCK)],
        "random actions": [random],
    }
    table = [{"change": name, **cells(some, lander)} for name, some in rows.items()]
    write(DOCS / "experiments.md", table)
    drawn = {"default": default, **{CHANGES[old].strip(","): runs[old] for old in DRAWN}}
    plot(DOCS / "experiments.png", drawn, lander)


if __name__ == "__main__":
    console.run(experiments)
