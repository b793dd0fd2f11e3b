"""Measure what the shipped settings reach on other environments, and write docs/environments.md.

    make environments ARGS="--jobs 2"

Interrupt it at any time: it resumes where it stopped.
"""

import re

from starter import preflight

preflight.check()

import numpy as np
from typer import Option

from scripts.measuring import CELLS, Part, cells, measure, short, table, write
from starter import PROJECT, Problem, console
from starter.environments.environment import Environment, parse_arguments

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

READING = """The best possible mean returns are about 0.74 in slippery FrozenLake, 1 in the
other, 7.9 in Taxi, -13 in CliffWalking and -0.05 in Blackjack, where the dealer has the edge. A
higher mean than these is luck: each is a mean of 200 episodes at most.

Taxi's 500 states need longer exploration: with `"epsilon": [(0, 1.0), (150_000, 0.1)],` in
`configure`, seed 0 is solved after 131,072 timesteps, with 8.05 ± 2.4. If rewards
are much larger or smaller than the lander's, change `REWARD_SCALE` in `main.py`."""


def trainings(id, *arguments, flags=()):
    """Return the parts that train on an environment, one per seed."""
    name = re.sub(r"[^\w.=-]+", "-", "-".join([id, *arguments]))
    command = ["-m", "scripts.train", "--env", id, *(f"--env-arg={word}" for word in arguments)]
    return [Part(f"{name}-{s}", (*command, "--seed", str(s), *flags)) for s in SEEDS]


def row(environment, runs):
    """Return the row of one environment, of the figures of its seeds."""
    goal = "-" if environment.solved is None else f"{environment.solved:g}"
    random = short(np.mean(runs[0]["random"]))
    return [environment, random, goal, *cells(runs, environment)]


def environments(
    jobs: int = Option(1, min=1, help="Trainings at a time."),
    flags: str = Option("--render none", help="Flags of each training."),
):
    """Measure what is not measured yet, then write the report on those that trained."""
    groups = {words: trainings(*words, flags=flags.split()) for words in ENVIRONMENTS}
    failed = measure([[part] for group in groups.values() for part in group], jobs)
    rows = []
    for (id, *arguments), group in groups.items():
        runs = [part.load() for part in group]
        if all(runs):
            rows.append(row(Environment(id, parse_arguments(arguments)), runs))
    seeds = " / ".join(map(str, SEEDS))
    note = (
        f"Flags: `{flags}`. Seeds {seeds}. A dash means not solved, or that no threshold is set. "
        "± is the standard deviation of the returns."
    )
    head = f"environment|random policy|solved at|{CELLS}"
    write(REPORT, "make environments", note, table(head, rows), READING)
    if failed:
        raise Problem(f"could not be measured: {', '.join(failed)}")


if __name__ == "__main__":
    console.run(environments)
