"""Draw docs/corridor.png, the table of examples/q_table.py: `make expected` calls it."""

from starter import preflight

preflight.check()


import numpy as np
from matplotlib.figure import Figure

from examples import q_table
from starter import PROJECT, console
from starter.files import replacing

DOCS = PROJECT / "docs"
EPISODES = (1, 2, 3, 20)


def corridor() -> Figure:
    """Draw the Q-value of walking right in each cell, after some episodes."""
    Q, random = np.zeros((q_table.GOAL + 1, len(q_table.ACTIONS))), np.random.default_rng(seed=0)
    tables = []
    for episode in range(1, EPISODES[-1] + 1):
        q_table.learn(Q, random)
        if episode in EPISODES:
            tables.append(Q[:, 1].copy())
    figure = Figure(figsize=(8, 2.6), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.array(tables)[:, :-1], cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    for row, table in enumerate(tables):
        for cell, value in enumerate(table[:-1]):
            color = "white" if value > 0.7 else "black"
            axes.text(cell, row, f"{value:.2f} →", ha="center", va="center", color=color)
        axes.text(q_table.GOAL, row, "goal", ha="center", va="center")
    axes.set_xticks(range(q_table.GOAL + 1), [f"cell {n}" for n in range(q_table.GOAL + 1)])
    axes.set_yticks(range(len(EPISODES)), [f"after episode {n}" for n in EPISODES])
    axes.set_xlim(-0.5, q_table.GOAL + 0.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def pictures():
    """Draw docs/corridor.png."""
    path = DOCS / "corridor.png"
    with replacing(path) as scratch:
        corridor().savefig(scratch, format="png", facecolor="white")
    print(f"wrote {path.relative_to(PROJECT)}")


if __name__ == "__main__":
    console.run(pictures)
