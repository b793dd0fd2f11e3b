"""Measure what the default settings reach on other environments, and write docs/environments.md.

Interrupt it at any time: it resumes where it stopped.
"""

import re
from typing import List

from starter import preflight

preflight.check()

import numpy as np
from typer import Option

from scripts.maintain.measuring import CELLS, Part, cells, measure, short, table, write
from starter import PROJECT, console
from starter.environments.environment import load, parse_arguments

REPORT = PROJECT / "docs" / "environments.md"
SEEDS = (0, 1, 2)
ENVIRONMENTS = (  # the ID, then arguments
    ("FrozenLake-v1", "is_slippery=true"),
    ("FrozenLake-v1", "is_slippery=false"),
    ("Taxi-v3",),
    ("CliffWalking-v0",),
    ("Blackjack-v1",),
    ("CartPole-v1",),
    ("Acrobot-v1",),
    ("MountainCar-v0",),
    ("examples.autoscaler:Autoscaler-v0",),
)

INTRO = """What main.py's settings reach on environments that they were not chosen for. The policy
that a run kept was evaluated in 100 fresh episodes: their mean return ± its standard deviation,
and the share of them at the threshold."""

READING = f"""A cell has a line for each of the seeds {", ".join(map(str, SEEDS))}. A dash means
not solved, or that no threshold is set.

The best possible mean returns are about 0.74 in slippery FrozenLake, 1 in the
other, 7.9 in Taxi, -13 in CliffWalking and -0.05 in Blackjack, where the dealer has the edge. A
higher mean than these is luck.

Taxi's 500 states need longer exploration: try `"epsilon": [(0, 1.0), (150_000, 0.1)],` in
`configure`. If rewards are much larger or smaller than the lander's, change `reward_scale`."""


def trainings(id: str, *arguments: str, flags=()) -> List[Part]:
    """Return the trainings to measure on an environment, one per seed."""
    name = re.sub(r"[^\w.=-]+", "-", "-".join([id, *arguments]))
    words = ["scripts/train.py", "--env", id, *(f"--env-arg={word}" for word in arguments)]
    return [Part(f"{name}-{s}", (*words, "--seed", str(s), *flags)) for s in SEEDS]


def environments(flags: str = Option("--render none", help="Flags of each training.")):
    """Measure what is not measured yet, then write the report."""
    rows = []
    for id, *arguments in ENVIRONMENTS:
        environment = load(id, parse_arguments(arguments))
        runs = measure(trainings(id, *arguments, flags=flags.split()))
        goal = "-" if environment.solved is None else f"{environment.solved:g}"
        rows.append(
            [environment, short(np.mean(runs[0]["random"])), goal, *cells(runs, environment)]
        )
    body = table(("environment", "random policy", "solved at", *CELLS), rows)
    note = f"Flags: `{flags}`."
    write(REPORT, "Other environments", "make environments", INTRO, body, READING, note)


if __name__ == "__main__":
    console.run(environments)
