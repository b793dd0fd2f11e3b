"""Measure what the default settings reach on other environments, for docs/environments.md.

Interrupt it at any time: it resumes where it stopped.
"""

from starter import preflight

preflight.check()

import numpy as np

from scripts.maintain.measuring import cells, measure, short, write
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


def environments():
    """Measure what is not measured yet, then write the table."""
    table = []
    for id, *arguments in ENVIRONMENTS:
        environment = load(id, parse_arguments(arguments))
        command = ["scripts/train.py", "--render", "none", "--env", id]
        command += [f"--env-arg={argument}" for argument in arguments]
        command.append("--seed")
        runs = [measure(f"{environment}-{seed}", [*command, str(seed)]) for seed in SEEDS]
        row = {
            "environment": environment,
            "random policy": short(np.mean(runs[0]["random"])),
            "solved at": "-" if environment.solved is None else f"{environment.solved:g}",
        }
        table.append({**row, **cells(runs, environment)})
    write(REPORT, table)


if __name__ == "__main__":
    console.run(environments)
