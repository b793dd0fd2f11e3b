"""Draw docs/corridor.png, the table that examples/q_table.py learns: `make expected` calls it."""

from starter import preflight

preflight.check()

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from examples import q_table
from starter import PROJECT, console

EPISODES = (1, 2, 3, 20)


def corridor():
    """Draw the Q-value of walking right in each cell, after some episodes."""
    Q, random = np.zeros((q_table.GOAL + 1, len(q_table.ACTIONS))), np.random.default_rng(seed=0)
    words, values = [], []
    for episode in range(1, EPISODES[-1] + 1):
        q_table.learn(Q, random)
        if episode in EPISODES:
            words.append([*(f"{value:.2f} →" for value in Q[:-1, 1]), "goal"])
            values.append(Q[:, 1].copy())
    figure = Figure(figsize=(8, 2.2), dpi=110)
    axes = figure.add_axes((0.18, 0.02, 0.81, 0.96), frame_on=False, xticks=[], yticks=[])
    axes.table(
        words,
        colormaps["Blues"](np.array(values) / 2),  # pale enough for black text
        cellLoc="center",
        rowLabels=[f"after episode {episode}" for episode in EPISODES],
        colLabels=[f"cell {cell}" for cell in range(q_table.GOAL + 1)],
        bbox=(0, 0, 1, 1),
    )
    figure.savefig(PROJECT / "docs" / "corridor.png")


if __name__ == "__main__":
    console.run(corridor)
